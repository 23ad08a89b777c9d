"""In which order the options of a call are tried: a combo's targets, or a provider's accounts.

A strategy is a pure function. It is given the options in their configured order and returns all of
them: the first is its choice, and the rest is what a failure falls back to.
"""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain
from math import inf, log
from random import Random
from typing import Literal, NamedTuple

from msgspec import Struct

TIERS = ("subscription", "api_key", "cheap", "free")

# The length of answer that `fastest` has in mind: it makes one number of how soon an answer begins
# and how fast it goes on.
ANSWER_TOKENS = 256


class Option(Struct, frozen=True, gc=False):
    """What is known of one option; what its strategy does not need may stay as it is here.

    `cost` is that of this call in 10⁻¹² USD, None without a price. `latency_s` (until the first
    content) and `tokens_per_s` are recent averages, None where nothing has been measured.
    `used_tokens` are those of the last hour.
    """

    weight: int = 1
    tier: str = "api_key"
    cost: int | None = None
    in_flight: int = 0
    latency_s: float | None = None
    tokens_per_s: float | None = None
    used_tokens: int = 0


class Ranked(Struct, frozen=True, gc=False):
    """An option, by its index in the configured order, and the score that it had in the choice.

    The lower one goes first; with `random` it is the weight. None where the order alone decides,
    or nothing is known that a score could be made of. MEASURES says what it is.
    """

    index: int
    score: float | None


Strategy = Callable[[Sequence[Option], int, Random], list[Ranked]]
Need = Literal["cost", "observations", "turn"]
Measure = Literal["load_s", "weight", "used_tokens", "cost_picousd", "answer_s"]


class _Plan(NamedTuple):
    """A strategy's view of a call's options: how it scores each, and puts any of them in order.

    Any of them, so that what is seen once serves for each tier.
    """

    scores: Sequence[float | None] | None
    arrange: Callable[[list[int]], list[int]]


_Planner = Callable[[Sequence[Option], int, Random], _Plan]


def _fill_first(options: Sequence[Option], turn: int, rng: Random) -> _Plan:
    """In order: the next one serves when the one before it is exhausted."""
    return _Plan(None, list)


def _round_robin(options: Sequence[Option], turn: int, rng: Random) -> _Plan:
    """One after another; `turn` says how many turns there have been."""

    def arrange(members: list[int]) -> list[int]:
        first = turn % len(members)
        return members[first:] + members[:first]

    return _Plan(None, arrange)


def _power_of_two_choices(options: Sequence[Option], turn: int, rng: Random) -> _Plan:
    """The less loaded of two at random, then the less loaded of the other and a third, and so on.

    The least loaded of all would be every process's choice at once, since none sees what the
    others send. With two at random the load is nearly as even as if each saw.

    Source: https://www.eecs.harvard.edu/~michaelm/postscripts/tpds2001.pdf
    """
    loads = _loads(options)
    draws = _draws(options, rng)

    def arrange(members: list[int]) -> list[int]:
        first, *others = sorted(members, key=draws.__getitem__)
        order, waiting, load = [], first, loads[first]
        for index in others:
            if loads[index] < load:
                order.append(index)
            else:
                order.append(waiting)
                waiting, load = index, loads[index]
        order.append(waiting)
        return order

    return _Plan(loads, arrange)


def _random(options: Sequence[Option], turn: int, rng: Random) -> _Plan:
    """At random by weight; each further place so among those that are left.

    Source: Efraimidis and Spirakis, https://doi.org/10.1016/j.ipl.2005.11.003
    """
    weights = [option.weight for option in options]
    # Arrivals as frequent as the weights are large: who comes first, goes first.
    arrivals = [
        -log(1.0 - draw) / weight if weight > 0 else inf
        for draw, weight in zip(_draws(options, rng), weights, strict=True)
    ]
    return _Plan(weights, _by(arrivals))


def _least_used(options: Sequence[Option], turn: int, rng: Random) -> _Plan:
    """The one that used the fewest tokens; of equals, the one with fewer calls in flight."""
    used = [option.used_tokens for option in options]
    in_flight = [option.in_flight for option in options]
    return _Plan(used, _by(list(zip(used, in_flight, strict=True))))


def _cost_optimized(options: Sequence[Option], turn: int, rng: Random) -> _Plan:
    """The cheapest for this call. What has no price may cost anything: it comes last."""
    costs = [option.cost for option in options]
    return _Plan(costs, _by([inf if cost is None else cost for cost in costs]))


