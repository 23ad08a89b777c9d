"""The neutral form: what is to be put in order, and the order."""

from msgspec import Struct, field

from gateway.formats.types import JSONDict, Usage


class RerankRequest(Struct, frozen=True, kw_only=True):
    """`extras` are what only Cohere's format and those like it know."""

    model: str
    query: str
    documents: tuple[str, ...]
    top_n: int | None = None
    return_documents: bool | None = None
    extras: JSONDict = field(default_factory=dict)


class Ranked(Struct, frozen=True):
    """`index` is that of a document in the request, `score` from 0 to 1 in most formats."""

    index: int
    score: float


class Ranking(Struct, frozen=True, kw_only=True):
    """The most relevant first. `usage` is null where the upstream gave none."""

    ranked: tuple[Ranked, ...]
    usage: Usage | None = None
