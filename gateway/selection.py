"""Which candidates of a route fit a call, and in which order they are tried.

Filters first: what the request needs, what its headers ask for, who is cooling down. Then the
strategies. Nothing here waits for anything, so that `explain` can do the same without a call.
"""

import hashlib
import math
from collections.abc import Iterable, Mapping
from functools import lru_cache
from random import Random
from typing import Literal

import msgspec
from msgspec import Struct

from analytics.costs import cost_picousd, format_usd
from combos.strategies import NEEDS, STRATEGIES, Option, Ranked, tiers
from gateway.controls import Controls
from gateway.errors import BadRequest, GatewayError, RateLimited, Unavailable
from gateway.formats.needs import Needs
from gateway.formats.types import Usage
from gateway.routing import Group, Route, Target
from gateway.snapshot import Model, Principal
from gateway.state.blocks import Block
from gateway.state.health import Health
from gateway.state.observed import Observed

Why = Literal["asked", "key", "needs", "context", "cost", "limit", "blocked"]
WISHES = frozenset({"thinking", "parallel_tools"})  # what a request can do without
TRACED = 12  # candidates of each kind
LIMITS = frozenset({"rate_limit", "quota"})  # kinds of blocks that are no fault of anybody's

# Strategies that spread calls about: a session stays with one of the options instead.
SPREADING = frozenset({"round-robin", "power-of-two-choices", "random", "least-used", "fastest"})


class Ask(Struct, frozen=True):
    """What a call wants of a candidate. Tokens are estimates."""

    principal: Principal
    needs: Needs
    prompt_tokens: int
    max_tokens: int | None  # of the answer, where the client bounds it
    output_tokens: int  # that the price is estimated for
    controls: Controls


class Excluded(Struct, frozen=True, omit_defaults=True):
    """A candidate that is not tried, and why, in words for a person."""

    model: str
    connection: str
    why: Why
    reason: str
    left_s: float = 0.0  # seconds until it may be tried again


class Choice(Struct, frozen=True):
    """`order` are those to try, `scores` what put them there, by `Target.key`. `cooling` are those
    that would be in it but for a limit of their provider's."""

    order: tuple[Target, ...]
    excluded: tuple[Excluded, ...]
    scores: Mapping[tuple[str, str], float]
    cooling: tuple[Target, ...] = ()

    def first_only(self) -> "Choice":
        """For a request that wants no other."""
        return Choice(self.order[:1], self.excluded, self.scores)

    def trace(self) -> str:
        """JSON for the log: as much of it as a page shows."""
        order = [(*t.key, self.scores.get(t.key)) for t in self.order[:TRACED]]
        return _trace(tuple(order), self.excluded[:TRACED])

    def refusal(self, ask: Ask) -> GatewayError:
        """Why there is nobody to ask."""
        return _refusal(self.excluded, ask)


class _Candidate(Struct, frozen=True, omit_defaults=True):
    model: str
    connection: str
    score: float | None = None


@lru_cache(maxsize=1024)  # where nothing is wrong, many calls have the same
def _trace(order: tuple[tuple[str, str, float | None], ...], excluded: tuple[Excluded, ...]) -> str:
    """`order` is connection, model and score of each."""
    told = [_Candidate(model, connection, score) for connection, model, score in order]
    return msgspec.json.encode({"order": told, "excluded": excluded}).decode()


