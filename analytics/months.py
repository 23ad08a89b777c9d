"""What a month came to, by day and by name."""

from datetime import UTC, date, datetime, timedelta

from msgspec import Struct

from analytics.models import DailyUsage
from analytics.periods import Piece
from analytics.tally import NOTHING, Sums
from analytics.usage import EVERYONE, Usage

BY = ("provider", "model", "key")
STACKED = 8  # names that a chart tells apart


class Month(Struct, frozen=True):
    """Days are those of UTC.

    Args:
        names: All of them, the dearest first.
        days: Each of the month's days: all together.
        stacks: The same for the first names, in their order.
        missing: Requests that wait to be counted.
    """

    first: date
    by: str
    total: Sums
    names: list[tuple[str, Sums]]
    days: dict[date, Sums]
    stacks: dict[str, dict[date, Sums]]
    missing: int

    def rest(self, day: date) -> Sums:
        """What that day holds beside the names of `stacks`."""
        left = self.days[day]
        for told in self.stacks.values():
            left = left.minus(told[day])
        return left


def month(first: date, by: str, user: str = EVERYONE) -> Month:
    usage, piece = Usage(user), _piece(first)
    days = dict.fromkeys(days_of(first), NOTHING)
    found = usage.named([piece], ["", by])
    total = found.pop(("", ""), NOTHING)
    names = [(name, sums) for (_, name), sums in found.items() if name]
    names.sort(key=lambda each: (-each[1].cost_picousd, -each[1].requests, each[0]))
    stacks = {name: dict(days) for name, _ in names[:STACKED]}
    for start, _, sums in usage.over_time(piece, ""):
        days[start.date()] = days[start.date()].plus(sums)
    for start, name, sums in usage.over_time(piece, by, list(stacks)):
        stacks[name][start.date()] = stacks[name][start.date()].plus(sums)
    return Month(first, by, total, names, days, stacks, usage.missing)


def daily(first: date, by: str, user: str = EVERYONE) -> dict[tuple[date, str], Sums]:
    """Of every day and name; in an overview of many names that is much."""
    found: dict[tuple[date, str], Sums] = {}
    for start, name, sums in Usage(user).over_time(_piece(first), by):
        key = start.date(), name
        found[key] = found.get(key, NOTHING).plus(sums)
    return dict(sorted(found.items()))


def days_of(first: date) -> list[date]:
    until = following(first)
    return [first + timedelta(days=n) for n in range((until - first).days)]


def following(first: date) -> date:
    """The first day of the month after."""
    return (first.replace(day=28) + timedelta(days=4)).replace(day=1)


def _piece(first: date) -> Piece:
    since, until = (
        datetime.combine(day, datetime.min.time(), UTC) for day in (first, following(first))
    )
    return Piece(DailyUsage, since, until)
