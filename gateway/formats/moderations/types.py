"""The neutral form: what is to be judged, and the judgements."""

from msgspec import Struct, field

from gateway.formats.types import JSONDict, Usage


class ModerationRequest(Struct, frozen=True, kw_only=True):
    """Each of the `inputs` is judged by itself."""

    model: str
    inputs: tuple[str, ...]
    extras: JSONDict = field(default_factory=dict)


class Judgement(Struct, frozen=True, kw_only=True):
    """By the names of categories; `scores` from 0 to 1."""

    flagged: bool
    categories: dict[str, bool]
    scores: dict[str, float]


class Judgements(Struct, frozen=True, kw_only=True):
    """One for each input, in their order. `usage` is null where the upstream gave none."""

    judgements: tuple[Judgement, ...]
    usage: Usage | None = None
