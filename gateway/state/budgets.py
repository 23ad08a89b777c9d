"""Budgets: what may be spent in a day, a week or a month, and what has been.

What was spent comes from three places: the log, as it was last read; this process's calls that
the log did not hold then; and what its running calls have reserved. Several processes divide what
was left when the log was read, so that together they cannot overrun it.
"""

from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from msgspec import Struct

from analytics.costs import PICO, format_usd
from gateway.errors import BudgetSpent

Period = str  # daily, weekly or monthly
PERIODS: tuple[Period, ...] = ("daily", "weekly", "monthly")


class Spending(Struct, frozen=True):
    """So much of each unit."""

    usd: int = 0  # 10⁻¹² USD
    tokens: int = 0
    requests: int = 0

    def __add__(self, other: "Spending") -> "Spending":
        return Spending(
            self.usd + other.usd, self.tokens + other.tokens, self.requests + other.requests
        )

    def __sub__(self, other: "Spending") -> "Spending":
        return Spending(
            self.usd - other.usd, self.tokens - other.tokens, self.requests - other.requests
        )


NOTHING = Spending()
# By subject and period, for the periods that run now.
Logged = Mapping[tuple[str, Period], Spending]


def starts(now: float) -> dict[Period, datetime]:
    """When the present day, week (from Monday) and month began, in UTC."""
    today = datetime.fromtimestamp(now, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return {
        "daily": today,
        "weekly": today - timedelta(days=today.weekday()),
        "monthly": today.replace(day=1),
    }


def end(period: Period, now: float) -> datetime:
    start = starts(now)[period]
    match period:
        case "daily":
            return start + timedelta(days=1)
        case "weekly":
            return start + timedelta(days=7)
    return (start + timedelta(days=32)).replace(day=1)


class Ledger:
    """The budgets' side of a process's state. Times are Unix seconds."""

    def __init__(self, processes: int) -> None:
        self._processes = processes
        self._logged: Logged = {}
        self._reserved: defaultdict[str, Spending] = defaultdict(Spending)
        # Settled here and, as far as is known, not in the log as it was last read.
        self._unlogged: list[tuple[float, str, Spending]] = []

    def check(
        self, subject: str, budgets: Mapping[str, float], wanted: Spending, now: float
    ) -> None:
        """Raises `BudgetSpent` where `wanted` does not fit any more."""
        for name, limit in budgets.items():
            period, _, unit = name.partition("_")
            asked = getattr(wanted, unit)
            if asked <= 0:
                continue  # what is free, or has no price, no budget can stop
            allowed = round(limit * 10**PICO) if unit == "usd" else round(limit)
            left = allowed - getattr(self._logged.get((subject, period), NOTHING), unit)
            if self._own(subject, period, unit, now) + asked > left / self._processes:
                raise _spent(subject, name, limit, end(period, now), now)

    def _own(self, subject: str, period: Period, unit: str, now: float) -> int:
        since = starts(now)[period].timestamp()
        settled: int = sum(
            getattr(spending, unit)
            for time, who, spending in self._unlogged
            if who == subject and time >= since
        )
        reserved: int = getattr(self._reserved[subject], unit)
        return settled + reserved

    def reserve(self, subject: str, wanted: Spending) -> None:
        self._reserved[subject] += wanted

    def settle(self, subject: str, reserved: Spending, spent: Spending, now: float) -> None:
        self._reserved[subject] -= reserved
        if spent != NOTHING:
            self._unlogged.append((now, subject, spent))

    def load(self, logged: Logged, known_until: float) -> None:
        """Take over what the log says.

        Args:
            logged: Sums of the periods that run now.
            known_until: What was settled here before this is in those sums. What came between
                this and their reading counts twice until the next time: early, never too much.
        """
        self._logged = logged
        self._unlogged = [entry for entry in self._unlogged if entry[0] >= known_until]


def _spent(subject: str, name: str, limit: float, until: datetime, now: float) -> BudgetSpent:
    unit = name.partition("_")[2]
    amount = f"{format_usd(round(limit * 10**PICO))} USD" if unit == "usd" else f"{limit:g} {unit}"
    whose = subject.partition(":")[0]
    return BudgetSpent(
        f"the {whose}'s {name} budget of {amount} is spent until {until:%Y-%m-%dT%H:%MZ}",
        retry_after_s=until.timestamp() - now,
    )