def _fastest(options: Sequence[Option], turn: int, rng: Random) -> _Plan:
    """The one whose answer is complete the soonest.

    What has not been measured goes first, so that it is, but one call at a time: the others go
    where it is known to be fast.
    """
    seconds = [_answer_s(option) for option in options]
    in_order = _by([answer_s or 0.0 for answer_s in seconds])

    def arrange(members: list[int]) -> list[int]:
        unknown = [index for index in members if seconds[index] is None]
        known = in_order([index for index in members if seconds[index] is not None])
        if not unknown:
            return known
        unknown.sort(key=lambda index: options[index].in_flight)
        being_measured = options[unknown[-1]].in_flight > 0
        return known + unknown if being_measured else unknown[:1] + known + unknown[1:]

    return _Plan(seconds, arrange)


def _loads(options: Sequence[Option]) -> list[float]:
    """Seconds that one more call would take if it had to wait for those in flight.

    What has not been measured is taken for as fast as the fastest, so that it will be.
    """
    latencies = [option.latency_s for option in options]
    best_s = min([latency for latency in latencies if latency is not None], default=1.0)
    return [
        (option.in_flight + 1) * (best_s if latency is None else latency)
        for option, latency in zip(options, latencies, strict=True)
    ]


def _answer_s(option: Option) -> float | None:
    """Seconds for an answer of ANSWER_TOKENS; None where that is not known.

    Where all answers came in one piece there is no pace, and the latency is that of the whole.
    """
    latency, pace = option.latency_s, option.tokens_per_s
    return latency + ANSWER_TOKENS / pace if latency is not None and pace else latency


def _draws(options: Sequence[Option], rng: Random) -> list[float]:
    draw = rng.random
    return [draw() for _ in options]


def _by(keys: Sequence[float] | Sequence[tuple[int, int]]) -> Callable[[list[int]], list[int]]:
    """Lower keys first; of equals, the one that is configured first."""
    return partial(sorted, key=keys.__getitem__)


def _rank(plan: _Plan, order: list[int]) -> list[Ranked]:
    if plan.scores is None:
        return [Ranked(index, None) for index in order]
    return [Ranked(index, plan.scores[index]) for index in order]


def _strategy(planner: _Planner) -> Strategy:
    def strategy(options: Sequence[Option], turn: int, rng: Random) -> list[Ranked]:
        if not options:
            return []
        plan = planner(options, turn, rng)
        return _rank(plan, plan.arrange(list(range(len(options)))))

    strategy.__doc__ = planner.__doc__
    return strategy


_PLANNERS: dict[str, _Planner] = {
    "fill-first": _fill_first,
    "round-robin": _round_robin,
    "power-of-two-choices": _power_of_two_choices,
    "random": _random,
    "least-used": _least_used,
    "cost-optimized": _cost_optimized,
    "fastest": _fastest,
}


def tiers(
    options: Sequence[Option], turn: int, rng: Random, inner: str = "fill-first"
) -> list[Ranked]:
    """All of one tier before the next, as in TIERS, and any other tier last.

    Args:
        inner: The strategy within each tier, any but this one.

    Raises:
        KeyError: There is no such strategy.
    """
    plan = _PLANNERS[inner](options, turn, rng)
    by_tier: dict[str, list[int]] = {tier: [] for tier in TIERS}
    for index, option in enumerate(options):
        by_tier.setdefault(option.tier, []).append(index)
    arranged = [plan.arrange(members) for members in by_tier.values() if members]
    return _rank(plan, list(chain.from_iterable(arranged)))


STRATEGIES: dict[str, Strategy] = {
    **{name: _strategy(planner) for name, planner in _PLANNERS.items()},
    "priority-tiers": tiers,
}

# What the scores of a strategy are, in which unit; those of the others decide nothing.
MEASURES: dict[str, Measure] = {
    "power-of-two-choices": "load_s",
    "random": "weight",
    "least-used": "used_tokens",
    "cost-optimized": "cost_picousd",
    "fastest": "answer_s",
}

# What a strategy reads: `observations` are the fields that were measured. With `priority-tiers`,
# what the one within needs comes to it.
NEEDS: dict[str, frozenset[Need]] = {
    "fill-first": frozenset(),
    "round-robin": frozenset({"turn"}),
    "power-of-two-choices": frozenset({"observations"}),
    "random": frozenset(),
    "least-used": frozenset({"observations"}),
    "cost-optimized": frozenset({"cost"}),
    "fastest": frozenset({"observations"}),
    "priority-tiers": frozenset(),
}
