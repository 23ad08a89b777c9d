"""What came of choosing: whom a call may ask, whom not and why, and what is said of it."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

import msgspec
from msgspec import Struct

from gateway.controls import Controls
from gateway.errors import BadRequest, GatewayError, NotAllowed, RateLimited, Unavailable
from gateway.formats.needs import Needs
from gateway.names import Named
from gateway.routing import Target
from gateway.snapshot import Principal

Why = Literal["asked", "key", "needs", "context", "cost", "limit", "blocked"]
LIMITS = frozenset(
    {"rate_limit", "quota", "reserve"}
)  # kinds of blocks that are no fault of anybody's
TRACED = 12  # candidates of each kind


class Ask(Struct, frozen=True):
    """What a call wants of a candidate. Tokens are estimates."""

    principal: Principal
    needs: Needs
    prompt_tokens: int
    max_tokens: int | None  # of the answer, where the client bounds it
    output_tokens: int  # that the price is estimated for
    controls: Controls
    units: dict[str, int] = {}  # what else is paid for

    @property
    def room(self) -> int:
        """Tokens that a context has to have, for the prompt and what is bounded of the answer."""
        return self.prompt_tokens + (self.output_tokens if self.max_tokens else 0)


class Excluded(Struct, frozen=True, omit_defaults=True):
    """A candidate that is not tried, and why, in words for a person."""

    model: str
    connection: str
    why: Why
    reason: str
    left_s: float = 0.0  # seconds until it may be tried again


class Score(NamedTuple):
    """What put a candidate where it is, and what that is: a name of `strategies.Measure`, or `lot`,
    which the session drew."""

    value: float
    measure: str


class Choice(Struct, frozen=True):
    """`order` are those to try, `scores` what put them there, by `Target.key`. `nearest` is, of
    those that can never answer this request, the one that comes closest to it. `cooling` are those
    that would be in it but for a limit of their provider's."""

    order: tuple[Target, ...]
    excluded: tuple[Excluded, ...]
    scores: Mapping[tuple[str, str], Score]
    nearest: Excluded | None = None
    cooling: tuple[Target, ...] = ()

    def first_only(self) -> "Choice":
        """For a request that wants no other."""
        return msgspec.structs.replace(self, order=self.order[:1], cooling=())

    def trace(self, named: Named) -> str:
        """JSON for the log: as much of it as a page shows."""
        order = [(*t.key, self.scores.get(t.key)) for t in self.order[:TRACED]]
        return _trace(named, tuple(order), self.excluded[:TRACED])

    def refusal(self, ask: Ask) -> GatewayError:
        """Why there is nobody to ask."""
        waiting = [each for each in self.excluded if each.why in ("limit", "blocked")]
        if self.nearest is not None and not waiting:
            return _unfit(self.nearest, ask)
        return _come_back(waiting)


class _Traced(Struct, frozen=True, omit_defaults=True):
    order: list["_Candidate"]
    excluded: tuple[Excluded, ...]
    named: Named | None = None  # where the name that was asked for stands for another


class _Candidate(Struct, frozen=True, omit_defaults=True):
    model: str
    connection: str
    score: float | None = None
    measure: str | None = None


@lru_cache(maxsize=1024)  # where nothing is wrong, many calls have the same
def _trace(
    named: Named,
    order: tuple[tuple[str, str, Score | None], ...],
    excluded: tuple[Excluded, ...],
) -> str:
    """`order` is connection, model and score of each."""
    told = [_Candidate(model, connection, *(score or ())) for connection, model, score in order]
    return msgspec.json.encode(_Traced(told, excluded, named if named.by else None)).decode()


def _come_back(waiting: Sequence[Excluded]) -> GatewayError:
    """Some could answer later: when."""
    soonest = min(waiting, key=_left_s)
    if all(each.why == "limit" for each in waiting):
        return RateLimited(
            "every account that could answer is limited by its provider; the first to come back "
            f"is {_named(soonest)}",
            retry_after_s=soonest.left_s,
        )
    return Unavailable(
        f"no account can be asked now; the first to come back is {_named(soonest)}",
        retry_after_s=soonest.left_s,
    )


def _unfit(nearest: Excluded, ask: Ask) -> GatewayError:
    """Nobody could answer this, at any time."""
    match nearest.why:
        case "key":
            return NotAllowed("this API key may call none of the candidates", param="model")
        case "asked":
            header = "x-omniroute-connection"
            return BadRequest(f"{header}: {_named(nearest)}", param=header)
        case "cost":
            header = "x-omniroute-max-cost"
            return BadRequest(f"{header}: {_named(nearest)}", param=header)
    needed = listed([*ask.needs.names, f"room for {ask.room} tokens"])
    return BadRequest(
        f"no candidate can do what the request needs ({needed}); the nearest is {_named(nearest)}"
    )


def _left_s(each: Excluded) -> float:
    return each.left_s


def _named(each: Excluded) -> str:
    return f"{each.model} at {each.connection}: {each.reason}"


def listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)).replace("_", " ")
