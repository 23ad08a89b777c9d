"""The neutral form: what is to be embedded, and what came of it."""

from typing import Literal

from msgspec import Struct, field

from gateway.formats.types import JSONDict, Usage

# What the vectors are for: several models make others of a query than of a document.
Purpose = Literal[
    "query",
    "document",
    "similarity",
    "classification",
    "clustering",
    "question_answering",
    "fact_verification",
    "code_query",
]
Input = str | tuple[int, ...]  # a text, or the tokens of one
Vector = list[float]


class EmbeddingRequest(Struct, frozen=True, kw_only=True):
    """`format` is where it came from, and whose the `extras` are.

    `truncate`: what is too long is cut (true) or refused (false); null: as the provider does.
    `title` is that of the document which the one text is of.
    """

    format: str
    model: str
    inputs: tuple[Input, ...]
    dimensions: int | None = None
    input_type: Purpose | None = None
    truncate: bool | None = None
    title: str | None = None
    user: str | None = None
    extras: JSONDict = field(default_factory=dict)


class Embeddings(Struct, frozen=True, kw_only=True):
    """A vector for each input, in their order. `usage` is null where the upstream gave none."""

    vectors: tuple[Vector, ...]
    usage: Usage | None = None
