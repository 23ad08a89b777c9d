"""Which candidates of a route fit a call, and in which order they are tried.

Filters first: what the request needs, what its headers ask for, who is cooling down. Then the
strategies. Nothing here waits for anything, so that `explain` can do the same without a call.
"""

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from random import Random
from typing import NamedTuple

from analytics.costs import cost_picousd, format_usd
from combos.strategies import MEASURES, NEEDS, STRATEGIES, TIERS, Option, Ranked, tiers
from gateway.choice import LIMITS, Ask, Choice, Excluded, Score, Why, listed
from gateway.formats.types import Usage
from gateway.routing import Group, Route, Target
from gateway.snapshot import Model
from gateway.state.blocks import Block
from gateway.state.health import Health
from gateway.state.observed import Observed

FILTERS: tuple[Why, ...] = ("asked", "key", "needs", "context", "cost")  # one after the other
WISHES = frozenset({"thinking", "parallel_tools"})  # what a request can do without
UNKNOWN = 10**30  # a cost that nobody knows is farther away than any other

# Strategies that spread calls about: a session stays with one of the options instead.
SPREADING = frozenset({"round-robin", "power-of-two-choices", "random", "least-used", "fastest"})


def undisturbed(route: Route, ask: Ask, health: Health) -> Choice | None:
    """The choice where there is nothing to choose: nobody cools down or lacks anything, and the
    order is the configured one. Most calls are such. None where it takes a `Chooser`."""
    if not route.is_fixed or route.is_picky or route.is_open or not health.is_clear:
        return None
    if ask.controls.max_cost_picousd is not None or ask.controls.connection is not None:
        return None
    if route.least_context is not None and ask.room > route.least_context:
        return None
    return Choice(route.targets, (), {})


