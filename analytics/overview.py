"""All that the overview shows, as data."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo

from analytics import spread
from analytics.models import HourlyUsage
from analytics.periods import Period, Piece
from analytics.rollups import HOUR, KEPT
from analytics.spread import Spread
from analytics.tally import NOTHING, SPREADS, Sums, floor
from analytics.usage import EVERYONE, Usage, add_spreads

STACKS = ("provider", "model", "key", "combo", "tag")
MEASURES: dict[str, Callable[[Sums], int]] = {
    "requests": lambda sums: sums.requests,
    "tokens": lambda sums: sums.tokens,
    "cost": lambda sums: sums.billed_picousd,
    "errors": lambda sums: sums.failed,
}
PERCENTS = (50, 95, 99)
STACKED = 8  # names that a chart tells apart
LISTED = 10  # in a table
HEATMAP = timedelta(days=7)  # at least


# By measure of `SPREADS` and per cent; null where nothing was measured.
Percentiles = dict[str, dict[int, float | None]]


@dataclass
class Bar:
    """One span of a chart."""

    sums: Sums = NOTHING
    spreads: tuple[Spread, ...] = field(default_factory=lambda: ({}, {}, {}))


@dataclass(frozen=True)
class Named:
    name: str
    sums: Sums


@dataclass(frozen=True)
class Overview:
    period: Period
    total: Sums
    before: Sums  # of the period of the same length before
    percentiles: Percentiles
    bars: dict[str, Bar]  # in order, none left out
    stacks: dict[str, list[Sums]]  # by name, a bar each, the largest first
    rest: list[Sums] | None  # of all others; null where requests have several names
    heatmap: list[list[int]]  # requests by weekday, from Monday, and hour
    top: dict[str, list[Named]]
    missing: int  # requests that wait to be counted


def overview(
    period: Period, *, user: str = EVERYONE, stack: str = "model", measure: str = "requests"
) -> Overview:
    usage, size = Usage(user), MEASURES[measure]
    whole = Piece(period.table, period.since, period.until)
    bars: dict[str, Bar] = {name: Bar() for name in period.bars}
    for start, sums, spreads in usage.spreads(whole):
        bar = bars[period.bar(start)]
        bar.sums = bar.sums.plus(sums)
        add_spreads(bar.spreads, spreads)
    total = NOTHING
    measured: tuple[Spread, ...] = ({}, {}, {})
    for bar in bars.values():
        total = total.plus(bar.sums)
        add_spreads(measured, bar.spreads)
    top = _top(usage, period, size)
    names = [row.name for row in top[stack][:STACKED] if size(row.sums)]
    stacks = _stacks(usage, period, stack, names)
    return Overview(
        period=period,
        total=total,
        before=usage.total(period.before.pieces),
        percentiles=percentiles(measured),
        bars=bars,
        stacks=stacks,
        rest=None if stack == "tag" else _rest(bars, stacks),
        heatmap=heatmap(usage, period.since, period.until, period.zone),
        top=top,
        missing=usage.missing,
    )


def percentiles(measured: Sequence[Spread]) -> Percentiles:
    return {
        name: {percent: spread.percentile(counts, percent) for percent in PERCENTS}
        for name, counts in zip(SPREADS, measured, strict=True)
    }


def _top(usage: Usage, period: Period, size: Callable[[Sums], int]) -> dict[str, list[Named]]:
    found: dict[str, list[Named]] = {stack: [] for stack in STACKS}
    for (dimension, name), sums in usage.named(period.pieces, STACKS).items():
        if name:
            found[dimension].append(Named(name, sums))
    for rows in found.values():
        rows.sort(key=lambda row: (-size(row.sums), -row.sums.requests, row.name))
        del rows[LISTED:]
    return found


def _stacks(
    usage: Usage, period: Period, dimension: str, names: list[str]
) -> dict[str, list[Sums]]:
    places = {bar: number for number, bar in enumerate(period.bars)}
    found = {name: [NOTHING] * len(places) for name in names}
    piece = Piece(period.table, period.since, period.until)
    for start, name, sums in usage.over_time(piece, dimension, names):
        place = places[period.bar(start)]
        found[name][place] = found[name][place].plus(sums)
    return found


def _rest(bars: dict[str, Bar], stacks: dict[str, list[Sums]]) -> list[Sums]:
    """What the bars hold beside those names."""
    left = [bar.sums for bar in bars.values()]
    for parts in stacks.values():
        left = [sums.minus(part) for sums, part in zip(left, parts, strict=True)]
    return left


def heatmap(usage: Usage, since: datetime, until: datetime, zone: tzinfo) -> list[list[int]]:
    """Requests by weekday, from Monday, and hour of the day, of at least the last seven days."""
    since = floor(max(min(since, until - HEATMAP), until - KEPT[HourlyUsage]), HOUR)
    hours = [[0] * 24 for _ in range(7)]
    for start, requests in usage.requests(Piece(HourlyUsage, since, until)):
        local = start.astimezone(zone)
        hours[local.weekday()][local.hour] += requests
    return hours
