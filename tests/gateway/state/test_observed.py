"""What a process sees of its calls: averages that fade, tokens of an hour, bounded in memory."""

from dataclasses import dataclass

import pytest

from gateway.state.observed import FORGOTTEN_S, HALF_LIFE_S, IDLE_S, Observed, Pair
from tests.gateway.clocks import Clock

PAIR: Pair = ("main", "gpt")


def answered(
    observed: Observed, now: float, *, pair: Pair = PAIR, latency_s: float = 1.0, tokens: int = 0
) -> None:
    observed.began(pair, now)
    observed.first_content(pair, latency_s, now)
    observed.ended(pair, tokens=tokens, now=now)


def streamed(observed: Observed, now: float, tokens: int, seconds: float) -> None:
    observed.began(PAIR, now)
    observed.ended(PAIR, output_tokens=tokens, seconds_streaming=seconds, now=now)


def test_nothing_is_known_of_what_was_never_called() -> None:
    observed, now = Observed(), Clock().mono
    assert observed.in_flight(PAIR) == 0
    assert observed.latency_s(PAIR, now) is None
    assert observed.tokens_per_s(PAIR, now) is None
    assert observed.used_tokens(PAIR, now) == 0
    assert len(observed) == 0


def test_a_call_is_in_flight_from_its_beginning_to_its_end() -> None:
    observed, now = Observed(), Clock().mono
    observed.began(PAIR, now)
    observed.began(PAIR, now)
    observed.began(("other", "gpt"), now)
    observed.first_content(PAIR, 0.5, now)
    assert observed.in_flight(PAIR) == 2
    observed.ended(PAIR, now=now)
    assert observed.in_flight(PAIR) == 1
    observed.ended(PAIR, now=now)
    assert observed.in_flight(PAIR) == 0
    assert observed.in_flight(("other", "gpt")) == 1


def test_a_call_that_failed_says_nothing_of_speed() -> None:
    observed, now = Observed(), Clock().mono
    observed.began(PAIR, now)
    observed.ended(PAIR, now=now)
    assert observed.latency_s(PAIR, now) is None
    assert observed.tokens_per_s(PAIR, now) is None


def test_models_of_a_connection_are_seen_apart() -> None:
    observed, now = Observed(), Clock().mono
    answered(observed, now, pair=("main", "small"), latency_s=0.2, tokens=10)
    answered(observed, now, pair=("main", "large"), latency_s=3.0, tokens=70)
    assert observed.latency_s(("main", "small"), now) == pytest.approx(0.2)
    assert observed.latency_s(("main", "large"), now) == pytest.approx(3.0)
    assert observed.used_tokens(("main", "large"), now) == 70


@dataclass(frozen=True)
class Average:
    """Latencies, and how many seconds each was measured before now."""

    id: str
    measured: list[tuple[float, float]]
    latency_s: float | None


@pytest.mark.parametrize(
    "case",
    [
        Average("one is itself", [(2.0, 0)], 2.0),
        Average("it does not fade alone", [(2.0, 200)], 2.0),
        Average("at once: the mean", [(1.0, 0), (2.0, 0), (6.0, 0)], 3.0),
        Average("a half-life old weighs half", [(4.0, HALF_LIFE_S), (1.0, 0)], 2.0),
        Average("two half-lives old, a fourth", [(6.0, 2 * HALF_LIFE_S), (1.0, 0)], 2.0),
        Average("still known just in time", [(9.0, FORGOTTEN_S - 1)], 9.0),
        Average("and then forgotten", [(9.0, FORGOTTEN_S + 1)], None),
        Average(
            "however often: one new measurement is worth more",
            [(9.0, FORGOTTEN_S + 1)] * 1000 + [(1.0, 0)],
            1.0,
        ),
    ],
    ids=lambda case: case.id,
)
def test_latency_is_an_average_that_time_fades(case: Average) -> None:
    observed, now = Observed(), Clock().mono
    for latency_s, before_s in case.measured:
        answered(observed, now - before_s, latency_s=latency_s)
    assert observed.latency_s(PAIR, now) == (
        case.latency_s if case.latency_s is None else pytest.approx(case.latency_s)
    )


@dataclass(frozen=True)
class Pace:
    """Tokens and seconds of streams that ended now."""

    id: str
    streams: list[tuple[int, float]]
    tokens_per_s: float | None


