"""Budgets: what may be spent in a day, a week or a month, and what has been.

What was spent comes from three places: the log, as it was last read; this process's calls that
the log did not hold then; and what its running calls have reserved.

Several processes know nothing of each other but what the log says. Of what was left in it half an
hour ago each of the others may have taken its part into calls that run still, so this one leaves
them that. Together they never overrun a budget by calls shorter than a quarter of an hour; one of
them may refuse early, and can go on once what the others might have been running is in the log.
"""

from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime
from operator import add
from typing import Literal

from msgspec import Struct

from analytics.costs import PICO, format_usd
from gateway.errors import BudgetSpent

Period = Literal["daily", "weekly", "monthly"]
PERIODS: tuple[Period, ...] = ("daily", "weekly", "monthly")
UNITS = ("usd", "tokens", "requests")
Amounts = tuple[int, int, int]  # in the order of UNITS; USD in 10⁻¹² USD
NOTHING: Amounts = (0, 0, 0)

DAY_S = 86_400
# Calls that began before this and are not in the log run for longer than any call should.
HORIZON_S = 1800.0
# Calls settled within so many seconds of each other are kept as one.
GRAIN_S = 0.1


class Calendar(Struct, frozen=True):
    """The day, week (from Monday) and month of `today` in UTC; all in days since 1970."""

    today: int
    first: Mapping[str, int]
    next: Mapping[str, int]


