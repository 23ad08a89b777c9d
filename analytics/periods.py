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
FINER: tuple[tuple[Table, timedelta], ...] = (
    (FiveMinuteUsage, BY_FIVE_MINUTES),
    (HourlyUsage, BY_HOURS),
)
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
    """From `since` until before `until`, both on the clock of `table`; days are those of `zone`.

    `passed` is how much of it is over, to the nearest of its spans.
    """

    since: datetime
    until: datetime
    table: Table
    passed: timedelta
    zone: tzinfo = UTC

    @property
    def before(self) -> "Period":
        """What this one is compared with: as much as has passed of it, right before."""
        return Period(self.since - self.passed, self.since, self.table, self.passed, self.zone)

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
    """At least all from `since` until `until`, as finely as is known of it and of what is before."""
    for table, longest in FINER:
        found = _on_clock(table, since, until, now, zone)
        if until - since <= longest and found.before.since >= now - KEPT[table]:
            return found
    return _on_clock(DailyUsage, since, until, now, zone)


def _on_clock(
    table: Table, since: datetime, until: datetime, now: datetime, zone: tzinfo
) -> Period:
    span = SPANS[table]
    since, until = floor(since, span), _ceil(until, span)
    passed = floor(min(until, max(since, now)) + span / 2, span) - since
    return Period(since, until, table, max(passed, span), zone)


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