@pytest.mark.parametrize(
    "case",
    [
        Pace("tokens by seconds", [(120, 3.0)], 40.0),
        Pace("a long stream counts for more than a short one", [(90, 9.0), (60, 1.0)], 15.0),
        Pace("an answer in one piece has none", [(500, 0.0)], None),
        Pace("nor has one that all but is", [(500, 0.001)], None),
        Pace("which does not spoil that of others", [(50, 1.0), (500, 0.001)], 50.0),
        Pace("a stream without tokens has none", [(0, 3.0)], None),
    ],
    ids=lambda case: case.id,
)
def test_the_pace_is_that_of_streams(case: Pace) -> None:
    observed, now = Observed(), Clock().mono
    for tokens, seconds in case.streams:
        streamed(observed, now, tokens, seconds)
    assert observed.tokens_per_s(PAIR, now) == (
        case.tokens_per_s if case.tokens_per_s is None else pytest.approx(case.tokens_per_s)
    )


def test_the_pace_is_forgotten_too() -> None:
    observed, now = Observed(), Clock().mono
    streamed(observed, now, 120, 3.0)
    assert observed.tokens_per_s(PAIR, now + FORGOTTEN_S + 1) is None


def test_tokens_count_for_an_hour_to_the_minute() -> None:
    observed, clock = Observed(), Clock()
    for _ in range(180):
        answered(observed, clock.mono, tokens=7)
        clock.advance(60)
    assert observed.used_tokens(PAIR, clock.mono - 60) == 60 * 7
    assert observed.used_tokens(PAIR, clock.mono + 29 * 60) == 30 * 7
    assert observed.used_tokens(PAIR, clock.mono + 3600) == 0


def test_tokens_of_one_minute_add_up() -> None:
    observed, now = Observed(), 30_000_000.0
    for second in range(0, 60, 10):
        answered(observed, now + second, tokens=5)
    assert observed.used_tokens(PAIR, now + 59) == 30
    assert observed.used_tokens(PAIR, now + 3599) == 30
    assert observed.used_tokens(PAIR, now + 3600) == 0


def test_what_is_idle_for_an_hour_is_dropped_when_something_new_comes() -> None:
    observed, clock = Observed(), Clock()
    for number in range(50):
        answered(observed, clock.mono, pair=("main", f"old-{number}"))
    clock.advance(IDLE_S + 1)
    for number in range(30):
        answered(observed, clock.mono, pair=("main", f"new-{number}"))
    assert len(observed) == 30


def test_what_ended_lately_is_kept_though_it_began_long_ago() -> None:
    observed, clock = Observed(), Clock()
    observed.began(PAIR, clock.mono)
    clock.advance(IDLE_S)
    observed.ended(PAIR, tokens=9, now=clock.mono)
    clock.advance(60)
    answered(observed, clock.mono, pair=("main", "new"))
    assert observed.used_tokens(PAIR, clock.mono) == 9


def test_names_without_end_take_bounded_memory_and_the_latest_are_kept() -> None:
    observed, clock = Observed(most=100), Clock()
    for number in range(1000):
        answered(observed, clock.mono, pair=("main", f"model-{number}"))
    assert len(observed) == 100
    assert observed.latency_s(("main", "model-900"), clock.mono) is not None
    assert observed.latency_s(("main", "model-899"), clock.mono) is None


def test_what_is_called_again_and_again_outlives_names_that_are_called_once() -> None:
    observed, clock = Observed(most=10), Clock()
    for number in range(1000):
        answered(observed, clock.mono, pair=("main", f"model-{number}"))
        answered(observed, clock.mono, tokens=1)
    assert observed.used_tokens(PAIR, clock.mono) == 1000


def test_calls_in_flight_are_never_forgotten() -> None:
    observed, clock = Observed(most=10), Clock()
    running = [("main", f"running-{number}") for number in range(40)]
    for pair in running:
        observed.began(pair, clock.mono)
    clock.advance(2 * IDLE_S)
    for number in range(500):
        answered(observed, clock.mono, pair=("main", f"model-{number}"))
    assert [observed.in_flight(pair) for pair in running] == [1] * 40
    for pair in running:
        observed.ended(pair, now=clock.mono)
    for number in range(100):
        answered(observed, clock.mono, pair=("main", f"later-{number}"))
    assert len(observed) == 10