def calendar(now: float) -> Calendar:
    """Of `now`, in Unix seconds."""
    today = int(now // DAY_S)
    date = datetime.fromtimestamp(today * DAY_S, UTC)
    week, month = today - date.weekday(), today - date.day + 1
    following = datetime.fromtimestamp((month + 31) * DAY_S, UTC)
    return Calendar(
        today,
        first={"daily": today, "weekly": week, "monthly": month},
        next={"daily": today + 1, "weekly": week + 7, "monthly": month + 32 - following.day},
    )


def midnight(day: int) -> datetime:
    return datetime.fromtimestamp(day * DAY_S, UTC)


class Logged(Struct, frozen=True):
    """What the log said when it was read, by subject and period.

    Args:
        calendar: Of the reading: whose day, week and month the sums are.
        spent: Sums since each period's beginning.
        earlier: The part of it that began more than HORIZON_S before; for several processes.
        known_until: On the state's clock; what was settled here before it is in `spent`. What was
            settled later may be in both, until the next reading: early, never too much.
    """

    calendar: Calendar = calendar(0)
    spent: Mapping[tuple[str, str], Amounts] = {}
    earlier: Mapping[tuple[str, str], Amounts] = {}
    known_until: float = 0.0

    def since(self, subject: str, period: str, first: int) -> Amounts:
        """Spent in the period that began on `first`; nothing where the reading is of another."""
        if self.calendar.first[period] != first:
            return NOTHING
        return self.spent.get((subject, period), NOTHING)


class Budget:
    """One budget in its present period. Of `room`, this process may use so much by calls that the
    log does not hold; `unlogged` is what settled ones have used of it."""

    __slots__ = ("first", "left", "limit", "name", "next", "room", "unit", "unlogged")

    def __init__(
        self, name: str, limit: float, subject: str, logged: Logged, now: Calendar, processes: int
    ) -> None:
        period, _, unit = name.partition("_")
        self.name, self.limit, self.unit = name, limit, UNITS.index(unit)
        self.first, self.next = now.first[period], now.next[period]
        spent = logged.since(subject, period, self.first)[self.unit]
        earlier = 0
        if logged.calendar.first[period] == self.first:
            earlier = logged.earlier.get((subject, period), NOTHING)[self.unit]
        allowed = allowance(limit, unit)
        self.left = allowed - spent
        self.room = self.left - _others(allowed - earlier, processes)
        self.unlogged = 0


def _others(left: int, processes: int) -> int:
    """The part of it that belongs to the other processes, rounded up."""
    return -(-left * (processes - 1) // processes)


class Settled(Struct):
    """Calls that began on `day` and were settled between `since` and `until`."""

    day: int
    since: float
    until: float
    amounts: Amounts


class Account:
    """What one subject has reserved and spent in this process."""

    __slots__ = ("_settled", "budgets", "calendar", "limits", "logged", "reserved", "subject")

    def __init__(self, subject: str) -> None:
        self.subject = subject
        self.reserved: Amounts = (0, 0, 0)
        self.budgets: list[Budget] = []
        # What the budgets were made from; each is replaced as a whole when it changes.
        self.limits: Mapping[str, float] = {}
        self.logged: Logged | None = None
        self.calendar: Calendar | None = None
        self._settled: deque[Settled] = deque()  # not in the log, as far as is known

    def renew(
        self, limits: Mapping[str, float], logged: Logged, now: Calendar, processes: int
    ) -> None:
        self.limits, self.logged, self.calendar = limits, logged, now
        while self._settled and self._settled[0].until < logged.known_until:
            self._settled.popleft()
        self.budgets = [
            Budget(name, limit, self.subject, logged, now, processes)
            for name, limit in limits.items()
        ]
        for budget in self.budgets:
            budget.unlogged = sum(
                entry.amounts[budget.unit] for entry in self._settled if entry.day >= budget.first
            )

    def check(self, wanted: Amounts, now: float) -> None:
        """Raises `BudgetSpent` where `wanted` does not fit any more. `now` is in Unix seconds."""
        reserved = self.reserved
        for budget in self.budgets:
            unit = budget.unit
            # What is free, or has no price, no budget can stop.
            if wanted[unit] > 0 and budget.unlogged + reserved[unit] + wanted[unit] > budget.room:
                raise self._refusal(budget, wanted[unit], now)

    def reserve(self, wanted: Amounts) -> None:
        usd, tokens, requests = self.reserved
        self.reserved = (usd + wanted[0], tokens + wanted[1], requests + wanted[2])

    def settle(self, reserved: Amounts, spent: Amounts, day: int, now: float) -> None:
        """Put what a call of `day` has spent in the place of what it had reserved."""
        self.reserve((-reserved[0], -reserved[1], -reserved[2]))
        for budget in self.budgets:
            if day >= budget.first:
                budget.unlogged += spent[budget.unit]
        last = self._settled[-1] if self._settled else None
        if last is None or last.day != day or now - last.since > GRAIN_S:
            self._settled.append(Settled(day, now, now, spent))
            return
        usd, tokens, requests = last.amounts
        last.amounts = (usd + spent[0], tokens + spent[1], requests + spent[2])
        last.until = now

    def unlogged(self, first: int, known_until: float) -> Amounts:
        """What calls that began on the day `first` or later came to, and was settled since then."""
        usd = tokens = requests = 0
        for entry in self._settled:
            if entry.day >= first and entry.until >= known_until:
                usd, tokens, requests = map(add, (usd, tokens, requests), entry.amounts)
        return usd, tokens, requests

    def _refusal(self, budget: Budget, wanted: int, now: float) -> BudgetSpent:
        left = budget.left - budget.unlogged - self.reserved[budget.unit]
        return budget_spent(self.subject, budget.name, budget.limit, left, wanted, now)


def budget_spent(
    subject: str, name: str, limit: float, left: int, wanted: int, now: float
) -> BudgetSpent:
    """`left` and `wanted` are in the budget's unit, `now` in Unix seconds."""
    period, _, unit = name.partition("_")
    until = midnight(calendar(now).next[period])
    why = "is spent"
    if left > 0:
        why = f"has {_amount(left, unit)} left, too little for this call,"
        if wanted <= left:
            why = f"has {_amount(left, unit)} left, which other processes may be using,"
    whose = subject.partition(":")[0]
    whole = f"{limit:g} {'USD' if unit == 'usd' else unit}"
    return BudgetSpent(
        f"the {whose}'s {name} budget of {whole} {why} until {until:%Y-%m-%dT%H:%MZ}",
        retry_after_s=until.timestamp() - now,
    )


def _amount(amount: int, unit: str) -> str:
    return f"{format_usd(amount)} USD" if unit == "usd" else f"{amount} {unit}"


def allowance(limit: float, unit: str) -> int:
    """A budget's limit in what is counted: 10⁻¹² USD, tokens, requests."""
    return round(limit * 10**PICO) if unit == "usd" else int(limit)


class Ledger:
    """The accounts of a process. All but `load` belongs to one thread, the event loop's."""

    def __init__(self, processes: int) -> None:
        self._processes = processes
        self.logged = Logged()
        self._accounts: dict[str, Account] = {}
        self.calendar = calendar(0)

    def account(self, subject: str, limits: Mapping[str, float], now: float) -> Account:
        """The subject's account, up to date with `limits`, the log, and `now` (Unix seconds)."""
        if now // DAY_S != self.calendar.today:
            self.calendar = calendar(now)
        account = self._accounts.get(subject)
        if account is None:
            account = self._accounts[subject] = Account(subject)
        if (
            account.logged is not self.logged
            # Each key of a user has an equal copy of the user's budgets.
            or (account.limits is not limits and account.limits != limits)
            or account.calendar is not self.calendar
        ):
            account.renew(limits, self.logged, self.calendar, self._processes)
        return account

    def unlogged(self, subject: str, first: int, logged: Logged) -> Amounts:
        """What the subject has spent here since the day `first` that `logged` lacks."""
        account = self._accounts.get(subject)
        return account.unlogged(first, logged.known_until) if account else NOTHING

    def reserved(self) -> dict[str, Amounts]:
        """By subject, where there is anything."""
        return {name: a.reserved for name, a in self._accounts.items() if any(a.reserved)}

    def load(self, logged: Logged) -> None:
        """Take over what the log says; from any thread, since it replaces one reference."""
        self.logged = logged
