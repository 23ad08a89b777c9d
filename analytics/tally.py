"""Rows of the log, added up by all that there is a name for."""

import operator
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from analytics import spread
from analytics.models import RequestRecord
from analytics.spread import Spread

SPAN = timedelta(minutes=5)
IDS = 500  # in one query

SPREADS = ("duration_ms", "first_byte_ms", "tokens_per_s")


class Sums(NamedTuple):
    """What requests come to. The names are the columns of `Usage`."""

    requests: int = 0
    errors: int = 0
    truncated: int = 0
    aborted: int = 0
    interrupted: int = 0
    cached: int = 0
    unpriced: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    cost_picousd: int = 0
    flat_picousd: int = 0
    saved_picousd: int = 0

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens

    @property
    def failed(self) -> int:
        """Those that got no whole answer. Who left did not wait for one."""
        return self.errors + self.truncated + self.interrupted

    @property
    def billed_picousd(self) -> int:
        """Without what a flat rate covers."""
        return self.cost_picousd - self.flat_picousd

    def plus(self, more: Iterable[int]) -> "Sums":
        return Sums._make(map(operator.add, self, more))

    def minus(self, less: Iterable[int]) -> "Sums":
        return Sums._make(map(operator.sub, self, less))


MEASURES = Sums._fields
NOTHING = Sums()


class Place(NamedTuple):
    """One row of a rollup."""

    start: datetime
    user: str
    dimension: str
    name: str


class Tally(NamedTuple):
    """Sums, and where there is no dimension spreads, in the order of `SPREADS`."""

    sums: dict[Place, Sums]
    spreads: dict[Place, tuple[Spread, ...]]


class _Row(NamedTuple):
    time: datetime
    user: str
    provider: str
    model: str
    key: str
    combo: str
    tier: str
    tags: list[str]
    outcome: str
    cache: str
    stream: bool
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    reasoning_tokens: int
    cost_picousd: int | None
    saved_picousd: int
    first_byte_ms: int | None
    duration_ms: int


def of(ids: list[str]) -> Tally:
    """What those rows of the log add up to, by spans of five minutes."""
    groups: dict[tuple[Any, ...], Sums] = {}
    spreads: dict[Place, tuple[Spread, ...]] = {}
    for row in _rows(ids):
        start = floor(row.time, SPAN)
        group = (
            start, row.user, row.provider, row.model, row.key, row.combo, row.tier, tuple(row.tags),
        )  # fmt: skip
        groups[group] = groups.get(group, NOTHING).plus(_measures(row))
        _spread(spreads, start, row)
    sums: dict[Place, Sums] = {}
    for group, more in groups.items():
        for place in _places(*group):
            sums[place] = sums.get(place, NOTHING).plus(more)
    return Tally(sums, spreads)


def coarser(tally: Tally, span: timedelta) -> Tally:
    """The same, by longer spans."""
    sums: dict[Place, Sums] = {}
    for place, more in tally.sums.items():
        wider = place._replace(start=floor(place.start, span))
        sums[wider] = sums.get(wider, NOTHING).plus(more)
    spreads: dict[Place, tuple[Spread, ...]] = {}
    for place, told in tally.spreads.items():
        wider = place._replace(start=floor(place.start, span))
        for kept, new in zip(spreads.setdefault(wider, ({}, {}, {})), told, strict=True):
            spread.add(kept, new)
    return Tally(sums, spreads)


def floor(moment: datetime, span: timedelta) -> datetime:
    """When the span began that the moment is in; days are those of UTC."""
    return moment - (moment - datetime.min.replace(tzinfo=moment.tzinfo)) % span


def _rows(ids: list[str]) -> Iterator[_Row]:
    for first in range(0, len(ids), IDS):
        rows = RequestRecord.objects.filter(id__in=ids[first : first + IDS]).order_by()
        yield from map(_Row._make, rows.values_list(*_Row._fields))


def _measures(row: _Row) -> tuple[int, ...]:
    cost = row.cost_picousd or 0
    return (
        1,
        row.outcome == "error",
        row.outcome == "truncated",
        row.outcome == "aborted",
        row.outcome == "interrupted",
        row.cache == "hit",
        row.cost_picousd is None,
        row.input_tokens,
        row.output_tokens,
        row.cache_read_tokens,
        row.cache_write_tokens,
        row.reasoning_tokens,
        cost,
        cost if row.tier == "subscription" else 0,
        row.saved_picousd,
    )


def _places(
    start: datetime,
    user: str,
    provider: str,
    model: str,
    key: str,
    combo: str,
    tier: str,
    tags: Iterable[str],
) -> Iterator[Place]:
    """Where a request counts: for everyone, and for its user. With several tags, for each."""
    names = [("", ""), ("provider", provider), ("model", model), ("key", key), ("combo", combo)]
    names += [("tier", tier), *(("tag", tag) for tag in tags)]
    for whose in {"", user}:
        for dimension, name in names:
            yield Place(start, whose, dimension, name)
    yield Place(start, "", "user", user)


def _spread(spreads: dict[Place, tuple[Spread, ...]], start: datetime, row: _Row) -> None:
    """How long answers took. What was given again says nothing of a provider."""
    if row.outcome != "ok" or row.cache in ("hit", "again") or not row.provider:
        return
    told: list[tuple[int, float]] = [(0, row.duration_ms)]
    if row.stream and row.first_byte_ms is not None:
        told.append((1, row.first_byte_ms))
        if row.output_tokens and row.duration_ms > row.first_byte_ms:
            seconds = (row.duration_ms - row.first_byte_ms) / 1000
            told.append((2, row.output_tokens / seconds))
    for whose in {"", row.user}:
        kept = spreads.setdefault(Place(start, whose, "", ""), ({}, {}, {}))
        for measure, value in told:
            spread.add(kept[measure], {spread.bucket(value): 1})