class _Misfit(NamedTuple):
    """`far`: by how much, among those of the same `why`: capabilities, tokens, 10⁻¹² USD."""

    why: Why
    reason: str
    far: int = 0
    left_s: float = 0.0


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
        self._room, self._wanted = ask.room, ask.controls.connection
        self._max_cost = ask.controls.max_cost_picousd
        self._usage = Usage(ask.prompt_tokens, ask.output_tokens, units=ask.units)
        self._costs: dict[str, int | None] = {}
        self._excluded: list[Excluded] = []
        self._nearest: tuple[int, int, Excluded] | None = None
        self._cooling: list[Target] = []
        self._scores: dict[tuple[str, str], Score] = {}
        self._is_open = False
        self._needed: frozenset[str] = frozenset()

    def choose(self, route: Route) -> Choice:
        self._is_open, self._needed = route.is_open, self._ask.needs.names
        order = self._arrange(route.root)
        if not order and not self._needed.isdisjoint(WISHES):
            # Agents ask for thoughts with every call: where nobody has any, that is told, not refused.
            self._excluded.clear()
            self._nearest = None
            self._cooling.clear()
            self._needed -= WISHES
            order = self._arrange(route.root)
        nearest = self._nearest[-1] if self._nearest is not None else None
        return Choice(
            tuple(order), tuple(self._excluded), self._scores, nearest, tuple(self._cooling)
        )

    # --- Who fits -------------------------------------------------------------------------

    def _fits(self, target: Target) -> bool:
        found = self._misfit(target)
        if found is None:
            return True
        if found.why == "limit":
            self._cooling.append(target)
        model, connection = target.model.id, target.connection.name
        excluded = Excluded(model, connection, found.why, found.reason, found.left_s)
        self._excluded.append(excluded)
        if found.why in FILTERS:
            far = -FILTERS.index(found.why), found.far
            if self._nearest is None or far < self._nearest[:2]:
                self._nearest = *far, excluded
        return False

    def _misfit(self, target: Target) -> _Misfit | None:
        model = target.model
        if self._wanted is not None and target.connection.name != self._wanted:
            return _Misfit("asked", f"the request asks for the connection {self._wanted}")
        if self._is_open and not self._ask.principal.may_call(model.id):
            return _Misfit("key", "this API key may not call it")
        if model.lacks and (lacking := model.lacks & self._needed):
            return _Misfit("needs", f"it does not take {listed(lacking)}", len(lacking))
        if model.context_window is not None and self._room > model.context_window:
            words = f"{self._room} tokens are more than its context of {model.context_window}"
            return _Misfit("context", words, self._room - model.context_window)
        if self._max_cost is not None:
            dear = self._too_dear(model, self._max_cost)
            if dear is not None:
                return dear
        if self._health.is_clear:
            return None
        block = self._health.blocked(*target.key, self._now)
        return None if block is None else self._blocked(block)

    def _too_dear(self, model: Model, most: int) -> _Misfit | None:
        cost = self._cost(model)
        if cost is None:
            words = "it has no price that could be compared with x-omniroute-max-cost"
            return _Misfit("cost", words, UNKNOWN)
        if cost > most:
            return _Misfit("cost", f"it may cost {format_usd(cost)} USD", cost - most)
        return None

    def _blocked(self, block: Block) -> _Misfit:
        left_s = max(block.until - self._wall, 1.0)
        why: Why = "limit" if block.kind in LIMITS else "blocked"
        return _Misfit(why, f"{block.cause} (for another {left_s:.0f} s)", left_s=left_s)

    def _cost(self, model: Model) -> int | None:
        """What this call may come to at a model, in 10⁻¹² USD."""
        if model.id not in self._costs:
            self._costs[model.id] = cost_picousd(self._usage, model.prices)
        return self._costs[model.id]

    # --- In which order -------------------------------------------------------------------

    def _arrange(self, group: Group, calls: int | None = None) -> list[Target]:
        """Members are judged by whom they would send the call to. `calls` are the group's earlier
        ones, where that is not what its own turns say."""
        fitting: list[list[Target]] = []
        weights: list[int] = []
        within = calls
        if group.takes_turns:
            calls = self._turns.get(group.turn, 0) if calls is None else calls
            within = group.visits(calls)
        for member, weight in zip(group.members, group.weights, strict=True):
            if isinstance(member, Group):
                found = self._arrange(member, within)
            else:
                found = [member] if self._fits(member) else []
            if found:
                fitting.append(found)
                weights.append(weight)
        if len(fitting) < 2 or group.strategy == "fill-first":
            return [target for found in fitting for target in found]
        turn = (calls or 0) // group.sticky
        return self._ranked(group, fitting, weights, turn)

    def _ranked(
        self, group: Group, fitting: list[list[Target]], weights: list[int], turn: int
    ) -> list[Target]:
        order: list[Target] = []
        measure = "lot" if self._is_sticky(group) else MEASURES.get(group.inner or group.strategy)
        for rank in self._rank(group, [found[0] for found in fitting], weights, turn):
            order += fitting[rank.index]
            if measure is not None and rank.score is not None and math.isfinite(rank.score):
                for target in fitting[rank.index]:
                    self._scores[target.key] = Score(rank.score, measure)
        return order

    def _rank(
        self, group: Group, firsts: list[Target], weights: list[int], turn: int
    ) -> list[Ranked]:
        session = self._ask.controls.session
        if session is not None and self._is_sticky(group):
            ranks = _by_session(session, firsts, weights)
            return _by_tier(ranks, firsts) if group.inner else ranks
        needs = NEEDS[group.strategy] | NEEDS.get(group.inner, frozenset())
        options = [
            self._option(target, weight, needs)
            for target, weight in zip(firsts, weights, strict=True)
        ]
        if group.inner:
            return tiers(options, turn, self._rng, group.inner)
        return STRATEGIES[group.strategy](options, turn, self._rng)

    def _is_sticky(self, group: Group) -> bool:
        """Does the session decide, whatever the strategy would?"""
        spreads = (group.inner or group.strategy) in SPREADING
        return spreads and self._ask.controls.session is not None

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


def _by_tier(ranks: Iterable[Ranked], firsts: Sequence[Target]) -> list[Ranked]:
    return sorted(ranks, key=lambda rank: TIERS.index(firsts[rank.index].provider.tier))


def _lot(session: str, target: Target) -> float:
    named = "\0".join((session, *target.key)).encode()
    drawn = int.from_bytes(hashlib.blake2b(named, digest_size=8).digest()) + 1
    return -math.log(drawn / (2**64 + 1))


# --- Nobody --------------------------------------------------------------------------------------
