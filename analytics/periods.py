"""Spans of time that pages look at, and which rollups tell of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from analytics.models import DailyUsage, FiveMinuteUsage, HourlyUsage
from analytics.rollups import DAY, HOUR, KEPT, SPANS, Table
from analytics.tally import floor

# Up to these lengths five minutes, or hours, are told apart. Longer ones go by days of UTC.
BY_FIVE_MINUTES = timedelta(hours=6)
BY_HOURS = timedelta(days=31)
# Up to this length a bar of a chart is an hour; then it is a day.
HOURLY_BARS = timedelta(days=3)


@dataclass(frozen=True)
class Piece:
    """Rows of one rollup: those that begin in `[since, until)`."""

    table: Table
    since: datetime
    until: datetime


@dataclass(frozen=True)
class Period:
    """From `since` until before `until`, both on the clock of `table`; days are those of `zone`."""

    since: datetime
    until: datetime
    table: Table
    zone: tzinfo = UTC

    @property
    def before(self) -> "Period":
        """The period of the same length that ends where this one begins."""
        return Period(self.since - (self.until - self.since), self.since, self.table, self.zone)

    @property
    def pieces(self) -> list[Piece]:
        """The fewest rows that tell of it: whole days by the day."""
        if self.table is not HourlyUsage:
            return [Piece(self.table, self.since, self.until)]
        return cover(self.since, self.until)

    @property
    def bars(self) -> list[str]:
        """The bars of a chart, from the first to the last."""
        starts: Iterator[datetime] = _steps(self.since, self.until, SPANS[self.table])
        return list(dict.fromkeys(map(self.bar, starts)))

    def bar(self, start: datetime) -> str:
        """The bar that a row belongs to: an ISO date, with the time where that matters."""
        start = floor(start, SPANS[self.table])
        if self.table is DailyUsage:
            return start.date().isoformat()
        local = start.astimezone(self.zone)
        if self.until - self.since > HOURLY_BARS + HOUR:
            return local.date().isoformat()
        return local.isoformat(timespec="minutes")


def period(since: datetime, until: datetime, now: datetime, zone: tzinfo = UTC) -> Period:
    """At least all from `since` until `until`, as finely as is known of it."""
    length = until - since
    if length <= BY_FIVE_MINUTES and since > now - KEPT[FiveMinuteUsage]:
        table: Table = FiveMinuteUsage
    elif length <= BY_HOURS and since > now - KEPT[HourlyUsage]:
        table = HourlyUsage
    else:
        table = DailyUsage
    span = SPANS[table]
    return Period(floor(since, span), _ceil(until, span), table, zone)


def cover(since: datetime, until: datetime) -> list[Piece]:
    """Whole days by the day, and what is before and after them by the hour."""
    since, until = floor(since, HOUR), _ceil(until, HOUR)
    first, last = _ceil(since, DAY), floor(until, DAY)
    if first >= last:
        return [Piece(HourlyUsage, since, until)]
    pieces = [
        Piece(HourlyUsage, since, first),
        Piece(DailyUsage, first, last),
        Piece(HourlyUsage, last, until),
    ]
    return [piece for piece in pieces if piece.since < piece.until]


def _ceil(moment: datetime, span: timedelta) -> datetime:
    start = floor(moment, span)
    return start if start == moment else start + span


def _steps(since: datetime, until: datetime, span: timedelta) -> Iterator[datetime]:
    while since < until:
        yield since
        since += span
