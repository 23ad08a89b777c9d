"""Of 10,000 picks, how many go where: for each strategy, what it promises."""

from collections import Counter
from collections.abc import Callable, Mapping
from math import sqrt
from random import Random
from typing import TypeVar

import pytest

from combos.strategies import STRATEGIES, Option, tiers

PICKS = 10_000

What = TypeVar("What")


def order(name: str, options: list[Option], turn: int, rng: Random) -> list[int]:
    return [ranked.index for ranked in STRATEGIES[name](options, turn, rng)]


def picks(name: str, options: list[Option]) -> Counter[int]:
    """How often each was the first, while nothing about the options changes."""
    rng = Random(1)
    return Counter(order(name, options, turn, rng)[0] for turn in range(PICKS))


def as_often_as(chances: Mapping[What, float], counts: Mapping[What, int]) -> bool:
    """Is each count within four standard deviations of what its chance makes of all picks?"""
    assert sum(counts.values()) == PICKS
    assert counts.keys() <= chances.keys()
    return all(
        abs(counts[what] - PICKS * p) <= 4 * sqrt(PICKS * p * (1 - p))
        for what, p in chances.items()
    )


def spread(pick: Callable[[list[Option], int], int], count: int) -> int:
    """The most minus the fewest calls, when all of PICKS begin and none of them ends."""
    options = [Option(latency_s=1.0)] * count
    for turn in range(PICKS):
        index = pick(options, turn)
        options[index] = Option(latency_s=1.0, in_flight=options[index].in_flight + 1)
    calls = [option.in_flight for option in options]
    return max(calls) - min(calls)


def test_fill_first_fills_the_first() -> None:
    assert picks("fill-first", [Option()] * 5) == {0: PICKS}


def test_round_robin_gives_each_the_same() -> None:
    assert picks("round-robin", [Option()] * 5) == dict.fromkeys(range(5), PICKS // 5)


def test_round_robin_may_stay_for_some_calls() -> None:
    firsts = [
        order("round-robin", [Option()] * 3, call // 4, Random(1))[0] for call in range(PICKS)
    ]
    assert firsts[:14] == [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 0, 0]
    assert max(Counter(firsts).values()) - min(Counter(firsts).values()) <= 4


def test_random_goes_by_weight() -> None:
    counts = picks("random", [Option(weight=weight) for weight in (1, 2, 3, 4)])
    assert as_often_as({0: 0.1, 1: 0.2, 2: 0.3, 3: 0.4}, counts)


def test_random_falls_back_by_the_weights_of_those_left() -> None:
    weights = (1, 2, 3, 4)
    options = [Option(weight=weight) for weight in weights]
    rng = Random(2)
    orders = [order("random", options, 0, rng) for _ in range(PICKS)]
    pairs = Counter((one, two) for one, two, *_ in orders)
    chances = {
        (one, two): weights[one] / 10 * weights[two] / (10 - weights[one])
        for one in range(4)
        for two in range(4)
        if one != two
    }
    assert as_often_as(chances, pairs)


def test_power_of_two_choices_takes_the_better_of_each_pair() -> None:
    counts = picks("power-of-two-choices", [Option(in_flight=calls) for calls in range(5)])
    # Of the 10 pairs, the best is in 4 and wins all of them; the worst is in 4 and wins none.
    assert as_often_as({0: 0.4, 1: 0.3, 2: 0.2, 3: 0.1, 4: 0.0}, counts)


def test_power_of_two_choices_is_fair_among_equals() -> None:
    counts = picks("power-of-two-choices", [Option(latency_s=0.5)] * 5)
    assert as_often_as(dict.fromkeys(range(5), 0.2), counts)


def test_power_of_two_choices_falls_back_to_any_and_to_the_worst_last() -> None:
    options, rng = [Option(in_flight=calls) for calls in range(5)], Random(3)
    orders = [order("power-of-two-choices", options, 0, rng) for _ in range(PICKS)]
    assert {indices[-1] for indices in orders} == {4}
    assert {indices[1] for indices in orders} == {0, 1, 2, 3}


def test_power_of_two_choices_spreads_calls_far_better_than_chance() -> None:
    def pick(name: str) -> Callable[[list[Option], int], int]:
        rng = Random(4)
        return lambda options, turn: order(name, options, turn, rng)[0]

    assert spread(pick("power-of-two-choices"), 20) <= 6
    assert spread(pick("random"), 20) > 50


def test_least_used_keeps_tokens_level() -> None:
    """Never further apart than one call's tokens, however different the calls are."""
    used, rng = [0] * 5, Random(5)
    for _ in range(PICKS):
        options = [Option(used_tokens=tokens) for tokens in used]
        used[order("least-used", options, 0, rng)[0]] += rng.randint(1, 5000)
    assert sum(used) > PICKS * 2000
    assert max(used) - min(used) <= 5000


def test_cost_optimized_never_pays_more_than_it_must() -> None:
    rng = Random(6)
    for _ in range(PICKS):
        costs = [rng.choice((None, rng.randrange(1000))) for _ in range(5)]
        first, *_, last = order("cost-optimized", [Option(cost=cost) for cost in costs], 0, rng)
        priced = [cost for cost in costs if cost is not None]
        assert costs[first] == min(priced, default=None)
        assert costs[last] is None or len(priced) == 5


LATENCIES_S = (0.9, 0.3, 0.6, 0.3001, 2.0)


def test_fastest_goes_to_the_fastest_once_each_was_tried() -> None:
    options, counts, rng = [Option()] * 5, Counter[int](), Random(7)
    for turn in range(PICKS):
        index = order("fastest", options, turn, rng)[0]
        options[index] = Option(latency_s=LATENCIES_S[index])
        counts[index] += 1
    assert counts == {0: 1, 1: PICKS - 4, 2: 1, 3: 1, 4: 1}


def test_fastest_measures_with_one_call_at_a_time() -> None:
    """Calls begin every 0.05 s, each in flight for as long as its target takes."""
    known: dict[int, float] = {0: LATENCIES_S[0]}
    running: list[tuple[float, int]] = []
    for now in (0.05 * turn for turn in range(PICKS)):
        for _, index in (each for each in running if each[0] <= now):
            known[index] = LATENCIES_S[index]
        running = [each for each in running if each[0] > now]
        busy = Counter(index for _, index in running)
        options = [Option(latency_s=known.get(i), in_flight=busy[i]) for i in range(5)]
        first = order("fastest", options, 0, Random(1))[0]
        running.append((now + LATENCIES_S[first], first))
        assert sum(index not in known for _, index in running) <= 1
    assert known.keys() == set(range(5))


@pytest.mark.parametrize("tier", ["subscription", "api_key", "cheap", "free"])
def test_priority_tiers_stays_in_the_best_tier_and_chooses_as_within(tier: str) -> None:
    worse = {"subscription": "api_key", "api_key": "cheap", "cheap": "free", "free": "none"}[tier]
    options = [Option(tier=worse, weight=90), *(Option(tier=tier, weight=w) for w in (1, 3))]
    rng = Random(8)
    counts = Counter(tiers(options, 0, rng, inner="random")[0].index for _ in range(PICKS))
    assert as_often_as({0: 0.0, 1: 0.25, 2: 0.75}, counts)
