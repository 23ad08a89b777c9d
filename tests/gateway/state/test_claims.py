"""A claim on a key's or an account's limits: all of it or nothing, and given back once."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from gateway.errors import BudgetSpent, GatewayError, RateLimited
from gateway.snapshot import Limits
from gateway.state import Claim, Lease, Room, State
from gateway.state.memory import MemoryState
from tests.gateway.clocks import Clock


def state_of(clock: Clock, processes: int = 1) -> MemoryState:
    return MemoryState(processes=processes, clock=lambda: clock.mono, wall=lambda: clock.wall)


async def claim(
    state: State,
    limits: Limits,
    tokens: int = 0,
    subject: str = "key:laptop",
    budgets: dict[str, float] | None = None,
) -> Lease:
    paying = ((subject, budgets),) if budgets else ()
    return await state.claim(Claim(subject, limits, paying, tokens))


async def granted(state: State, limits: Limits, tokens: int = 0) -> int:
    """How many more fit now; all of them keep running."""
    for count in range(2000):
        try:
            await claim(state, limits, tokens)
        except RateLimited:
            return count
    raise AssertionError("nothing refuses")


@dataclass(frozen=True)
class Refusal:
    id: str
    limits: Limits
    tokens: int  # of each call
    fit: int
    limit: str
    retry_after_s: float
    message: str


REFUSALS = [
    Refusal("requests", Limits(rpm=50), 9, 50, "requests", 1.2, "the limit of 50 requests a minute is reached"),
    Refusal("tokens", Limits(tpm=1000), 300, 3, "tokens", 12, "the limit of 1000 tokens a minute is reached"),
    Refusal("calls at once", Limits(concurrency=4), 9, 4, "concurrency", 1, "the limit of 4 calls at once is reached"),
    Refusal("the tighter of two", Limits(rpm=50, tpm=1000), 500, 2, "tokens", 30, "the limit of 1000 tokens a minute is reached"),
    Refusal("and of three", Limits(rpm=2, tpm=1000, concurrency=9), 1, 2, "requests", 30, "the limit of 2 requests a minute is reached"),
    Refusal("less than one a minute", Limits(rpm=0.5), 1, 1, "requests", 120, "the limit of 0.5 requests a minute is reached"),
    Refusal("a headroom's fraction is left to the owner", Limits(concurrency=2.4), 1, 2, "concurrency", 1, "the limit of 2.4 calls at once is reached"),
    Refusal("a share of one call is one", Limits(concurrency=0.8), 1, 1, "concurrency", 1, "the limit of 0.8 calls at once is reached"),
    Refusal("larger than the limit passes when it is whole", Limits(tpm=100), 150, 1, "tokens", 90, "the limit of 100 tokens a minute is reached"),
]  # fmt: skip


@pytest.mark.parametrize("case", REFUSALS, ids=lambda case: case.id)
async def test_as_much_as_fits_and_then_a_refusal_that_says_for_how_long(
    state: State, clock: Clock, case: Refusal
) -> None:
    assert await granted(state, case.limits, case.tokens) == case.fit
    with pytest.raises(RateLimited) as refusal:
        await claim(state, case.limits, case.tokens)
    error = refusal.value
    assert (error.limit, str(error)) == (case.limit, case.message)
    assert error.retry_after_s == pytest.approx(case.retry_after_s)
    if case.limit != "concurrency":
        clock.advance(case.retry_after_s)
        assert await granted(state, case.limits, case.tokens) == 1


async def test_two_hundred_at_once_on_fifty_a_minute_are_fifty(state: State) -> None:
    limits = Limits(rpm=50, concurrency=1000)

    async def call() -> bool:
        try:
            lease = await claim(state, limits, 10)
        except RateLimited:
            return False
        await asyncio.sleep(0)
        lease.settle(10, 0)
        return True

    assert sum(await asyncio.gather(*(call() for _ in range(200)))) == 50


async def test_calls_at_once_are_counted_until_they_end(state: State) -> None:
    limits = Limits(concurrency=2)
    first = await claim(state, limits)
    await claim(state, limits)
    assert await granted(state, limits) == 0
    for _ in range(3):
        first.settle(0, 0)  # a second time frees nothing more
    assert await granted(state, limits) == 1


@pytest.mark.parametrize(
    ("limits", "budgets", "refused"),
    [
        (Limits(rpm=10, tpm=10, concurrency=1), {"daily_tokens": 100}, RateLimited),
        (Limits(rpm=10, tpm=10, concurrency=9), {"daily_tokens": 100}, RateLimited),
        (Limits(rpm=10, tpm=1000, concurrency=9), {"daily_tokens": 1}, BudgetSpent),
    ],
    ids=["by calls at once", "by tokens", "by a budget"],
)
async def test_who_is_refused_has_taken_nothing(
    state: State, limits: Limits, budgets: dict[str, float], refused: type[GatewayError]
) -> None:
    if limits.concurrency == 1:
        held = await claim(state, limits)
    else:
        held = await claim(state, limits, 1)
    for _ in range(5):
        with pytest.raises(refused):
            await claim(state, limits, 10, budgets=budgets)
    assert held.rooms()["requests"].remaining == 9
    held.settle(0, 0)
    assert held.rooms()["tokens"].remaining == limits.tpm
    # Neither calls at once nor the budget are held by the refused ones.
    assert await granted(state, Limits(concurrency=3)) == 3
    await claim(state, Limits(), 100, budgets={"daily_tokens": 100})


async def test_a_spent_budget_is_told_before_a_limit(state: State) -> None:
    await claim(state, Limits(rpm=1), 1, budgets={"daily_requests": 1})
    with pytest.raises(BudgetSpent):
        await claim(state, Limits(rpm=1), 1, budgets={"daily_requests": 1})


async def test_tokens_are_put_right_when_the_call_ends(state: State, clock: Clock) -> None:
    limits = Limits(tpm=1000)
    lease = await claim(state, limits, 1000)
    assert await granted(state, limits, 1) == 0
    lease.settle(100, 0)
    lease.settle(0, 0)
    assert lease.rooms()["tokens"].remaining == 900
    other = await claim(state, limits, 100)
    other.settle(2900, 0)
    with pytest.raises(RateLimited) as refusal:
        await claim(state, limits, 1)
    assert refusal.value.retry_after_s == pytest.approx(2001 * 0.06)


async def test_subjects_are_apart(state: State) -> None:
    limits = Limits(rpm=1)
    await claim(state, limits, subject="key:laptop")
    await claim(state, limits, subject="key:phone")
    await claim(state, limits, subject="connection:laptop")
    with pytest.raises(RateLimited):
        await claim(state, limits, subject="key:laptop")


# --- Limits that change while calls run --------------------------------------------------------


async def test_a_raised_limit_lets_more_through_at_once(state: State) -> None:
    assert await granted(state, Limits(concurrency=2)) == 2
    assert await granted(state, Limits(concurrency=5)) == 3


async def test_a_lowered_limit_waits_until_enough_calls_have_ended(state: State) -> None:
    leases = [await claim(state, Limits(concurrency=4)) for _ in range(4)]
    lower = Limits(concurrency=2)
    for lease in leases[:2]:
        lease.settle(0, 0)
        assert await granted(state, lower) == 0
    leases[2].settle(0, 0)
    assert await granted(state, lower) == 1


async def test_another_limit_a_minute_holds_from_the_next_call_on(state: State) -> None:
    for _ in range(5):
        await claim(state, Limits(rpm=10))
    assert await granted(state, Limits(rpm=100)) == 50
    assert await granted(state, Limits(rpm=10)) == 0


async def test_a_call_from_before_there_was_a_limit_gives_nothing_back(state: State) -> None:
    before = await claim(state, Limits(rpm=10), 500)
    after = await claim(state, Limits(tpm=1000), 600)
    before.settle(0, 0)
    assert after.rooms()["tokens"].remaining == 400
    without = await claim(state, Limits(rpm=10), 1)
    after.settle(0, 0)  # its limit is gone: nothing to put right, and no error
    assert set(without.rooms()) == {"requests"}


# --- Several processes -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "processes", "each"),
    [
        (Limits(rpm=60), 4, 15),
        (Limits(rpm=50), 4, 12),
        (Limits(rpm=3), 2, 1),
        (Limits(rpm=1), 3, 1),
        (Limits(concurrency=10), 4, 2),
        (Limits(concurrency=1), 3, 1),
        (Limits(tpm=10), 2, 5),
    ],
    ids=str,
)
async def test_each_process_lets_its_share_through(
    clock: Clock, limits: Limits, processes: int, each: int
) -> None:
    states = [state_of(clock, processes) for _ in range(processes)]
    assert [await granted(state, limits, 1) for state in states] == [each] * processes


@pytest.mark.parametrize("rpm", [1, 7, 50])
async def test_together_they_let_no_more_through_in_the_long_run(clock: Clock, rpm: int) -> None:
    states = [state_of(clock, 4) for _ in range(4)]
    limits = Limits(rpm=rpm)
    for state in states:
        await granted(state, limits)
    passed = 0
    for _ in range(3600):
        clock.advance(1)
        for state in states:
            passed += await granted(state, limits)
    assert rpm * 60 - 4 <= passed <= rpm * 60


# --- What is told of it ------------------------------------------------------------------------


def about(seconds: float) -> Any:
    return pytest.approx(seconds)


async def test_rooms_are_those_of_the_limits_that_there_are(state: State, clock: Clock) -> None:
    lease = await claim(state, Limits(rpm=60, tpm=1000, concurrency=5), 250)
    assert lease.rooms() == {
        "requests": Room(60, 59, about(1)),
        "tokens": Room(1000, 750, about(15)),
    }
    clock.advance(3)
    assert lease.rooms()["tokens"] == Room(1000, 800, about(12))
    assert (await claim(state, Limits(concurrency=9))).rooms() == {}


async def test_the_limit_told_is_the_keys_and_what_remains_is_what_passes_here(
    clock: Clock,
) -> None:
    state = state_of(clock, processes=4)
    lease = await claim(state, Limits(rpm=60))
    assert lease.rooms()["requests"] == Room(60, 14, about(4))


async def test_a_refusal_carries_the_rooms_too(state: State) -> None:
    await claim(state, Limits(rpm=1, tpm=100), 10)
    with pytest.raises(RateLimited) as refusal:
        await claim(state, Limits(rpm=1, tpm=100), 10)
    assert refusal.value.rooms == {
        "requests": Room(1, 0, about(60)),
        "tokens": Room(100, 90, about(6)),
    }
