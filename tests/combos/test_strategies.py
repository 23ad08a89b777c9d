"""In which order each strategy puts its options, where chance has no part in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from combos.strategies import NEEDS, STRATEGIES, TIERS, Option, Ranked, Strategy, tiers

WITHIN = [name for name in STRATEGIES if name != "priority-tiers"]
ALL: dict[str, Strategy] = {
    **STRATEGIES,
    **{f"priority-tiers of {name}": partial(tiers, inner=name) for name in WITHIN},
}


@dataclass(frozen=True)
class Case:
    id: str
    strategy: str
    options: list[Option]
    order: list[int]
    scores: Sequence[float | None]  # in that order
    turn: int = 0


def measured(latency_s: float, tokens_per_s: float | None = None, in_flight: int = 0) -> Option:
    return Option(latency_s=latency_s, tokens_per_s=tokens_per_s, in_flight=in_flight)


NEW, BEING_MEASURED = Option(), Option(in_flight=1)
THREE = [Option(), Option(), Option()]
NONE = [None, None, None]

CASES = [
    Case("fill-first keeps the order", "fill-first", THREE, [0, 1, 2], NONE),
    Case("round-robin begins at the first", "round-robin", THREE, [0, 1, 2], NONE, turn=0),
    Case("then at the second, and the first is last", "round-robin", THREE, [1, 2, 0], NONE, 1),
    Case("after the last comes the first", "round-robin", THREE, [0, 1, 2], NONE, turn=3),
    Case("a counter may be large", "round-robin", THREE, [2, 0, 1], NONE, turn=3 * 10**18 + 2),
    Case(
        "of two, the one with fewer calls in flight",
        "power-of-two-choices",
        [measured(1, in_flight=3), measured(1, in_flight=1)],
        [1, 0],
        [2, 4],
    ),
    Case(
        "of two equally busy, the quicker",
        "power-of-two-choices",
        [measured(2, in_flight=1), measured(0.5, in_flight=1)],
        [1, 0],
        [1, 4],
    ),
    Case(
        "three calls at a quick one are less than one at a slow one",
        "power-of-two-choices",
        [measured(4, in_flight=1), measured(0.5, in_flight=3)],
        [1, 0],
        [2, 8],
    ),
    Case(
        "one that was not measured is taken for as quick as the other",
        "power-of-two-choices",
        [measured(0.5, in_flight=1), NEW],
        [1, 0],
        [0.5, 1],
    ),
    Case(
        "nothing measured: the calls in flight alone",
        "power-of-two-choices",
        [BEING_MEASURED, NEW],
        [1, 0],
        [1, 2],
    ),
    Case(
        "least-used: by tokens, of equals by calls in flight, then by order",
        "least-used",
        [
            Option(used_tokens=900),
            Option(used_tokens=5, in_flight=2),
            Option(used_tokens=5, in_flight=1),
            Option(used_tokens=5, in_flight=1),
        ],
        [2, 3, 1, 0],
        [5, 5, 5, 900],
    ),
    Case(
        "cost-optimized: free, cheap, dear, unpriced; of equals by order",
        "cost-optimized",
        [Option(), Option(cost=700), Option(cost=20), Option(cost=700), Option(cost=0), Option()],
        [4, 2, 1, 3, 0, 5],
        [0, 20, 700, 700, None, None],
    ),
    Case(
        "fastest: a slow beginning and a quick pace may be sooner complete",
        "fastest",
        [measured(0.5, 32), measured(2, 256), measured(1, 64)],
        [1, 2, 0],
        [3, 5, 8.5],
    ),
    Case(
        "answers in one piece are judged by the whole",
        "fastest",
        [measured(1, 64), measured(4)],
        [1, 0],
        [4, 5],
    ),
    Case(
        "what was not measured goes first, and only one such",
        "fastest",
        [measured(2), NEW, measured(1), NEW],
        [1, 2, 0, 3],
        [None, 1, 2, None],
    ),
    Case(
        "while one is being measured, calls go where speed is known",
        "fastest",
        [NEW, measured(2), BEING_MEASURED, measured(1)],
        [3, 1, 0, 2],
        [1, 2, None, None],
    ),
    Case(
        "while nothing is known, calls spread",
        "fastest",
        [Option(in_flight=2), Option(in_flight=1), Option(in_flight=1), Option(in_flight=2)],
        [1, 2, 0, 3],
        [None] * 4,
    ),
    Case(
        "priority-tiers: what is paid for, keys, cheap, free",
        "priority-tiers",
        [Option(tier=tier) for tier in ("free", "cheap", "api_key", "free", "subscription")],
        [4, 2, 1, 0, 3],
        [None] * 5,
    ),
    Case(
        "a tier of another name is last",
        "priority-tiers",
        [Option(tier="barter"), Option(tier="free")],
        [1, 0],
        [None, None],
    ),
    Case(
        "the cheapest within each tier",
        "priority-tiers of cost-optimized",
        [
            Option(tier="cheap", cost=3),
            Option(tier="api_key"),
            Option(tier="api_key", cost=9),
            Option(tier="cheap", cost=1),
        ],
        [2, 1, 3, 0],
        [9, None, 1, 3],
    ),
    Case(
        "turns are taken within each tier",
        "priority-tiers of round-robin",
        [Option(tier="cheap"), Option(), Option(tier="cheap"), Option(), Option()],
        [4, 1, 3, 0, 2],
        [None] * 5,
        turn=2,
    ),
    Case(
        "one to measure in each tier",
        "priority-tiers of fastest",
        [Option(tier="cheap"), measured(1), NEW, Option(tier="cheap", latency_s=3)],
        [2, 1, 0, 3],
        [None, 1, None, 3],
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_options_are_put_in_order(case: Case) -> None:
    for seed in range(20):  # whatever chance says
        ranked = ALL[case.strategy](case.options, case.turn, Random(seed))
        assert [each.index for each in ranked] == case.order
        assert [each.score for each in ranked] == case.scores


def test_the_score_of_random_is_the_weight() -> None:
    ranked = STRATEGIES["random"]([Option(weight=3), Option(weight=1)], 0, Random(1))
    assert sorted(ranked, key=lambda each: each.index) == [Ranked(0, 3), Ranked(1, 1)]


def test_what_was_not_measured_has_the_load_of_the_fastest() -> None:
    options = [measured(4), NEW, measured(0.5), measured(2)]
    ranked = STRATEGIES["power-of-two-choices"](options, 0, Random(1))
    assert {each.index: each.score for each in ranked} == {0: 4, 1: 0.5, 2: 0.5, 3: 2}


def test_a_strategy_within_tiers_that_there_is_not_is_an_error() -> None:
    with pytest.raises(KeyError):
        tiers([Option()], 0, Random(1), inner="priority-tiers")


seconds = st.none() | st.floats(0, 1000)
an_option = st.builds(
    Option,
    weight=st.integers(0, 5),
    tier=st.sampled_from(TIERS),
    cost=st.none() | st.integers(0, 10**15),
    in_flight=st.integers(0, 3),
    latency_s=seconds,
    tokens_per_s=seconds,
    used_tokens=st.integers(0, 10**9),
)


@pytest.mark.parametrize("name", ALL)
@given(options=st.lists(an_option, max_size=12), turn=st.integers(0, 50), seed=st.integers(0, 99))
def test_every_option_is_there_once(name: str, options: list[Option], turn: int, seed: int) -> None:
    ranked = ALL[name](options, turn, Random(seed))
    assert sorted(each.index for each in ranked) == list(range(len(options)))


UNKNOWN: dict[str, dict[str, Any]] = {
    "cost": {"cost": None},
    "observations": {"in_flight": 0, "latency_s": None, "tokens_per_s": None, "used_tokens": 0},
}


@pytest.mark.parametrize("name", STRATEGIES)
@given(options=st.lists(an_option, max_size=12), turn=st.integers(0, 50), seed=st.integers(0, 99))
def test_what_a_strategy_does_not_need_changes_nothing(
    name: str, options: list[Option], turn: int, seed: int
) -> None:
    decide, needs = STRATEGIES[name], NEEDS[name]
    unneeded = [fields for need, fields in UNKNOWN.items() if need not in needs]
    blind = options
    for fields in unneeded:
        blind = [replace(option, **fields) for option in blind]
    blind_turn = turn if "turn" in needs else 0
    assert decide(options, turn, Random(seed)) == decide(blind, blind_turn, Random(seed))
