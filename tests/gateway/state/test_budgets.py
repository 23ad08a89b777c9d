"""Budgets: reserved before, settled after, never overrun, whatever the log knows already."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BudgetSpent
from gateway.snapshot import Limits
from gateway.state import Claim, Lease, State
from gateway.state.budgets import Amounts, Logged, calendar, midnight
from gateway.state.memory import MemoryState
from tests.gateway.clocks import NOON, Clock

MEMORY = pytest.mark.parametrize("store", ["memory"], indirect=True)
USD = 10**12
FREE = Limits()


def state_of(clock: Clock, processes: int = 1) -> MemoryState:
    return MemoryState(processes=processes, clock=lambda: clock.mono, wall=lambda: clock.wall)


async def claim(
    state: State,
    budgets: Mapping[str, float],
    usd: float = 0,
    tokens: int = 0,
    subject: str = "key:laptop",
) -> Lease:
    return await state.claim(Claim(subject, FREE, ((subject, budgets),), tokens, round(usd * USD)))


async def granted(state: State, budgets: Mapping[str, float], usd: float = 1) -> int:
    """How many more calls at so much fit; all of them keep running."""
    for count in range(1000):
        try:
            await claim(state, budgets, usd)
        except BudgetSpent:
            return count
    raise AssertionError("nothing refuses")


def logged(
    clock: Clock,
    usd: float = 0,
    *,
    requests: int = 0,
    known_until: float = 0,
    earlier: float = 0,
    subject: str = "key:laptop",
) -> Logged:
    """The log as if all of it were of today."""

    def by_period(amounts: Amounts) -> dict[tuple[str, str], Amounts]:
        return {(subject, period): amounts for period in ("daily", "weekly", "monthly")}

    return Logged(
        calendar(clock.wall),
        by_period((round(usd * USD), 0, requests)),
        by_period((round(earlier * USD), 0, 0)),
        known_until,
    )


@dataclass(frozen=True)
class Day:
    id: str
    now: datetime
    day: tuple[str, str]
    week: tuple[str, str]
    month: tuple[str, str]


DAYS = [
    Day("a Wednesday", NOON, ("2026-11-25", "2026-11-26"), ("2026-11-23", "2026-11-30"), ("2026-11-01", "2026-12-01")),
    Day("Monday's first moment", datetime(2026, 11, 23, tzinfo=UTC), ("2026-11-23", "2026-11-24"), ("2026-11-23", "2026-11-30"), ("2026-11-01", "2026-12-01")),
    Day("Sunday's last", datetime(2026, 11, 29, 23, 59, 59, 999_000, UTC), ("2026-11-29", "2026-11-30"), ("2026-11-23", "2026-11-30"), ("2026-11-01", "2026-12-01")),
    Day("the year's last", datetime(2026, 12, 31, 23, 59, tzinfo=UTC), ("2026-12-31", "2027-01-01"), ("2026-12-28", "2027-01-04"), ("2026-12-01", "2027-01-01")),
    Day("a leap day", datetime(2028, 2, 29, 1, tzinfo=UTC), ("2028-02-29", "2028-03-01"), ("2028-02-28", "2028-03-06"), ("2028-02-01", "2028-03-01")),
    Day("a February of 28 days", datetime(2027, 2, 1, tzinfo=UTC), ("2027-02-01", "2027-02-02"), ("2027-02-01", "2027-02-08"), ("2027-02-01", "2027-03-01")),
    Day("a month of 31 days", datetime(2026, 1, 31, tzinfo=UTC), ("2026-01-31", "2026-02-01"), ("2026-01-26", "2026-02-02"), ("2026-01-01", "2026-02-01")),
]  # fmt: skip


@pytest.mark.parametrize("case", DAYS, ids=lambda case: case.id)
def test_periods_are_those_of_the_calendar_in_utc(case: Day) -> None:
    found = calendar(case.now.timestamp())
    periods = {
        period: tuple(
            f"{midnight(day):%Y-%m-%d}" for day in (found.first[period], found.next[period])
        )
        for period in ("daily", "weekly", "monthly")
    }
    assert periods == {"daily": case.day, "weekly": case.week, "monthly": case.month}


@given(st.datetimes(datetime(1990, 1, 1), datetime(2200, 1, 1)))
def test_every_moment_lies_in_its_periods(moment: datetime) -> None:
    now = moment.replace(tzinfo=UTC)
    found = calendar(now.timestamp())
    for period in ("daily", "weekly", "monthly"):
        assert midnight(found.first[period]) <= now < midnight(found.next[period])
    assert (
        midnight(found.first["weekly"]).weekday() == midnight(found.next["weekly"]).weekday() == 0
    )
    assert midnight(found.first["monthly"]).day == midnight(found.next["monthly"]).day == 1


# --- One process: exact ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("budgets", "call", "fit"),
    [
        ({"daily_usd": 5}, {"usd": 1}, 5),
        ({"weekly_usd": 5}, {"usd": 0.7}, 7),
        ({"monthly_usd": 0.000001}, {"usd": 0.0000001}, 10),
        ({"daily_tokens": 1000}, {"tokens": 100}, 10),
        ({"daily_requests": 3}, {"usd": 9}, 3),
        ({"daily_usd": 5, "monthly_requests": 2}, {"usd": 1}, 2),
        ({"daily_usd": 2, "monthly_requests": 5}, {"usd": 1}, 2),
    ],
)
async def test_as_much_as_fits_is_let_in(
    state: State, budgets: dict[str, float], call: dict[str, float], fit: int
) -> None:
    for _ in range(fit):
        await claim(state, budgets, call.get("usd", 0), int(call.get("tokens", 0)))
    with pytest.raises(BudgetSpent):
        await claim(state, budgets, call.get("usd", 0), int(call.get("tokens", 0)))


async def test_a_hundred_at_once_on_a_budget_for_ten_are_ten(state: State) -> None:
    async def call() -> bool:
        try:
            lease = await claim(state, {"daily_usd": 10}, 1)
        except BudgetSpent:
            return False
        await asyncio.sleep(0)
        lease.settle(0, USD)
        return True

    assert sum(await asyncio.gather(*(call() for _ in range(100)))) == 10


async def test_a_call_that_costs_less_gives_the_rest_back(state: State) -> None:
    lease = await claim(state, {"daily_usd": 5}, 5)
    with pytest.raises(BudgetSpent):
        await claim(state, {"daily_usd": 5}, 0.01)
    lease.settle(0, 2 * USD)
    assert await granted(state, {"daily_usd": 5}) == 3


async def test_a_call_that_costs_more_is_paid_for(state: State) -> None:
    lease = await claim(state, {"daily_usd": 5}, 1)
    lease.settle(0, 4 * USD)
    assert await granted(state, {"daily_usd": 5}) == 1


async def test_a_failed_call_costs_nothing_but_was_a_request(state: State) -> None:
    budgets = {"daily_usd": 1, "daily_requests": 2}
    for _ in range(2):
        (await claim(state, budgets, 1)).settle(0, 0)
    with pytest.raises(BudgetSpent, match="daily_requests"):
        await claim(state, budgets, 1)


async def test_settling_twice_is_settling_once(state: State) -> None:
    lease = await claim(state, {"daily_usd": 5}, 1)
    for _ in range(3):
        lease.settle(0, USD)
    assert await granted(state, {"daily_usd": 5}) == 4


async def test_what_is_free_or_unpriced_no_money_budget_stops(state: State) -> None:
    state.load(logged(Clock(), 9))
    with pytest.raises(BudgetSpent):
        await claim(state, {"daily_usd": 5}, 0.01)
    for _ in range(50):
        (await claim(state, {"daily_usd": 5}, 0, 100)).settle(100, 0)


async def test_a_user_pays_for_all_keys_and_a_refusal_takes_from_nobody(state: State) -> None:
    async def call(key: str, usd: int) -> Lease:
        # Each key of the user has its own copy of the user's budgets.
        budgets = ((f"key:{key}", {"daily_usd": 10}), ("user:ops", {"daily_usd": 12}))
        return await state.claim(Claim(f"key:{key}", FREE, budgets, 0, usd * USD))

    await call("laptop", 8)
    with pytest.raises(BudgetSpent, match="the user's daily_usd budget of 12 USD"):
        await call("phone", 5)
    with pytest.raises(BudgetSpent, match="the key's daily_usd budget of 10 USD"):
        await call("laptop", 3)
    await call("phone", 4)
    with pytest.raises(BudgetSpent, match="the user's"):
        await call("phone", 1)


# In Redis a call that ran before there was the budget counts once the log has it.
@MEMORY
async def test_a_budget_that_changes_counts_what_was_spent_before(state: State) -> None:
    (await claim(state, {"daily_usd": 5}, 3)).settle(0, 3 * USD)
    running = await claim(state, {"daily_usd": 5}, 2)
    assert await granted(state, {"daily_usd": 9, "weekly_usd": 8}) == 3
    running.settle(0, 0)
    assert await granted(state, {"daily_usd": 9, "weekly_usd": 8}) == 2


@dataclass(frozen=True)
class Words:
    id: str
    budgets: dict[str, float]
    message: str
    retry_after_s: float
    spent: float = 5


WORDS = [
    Words("spent", {"daily_usd": 5}, "the key's daily_usd budget of 5 USD is spent until 2026-11-26T00:00Z", 43_200),
    Words("overspent", {"weekly_usd": 2.5}, "the key's weekly_usd budget of 2.5 USD is spent until 2026-11-30T00:00Z", 4.5 * 86_400),
    Words("tokens", {"monthly_tokens": 0.5}, "the key's monthly_tokens budget of 0.5 tokens is spent until 2026-12-01T00:00Z", 5.5 * 86_400),
    Words("too little left", {"daily_usd": 5.25}, "the key's daily_usd budget of 5.25 USD has 0.25 USD left, too little for this call, until 2026-11-26T00:00Z", 43_200),
]  # fmt: skip


@pytest.mark.parametrize("case", WORDS, ids=lambda case: case.id)
async def test_a_refusal_names_the_budget_and_when_it_ends(
    state: State, clock: Clock, case: Words
) -> None:
    state.load(logged(clock, case.spent))
    with pytest.raises(BudgetSpent) as refusal:
        await claim(state, case.budgets, 1, 100)
    assert str(refusal.value) == case.message
    assert refusal.value.retry_after_s == case.retry_after_s


# --- A dearer target ---------------------------------------------------------------------------


async def test_a_dearer_target_reserves_the_difference(state: State) -> None:
    budgets = {"daily_usd": 5}
    lease = await claim(state, budgets, 1)
    await lease.cover(3 * USD)
    await lease.cover(2 * USD)  # a cheaper one after it changes nothing
    assert await granted(state, budgets) == 2
    lease.settle(0, USD)
    assert await granted(state, budgets) == 2


async def test_a_free_first_target_is_no_way_around_a_spent_budget(
    state: State, clock: Clock
) -> None:
    state.load(logged(clock, 5))
    lease = await claim(state, {"daily_usd": 5}, 0)
    with pytest.raises(BudgetSpent):
        await lease.cover(1)
    lease.settle(0, 0)


async def test_what_cannot_be_covered_leaves_what_was_reserved(state: State) -> None:
    both = (("key:laptop", {"daily_usd": 10}), ("user:ops", {"daily_usd": 5}))
    lease = await state.claim(Claim("key:laptop", FREE, both, 0, USD))
    with pytest.raises(BudgetSpent, match="the user's"):
        await lease.cover(6 * USD)
    assert await granted(state, {"daily_usd": 10}) == 9


# In Redis it is covered by that of the day on which it began, which pays for it.
@MEMORY
async def test_a_target_is_covered_by_the_budget_of_today(state: State, clock: Clock) -> None:
    clock.wall = datetime(2026, 11, 25, 23, 59, 59, tzinfo=UTC).timestamp()
    state.load(logged(clock, 4))
    lease = await claim(state, {"daily_usd": 5}, 1)
    with pytest.raises(BudgetSpent):
        await lease.cover(2 * USD)
    clock.advance(2)
    await lease.cover(2 * USD)


# --- The calendar ------------------------------------------------------------------------------


async def test_a_new_day_is_a_new_daily_budget_but_no_new_weekly_one(
    state: State, clock: Clock
) -> None:
    budgets = {"daily_usd": 5, "weekly_usd": 8}
    (await claim(state, budgets, 5)).settle(0, 5 * USD)
    assert await granted(state, budgets) == 0
    clock.advance(12 * 3600)
    assert await granted(state, budgets) == 3


async def test_a_call_over_midnight_is_paid_for_by_the_day_on_which_it_began(
    state: State, clock: Clock
) -> None:
    lease = await claim(state, {"daily_usd": 5, "weekly_usd": 20}, 5)
    clock.advance(12 * 3600)
    lease.settle(0, 5 * USD)
    assert await granted(state, {"daily_usd": 5, "weekly_usd": 20}) == 5


async def test_it_is_so_also_when_the_new_day_has_calls_already(state: State, clock: Clock) -> None:
    budgets = {"daily_usd": 5}
    lease = await claim(state, budgets, 3)
    clock.advance(12 * 3600)
    (await claim(state, budgets, 1)).settle(0, USD)
    lease.settle(0, 3 * USD)  # in the same moment, and of another day
    with pytest.raises(BudgetSpent):
        await claim(state, budgets, 4.01)
    state.load(Logged())  # and it stays so when all is counted anew
    assert await granted(state, budgets, 2) == 2


async def test_the_log_of_yesterday_says_nothing_of_today(state: State, clock: Clock) -> None:
    state.load(logged(clock, 5))
    assert await granted(state, {"daily_usd": 5}) == 0
    clock.advance(12 * 3600)
    assert await granted(state, {"daily_usd": 5, "monthly_usd": 8}) == 3


async def test_a_wall_clock_that_is_set_back_and_forth_neither_locks_out_nor_opens(
    state: State, clock: Clock
) -> None:
    (await claim(state, {"daily_usd": 5}, 3)).settle(0, 3 * USD)
    for jump_s in (3600, -7200, 3600):
        clock.wall += jump_s
        assert await granted(state, {"daily_usd": 5}, 3) == 0
    assert await granted(state, {"daily_usd": 5}) == 2


async def test_a_wall_clock_that_is_set_back_over_midnight_is_of_yesterday_again(
    state: State, clock: Clock
) -> None:
    (await claim(state, {"daily_usd": 5}, 3)).settle(0, 3 * USD)
    clock.advance(12 * 3600)
    assert await claim(state, {"daily_usd": 5}, 5)
    clock.wall -= 3600
    with pytest.raises(BudgetSpent, match="until 2026-11-26"):
        await claim(state, {"daily_usd": 5}, 3)


# --- The log -----------------------------------------------------------------------------------


async def test_what_the_log_says_counts(state: State, clock: Clock) -> None:
    state.load(logged(clock, 3))
    assert await granted(state, {"daily_usd": 5}) == 2


async def test_what_was_settled_here_counts_once_when_the_log_has_it(
    state: State, clock: Clock
) -> None:
    budgets = {"daily_usd": 10}
    (await claim(state, budgets, 3)).settle(0, 3 * USD)
    clock.advance(1)
    drained = clock.mono
    clock.advance(1)
    (await claim(state, budgets, 2)).settle(0, 2 * USD)
    running = await claim(state, budgets, 1)
    # Read after the first was drained: it holds 3, and of the 2 nothing is known.
    state.load(logged(clock, 3, known_until=drained))
    assert await granted(state, budgets, 4) == 1
    running.settle(0, 0)
    clock.advance(1)
    state.load(logged(clock, 5, known_until=clock.mono))
    assert await granted(state, budgets, 1.01) == 0


# In Redis it counts once.
@MEMORY
async def test_a_call_settled_between_drain_and_reading_counts_twice_for_a_while_not_never(
    state: State, clock: Clock
) -> None:
    budgets = {"daily_usd": 10}
    drained = clock.mono
    (await claim(state, budgets, 4)).settle(0, 4 * USD)
    state.load(logged(clock, 4, known_until=drained))  # its row came right before the reading
    assert await granted(state, budgets, 3) == 0
    clock.advance(1)
    state.load(logged(clock, 4, known_until=clock.mono))
    assert await granted(state, budgets, 3) == 2


async def test_calls_settled_in_one_moment_stay_counted_until_the_log_has_all_of_them(
    state: State, clock: Clock
) -> None:
    budgets = {"daily_usd": 10}
    (await claim(state, budgets, 3)).settle(0, 3 * USD)
    clock.advance(0.02)
    drained = clock.mono
    clock.advance(0.02)
    (await claim(state, budgets, 4)).settle(0, 4 * USD)
    state.load(logged(clock, 3, known_until=drained))
    assert await granted(state, budgets, 4) == 0


async def test_while_the_database_is_away_what_was_settled_here_stays_counted(
    state: State, clock: Clock
) -> None:
    budgets = {"daily_requests": 1000}
    for _ in range(900):
        (await claim(state, budgets)).settle(1, 1)
        clock.advance(0.03)
    state.load(logged(clock, requests=0, known_until=0))
    assert await granted(state, budgets) == 100


# --- Several processes -------------------------------------------------------------------------


async def test_processes_divide_what_is_left(clock: Clock) -> None:
    states = [state_of(clock, processes=4) for _ in range(4)]
    for state in states:
        state.load(logged(clock, 2, earlier=2))
    assert [await granted(state, {"daily_usd": 10}) for state in states] == [2, 2, 2, 2]


async def test_a_process_that_knows_more_leaves_room_for_what_others_may_be_running(
    clock: Clock,
) -> None:
    first, second = (state_of(clock, processes=2) for _ in range(2))
    budgets = {"daily_usd": 10}
    for _ in range(5):
        (await claim(first, budgets, 1)).settle(0, USD)
    assert await granted(second, budgets) == 5  # and they run on, unseen
    clock.advance(1)
    first.load(logged(clock, 5, known_until=clock.mono))
    with pytest.raises(BudgetSpent, match="5 USD left, which other processes may be using, until"):
        await claim(first, budgets, 1)
    # Half an hour later everything that the second had begun then would be in the log.
    clock.advance(1800)
    first.load(logged(clock, 5, earlier=5, known_until=clock.mono))
    assert await granted(first, budgets) == 2


async def test_the_message_of_a_spent_share_does_not_say_spent(clock: Clock) -> None:
    state = state_of(clock, processes=3)
    with pytest.raises(
        BudgetSpent, match="has 2 requests left, which other processes may be using"
    ):
        await claim(state, {"daily_requests": 2})


steps = st.lists(
    st.tuples(
        st.sampled_from(["call", "call", "call", "settle", "drain", "load"]),
        st.integers(0, 2),
        st.integers(1, 30),
    ),
    max_size=120,
)


class Process:
    """A gateway process, its undrained rows, and what it has running."""

    def __init__(self, clock: Clock, processes: int) -> None:
        self.state = state_of(clock, processes)
        self.running: list[tuple[Lease, int, float]] = []
        self.undrained: list[tuple[float, int]] = []
        self.drained_until = 0.0


@given(steps, st.integers(1, 3))
def test_no_order_of_calls_drains_and_readings_overruns_a_budget(
    steps: list[tuple[str, int, int]], processes: int
) -> None:
    """Within half an hour; what each process reads is always the log that all write."""

    async def run() -> None:
        clock = Clock()
        log: list[tuple[float, int]] = []  # when it began, and what it cost
        crowd = [Process(clock, processes) for _ in range(processes)]
        used = 0
        for deed, which, amount in steps:
            clock.advance(1)
            process = crowd[which % processes]
            match deed:
                case "call":
                    try:
                        lease = await claim(process.state, {"daily_tokens": 100}, tokens=amount)
                    except BudgetSpent:
                        assert processes > 1 or used + amount > 100
                        continue
                    process.running.append((lease, amount, clock.wall))
                    used += amount
                    assert used <= 100
                case "settle" if process.running:
                    lease, reserved, began = process.running.pop(0)
                    cost = min(amount, reserved)
                    lease.settle(cost, 0)
                    process.undrained.append((began, cost))
                    used -= reserved - cost
                case "drain":
                    process.drained_until = clock.mono
                    log += process.undrained
                    process.undrained.clear()
                case "load":
                    spent = sum(cost for _, cost in log)
                    process.state.load(
                        Logged(
                            calendar(clock.wall),
                            {("key:laptop", "daily"): (0, spent, 0)},
                            {},
                            process.drained_until,
                        )
                    )

    asyncio.run(run())


async def test_a_weekly_budget_knows_the_days_before(state: State, clock: Clock) -> None:
    week = Logged(calendar(clock.wall), {("key:laptop", "weekly"): (4 * USD, 0, 0)})
    state.load(week)
    lease = await claim(state, {"weekly_usd": 5}, 1)
    assert await granted(state, {"weekly_usd": 5}, 0.01) == 0
    lease.settle(0, USD)
    clock.advance(timedelta(days=5).total_seconds())  # past Sunday
    assert await granted(state, {"weekly_usd": 5}) == 5