class Chooser:
    """Args:
    turns: How often each round-robin's turn was asked for before.
    now: On the clock of `health` and `observed`; `wall` is the same moment in Unix seconds.
    """

    def __init__(
        self,
        ask: Ask,
        health: Health,
        observed: Observed,
        *,
        turns: Mapping[str, int],
        rng: Random,
        now: float,
        wall: float,
    ) -> None:
        self._ask, self._health, self._observed = ask, health, observed
        self._turns, self._rng, self._now, self._wall = turns, rng, now, wall
        self._costs: dict[str, int | None] = {}
        self._excluded: list[Excluded] = []
        self._cooling: list[Target] = []
        self._scores: dict[tuple[str, str], float] = {}
        self._is_open = False
        self._needed: frozenset[str] = frozenset()

    def choose(self, route: Route) -> Choice:
        self._is_open, self._needed = route.is_open, self._ask.needs.names
        order = self._arrange(route.root)
        if not order and not self._needed.isdisjoint(WISHES):
            # Agents ask for thoughts with every call: where nobody has any, that is told, not refused.
            self._excluded.clear()
            self._cooling.clear()
            self._needed -= WISHES
            order = self._arrange(route.root)
        return Choice(tuple(order), tuple(self._excluded), self._scores, tuple(self._cooling))

    # --- Who fits -------------------------------------------------------------------------

    def _fits(self, target: Target) -> bool:
        found = self._misfit(target)
        if found is None:
            return True
        why, reason, left_s = found
        if why == "limit":
            self._cooling.append(target)
        model, connection = target.model.id, target.connection.name
        self._excluded.append(Excluded(model, connection, why, reason, left_s))
        return False

    def _misfit(self, target: Target) -> tuple[Why, str, float] | None:
        ask, model = self._ask, target.model
        wanted = ask.controls.connection
        if wanted is not None and target.connection.name != wanted:
            return "asked", f"the request asks for the connection {wanted}", 0.0
        if self._is_open and not ask.principal.may_call(model.id):
            return "key", "this API key may not call it", 0.0
        if model.lacks and (lacking := model.lacks & self._needed):
            return "needs", f"it does not take {_listed(lacking)}", 0.0
        if model.context_window is not None:
            tokens = ask.prompt_tokens + (ask.max_tokens or 0)
            if tokens > model.context_window:
                words = f"{tokens} tokens are more than its context of {model.context_window}"
                return "context", words, 0.0
        if ask.controls.max_cost_picousd is not None and (reason := self._too_dear(model)):
            return "cost", reason, 0.0
        block = self._health.blocked(*target.key, self._now)
        return None if block is None else self._blocked(block)

    def _too_dear(self, model: Model) -> str | None:
        cost, most = self._cost(model), self._ask.controls.max_cost_picousd
        if cost is None:
            return "it has no price that could be compared with x-omniroute-max-cost"
        if most is not None and cost > most:
            return f"it may cost {format_usd(cost)} USD"
        return None

    def _blocked(self, block: Block) -> tuple[Why, str, float]:
        left_s = max(block.until - self._wall, 1.0)
        why: Why = "limit" if block.kind in LIMITS else "blocked"
        return why, f"{block.cause} (for another {left_s:.0f} s)", left_s

    def _cost(self, model: Model) -> int | None:
        """What this call may come to at a model, in 10⁻¹² USD."""
        if model.id not in self._costs:
            usage = Usage(self._ask.prompt_tokens, self._ask.output_tokens)
            self._costs[model.id] = cost_picousd(usage, model.prices)
        return self._costs[model.id]

    # --- In which order -------------------------------------------------------------------

    def _arrange(self, group: Group) -> list[Target]:
        """Members are judged by whom they would send the call to."""
        fitting: list[list[Target]] = []
        weights: list[int] = []
        for member, weight in zip(group.members, group.weights, strict=True):
            if isinstance(member, Group):
                found = self._arrange(member)
            else:
                found = [member] if self._fits(member) else []
            if found:
                fitting.append(found)
                weights.append(weight)
        if len(fitting) < 2 or group.strategy == "fill-first":
            return [target for found in fitting for target in found]
        return self._ranked(group, fitting, weights)

    def _ranked(
        self, group: Group, fitting: list[list[Target]], weights: list[int]
    ) -> list[Target]:
        order: list[Target] = []
        for rank in self._rank(group, [found[0] for found in fitting], weights):
            order += fitting[rank.index]
            if rank.score is not None and math.isfinite(rank.score):
                for target in fitting[rank.index]:
                    self._scores[target.key] = rank.score
        return order

    def _rank(self, group: Group, firsts: list[Target], weights: list[int]) -> list[Ranked]:
        session = self._ask.controls.session
        if session is not None and group.strategy in SPREADING:
            return _by_session(session, firsts, weights)
        needs = NEEDS[group.strategy] | NEEDS.get(group.inner, frozenset())
        options = [
            self._option(target, weight, needs)
            for target, weight in zip(firsts, weights, strict=True)
        ]
        turn = self._turns.get(group.turn, 0) // group.sticky
        if group.strategy == "priority-tiers":
            return tiers(options, turn, self._rng, group.inner)
        return STRATEGIES[group.strategy](options, turn, self._rng)

    def _option(self, target: Target, weight: int, needs: frozenset[str]) -> Option:
        cost = self._cost(target.model) if "cost" in needs else None
        if "observations" not in needs:
            return Option(weight=weight, tier=target.provider.tier, cost=cost)
        seen, key, now = self._observed, target.key, self._now
        return Option(
            weight=weight,
            tier=target.provider.tier,
            cost=cost,
            in_flight=seen.in_flight(key),
            latency_s=seen.latency_s(key, now),
            tokens_per_s=seen.tokens_per_s(key, now),
            used_tokens=seen.used_tokens(key, now),
        )


def _by_session(session: str, firsts: Iterable[Target], weights: Iterable[int]) -> list[Ranked]:
    """The same one first for the same session, in every process, and no memory needed: each option
    draws its lot from the session and its own name (rendezvous hashing)."""
    lots = [
        (_lot(session, target) / weight, index)
        for index, (target, weight) in enumerate(zip(firsts, weights, strict=True))
    ]
    return [Ranked(index, lot) for lot, index in sorted(lots)]


def _lot(session: str, target: Target) -> float:
    named = "\0".join((session, *target.key)).encode()
    drawn = int.from_bytes(hashlib.blake2b(named, digest_size=8).digest()) + 1
    return -math.log(drawn / (2**64 + 1))


# --- Nobody --------------------------------------------------------------------------------------


def _refusal(excluded: Iterable[Excluded], ask: Ask) -> GatewayError:
    """By what stands in the way of the candidate that is the nearest to fitting."""
    found = list(excluded)
    waiting = [each for each in found if each.why in ("limit", "blocked")]
    if waiting:
        soonest_s = min(each.left_s for each in waiting)
        if all(each.why == "limit" for each in waiting):
            return RateLimited(
                "every account that could answer is limited by its provider; the first to come "
                f"back is {_named(min(waiting, key=_left_s))}",
                retry_after_s=soonest_s,
            )
        return Unavailable(
            f"no account can be asked now; the first to come back is "
            f"{_named(min(waiting, key=_left_s))}",
            retry_after_s=soonest_s,
        )
    for why, param in (("cost", "x-omniroute-max-cost"), ("asked", "x-omniroute-connection")):
        nearest = next((each for each in found if each.why == why), None)
        if nearest is not None:
            return BadRequest(f"{param}: {_named(nearest)}", param=param)
    unfit = [each for each in found if each.why in ("needs", "context")]
    if not unfit:
        return Unavailable("this API key may call none of the candidates", retry_after_s=30)
    needed = _listed([*ask.needs.names, f"room for {ask.prompt_tokens} tokens"])
    return BadRequest(
        f"no candidate can do what the request needs ({needed}); the nearest is {_named(unfit[0])}"
    )


def _left_s(each: Excluded) -> float:
    return each.left_s


def _named(each: Excluded) -> str:
    return f"{each.model} at {each.connection}: {each.reason}"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)).replace("_", " ")
