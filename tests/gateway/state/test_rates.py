"""A limit a minute: how many pass at once, how many later, and what corrections do."""

import math
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.state.rates import Rate

NOW = 30_000_000.1


def passes(rate: Rate, amount: float, limit: float, now: float) -> bool:
    if rate.wait_s(amount, limit, now) > 0:
        return False
    rate.take(amount, limit, now)
    return True


@pytest.mark.parametrize("limit", [1, 3, 7, 50, 60, 1000, 9999])
def test_exactly_the_limit_passes_at_once_and_the_next_waits_its_turn(limit: int) -> None:
    rate = Rate()
    assert sum(passes(rate, 1, limit, NOW) for _ in range(limit + 50)) == limit
    assert rate.wait_s(1, limit, NOW) == pytest.approx(60 / limit)


@pytest.mark.parametrize("limit", [1, 7, 60, 1000])
def test_then_one_passes_each_60_over_limit_seconds(limit: int) -> None:
    rate = Rate()
    while passes(rate, 1, limit, NOW):
        pass
    step = 60 / limit
    for turn in range(1, 20):
        assert not passes(rate, 1, limit, NOW + (turn - 0.1) * step)
        assert passes(rate, 1, limit, NOW + turn * step)
        assert not passes(rate, 1, limit, NOW + turn * step)


def test_who_waits_as_long_as_was_said_passes() -> None:
    rate = Rate()
    rate.take(90, 100, NOW)
    wait_s = rate.wait_s(37, 100, NOW)
    assert not passes(rate, 37, 100, NOW + wait_s - 0.01)
    assert passes(rate, 37, 100, NOW + wait_s)


def test_after_a_minute_of_rest_all_is_there_again_and_no_more() -> None:
    rate = Rate()
    rate.take(60, 60, NOW)
    later = NOW + 10_000
    assert rate.remaining(60, later) == 60
    assert sum(passes(rate, 1, 60, later) for _ in range(100)) == 60


def test_what_is_larger_than_the_limit_passes_only_when_nothing_is_used() -> None:
    rate = Rate()
    rate.take(1, 100, NOW)
    assert rate.wait_s(250, 100, NOW) == pytest.approx(0.6)
    assert passes(rate, 250, 100, NOW + 1)
    # And is paid off before anything else passes: 250 is two and a half minutes' worth.
    assert rate.wait_s(1, 100, NOW + 1) == pytest.approx(90.6)
    assert rate.remaining(100, NOW + 1) == 0


@dataclass(frozen=True)
class Case:
    """100 a minute; `taken` at second 0 and settled as `actual` at second `after`."""

    id: str
    taken: float
    actual: float
    after: float
    used: float  # then, of the 100
    others: float = 0  # taken by others right before the correction


CASES = [
    Case("as estimated: nothing changes", 30, 30, 0, 30),
    Case("less is given back", 30, 10, 0, 10),
    Case("all of it is given back", 30, 0, 0, 0),
    Case("more is taken too", 30, 80, 0, 80),
    Case("and may be more than there is: a debt", 30, 250, 0, 250),
    Case("more counts from when it was taken", 30, 80, 30, 30),
    Case("so that a long answer is spread over its minutes", 10, 1000, 600, 0),
    Case("and what time has not paid off is a debt", 10, 1000, 540, 100),
    Case("nothing is given back beyond the whole limit", 100, 0, 60, 0),
    Case("it is given back whole, so that waiting calls go on", 100, 0, 30, 0, others=40),
    Case("and no more than was taken", 100, 50, 30, 120, others=120),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_corrections(case: Case) -> None:
    rate = Rate()
    rate.take(case.taken, 100, NOW)
    now = NOW + case.after
    if case.others:
        rate.take(case.others, 100, now)
    rate.correct(case.actual - case.taken, 100, now)
    assert rate.used_s(now) == pytest.approx(case.used * 0.6, abs=1e-6)


def test_a_limit_that_changes_leaves_the_same_share_of_it_used() -> None:
    rate = Rate()
    rate.take(30, 60, NOW)
    assert [rate.remaining(limit, NOW) for limit in (60, 600, 6)] == [30, 300, 3]


def test_what_remains_is_told_in_whole_numbers() -> None:
    rate = Rate()
    told = []
    for _ in range(61):
        told.append(rate.remaining(60, NOW))
        rate.take(1, 60, NOW)
    assert told == list(range(60, -1, -1))


takes = st.lists(st.tuples(st.floats(0, 20), st.integers(1, 120)), min_size=1, max_size=80)


@given(takes, st.integers(1, 100))
def test_no_stretch_of_time_lets_through_more_than_the_limit_and_its_refill(
    steps: list[tuple[float, int]], limit: int
) -> None:
    rate, now, passed = Rate(), NOW, list[tuple[float, int]]()
    for pause, amount in steps:
        now += pause
        if passes(rate, min(amount, limit), limit, now):
            passed.append((now, min(amount, limit)))
    for first in range(len(passed)):
        for last in range(first, len(passed)):
            span = passed[last][0] - passed[first][0]
            amount = sum(amount for _, amount in passed[first : last + 1])
            assert amount <= limit * (1 + span / 60) + 1e-3


def test_a_refund_while_nothing_is_used_hides_no_debt() -> None:
    rate = Rate()
    rate.take(50, 100, NOW)
    rate.take(50, 100, NOW)
    later = NOW + 60
    rate.correct(-50, 100, later)
    rate.take(10, 100, later)
    rate.correct(-50, 100, later)  # all is there again, and not 40 more
    rate.correct(200, 100, later)
    assert rate.used_s(later) == pytest.approx(120)


calls = st.lists(
    st.tuples(st.floats(0, 20), st.integers(1, 120), st.floats(0, 1), st.floats(0, 100)),
    min_size=1,
    max_size=80,
)


@given(calls, st.integers(1, 100))
def test_in_the_long_run_no_more_is_used_than_the_limit_whatever_calls_announce(
    calls: list[tuple[float, int, float, float]], limit: int
) -> None:
    """Each announces an amount, uses a part of it, and is settled some seconds later."""
    rate, now, running = Rate(), NOW, list[tuple[float, float, float]]()
    used = 0.0
    for pause, announced, part, lasts in calls:
        now += pause
        for ended in [call for call in running if call[0] <= now]:
            running.remove(ended)
            rate.correct(ended[2] - ended[1], limit, now)
            used += ended[2] - ended[1]
        amount = min(announced, limit)
        if passes(rate, amount, limit, now):
            running.append((now + lasts, amount, amount * part))
            used += amount
        assert used <= limit * (1 + (now - NOW) / 60) + 1e-3


@given(takes)
def test_a_call_that_comes_to_nothing_leaves_nothing(steps: list[tuple[float, int]]) -> None:
    rate, now = Rate(), NOW
    rate.take(50, 100, now)
    used_until = now + rate.used_s(now)
    for pause, amount in steps:
        now += pause / 100
        rate.take(amount, 100, now)
        rate.correct(-amount, 100, now)
    assert math.isclose(rate.used_s(now), max(used_until - now, 0), abs_tol=1e-5)
