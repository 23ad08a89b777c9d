"""Rows of the log, added up by all that there is a name for."""

import json
import math
import operator
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import (
    Case,
    Count,
    F,
    FloatField,
    Func,
    IntegerField,
    Q,
    QuerySet,
    Sum,
    Value,
    When,
)
from django.db.models.expressions import RawSQL
from django.db.models.functions import Cast, Ceil, Coalesce, Greatest, Ln

from analytics import spread
from analytics.models import RequestRecord
from analytics.spread import GROWTH, Spread

IDS = 20_000  # in one query
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
    def answered(self) -> int:
        return self.requests - self.failed - self.aborted

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
    """By spans of one length. Spreads are by user, with everyone's under an empty name, and in the
    order of `SPREADS`."""

    sums: dict[Place, Sums]
    spreads: dict[tuple[datetime, str], tuple[Spread, ...]]

    def since(self, moment: datetime) -> "Tally":
        """Only the spans that begin then or later."""
        return Tally(
            {place: sums for place, sums in self.sums.items() if place.start >= moment},
            {place: told for place, told in self.spreads.items() if place[0] >= moment},
        )

    def by(self, span: timedelta) -> "Tally":
        """The same by longer spans."""
        wider = Tally({}, {})
        for (start, *name), sums in self.sums.items():
            wider.add(Place(floor(start, span), *name), sums)
        for (start, user), told in self.spreads.items():
            kept = wider.spreads.setdefault((floor(start, span), user), ({}, {}, {}))
            for total, more in zip(kept, told, strict=True):
                spread.add(total, more)
        return wider

    def add(self, place: Place, more: Sums) -> None:
        kept = self.sums.get(place)
        self.sums[place] = more if kept is None else kept.plus(more)


def of(ids: list[str], span: timedelta) -> Tally:
    """What those rows of the log add up to. The database adds up what is alike."""
    by_user = Tally({}, {})
    for first in range(0, len(ids), IDS):
        rows = RequestRecord.objects.filter(id__in=_listed(ids[first : first + IDS])).order_by()
        rows = rows.annotate(since=_Since("time", span_s=int(span.total_seconds())))
        _add_sums(by_user, rows)
        _add_spreads(by_user, rows)
    return _with_everyone(by_user)


def _with_everyone(by_user: Tally) -> Tally:
    """What nobody is named for is everyone's alone."""
    found = Tally(
        {place: sums for place, sums in by_user.sums.items() if place.user}, by_user.spreads
    )
    for (start, user, dimension, name), sums in by_user.sums.items():
        found.add(Place(start, "", dimension, name), sums)
        if not dimension:
            found.add(Place(start, "", "user", user), sums)
    return found


def _listed(ids: list[str]) -> RawSQL:
    """As one parameter: each of its own would cost more than what it is asked for."""
    is_postgres = connection.vendor == "postgresql"
    items = "jsonb_array_elements_text(%s::jsonb)" if is_postgres else "value FROM json_each(%s)"
    return RawSQL(f"SELECT {items}", [json.dumps(ids)])  # noqa: S611  # no input in it


@lru_cache(4096)
def floor(moment: datetime, span: timedelta) -> datetime:
    """When the span began that the moment is in; days are those of UTC."""
    return moment - (moment - datetime.min.replace(tzinfo=moment.tzinfo)) % span


class _Since(Func):
    """When the span began that a time is in, in Unix seconds."""

    output_field = IntegerField()
    arity = 1

    def as_sqlite(self, compiler: Any, connection: Any, **more: Any) -> Any:
        # Without the fraction, which SQLite would round: the last instant of a span is in it.
        second = "CAST(strftime('%%%%s', substr(%(expressions)s, 1, 19)) AS INTEGER)"
        template = f"({second} / %(span_s)s * %(span_s)s)"
        return self.as_sql(compiler, connection, template=template, **more)

    def as_postgresql(self, compiler: Any, connection: Any, **more: Any) -> Any:
        template = "floor(extract(epoch FROM %(expressions)s) / %(span_s)s) * %(span_s)s"
        return self.as_sql(compiler, connection, template=f"CAST({template} AS bigint)", **more)


@lru_cache(4096)
def _moment(time_s: int) -> datetime:
    return datetime.fromtimestamp(time_s, UTC)


def _sum(column: str, **only: Any) -> Any:
    return Coalesce(Sum(column, **only), 0)


def _count(**wanted: Any) -> Count:
    return Count("id", filter=Q(**wanted))


_SUMS = {
    "requests": Count("id"),
    "errors": _count(outcome="error"),
    "truncated": _count(outcome="truncated"),
    "aborted": _count(outcome="aborted"),
    "interrupted": _count(outcome="interrupted"),
    "cached": _count(cache="hit"),
    "unpriced": _count(cost_picousd=None),
    "flat_picousd": _sum("cost_picousd", filter=Q(tier="subscription")),
}


_NAMES = ("provider", "model", "key", "combo", "tier")


def _add_sums(tally: Tally, rows: QuerySet[Any]) -> None:
    columns = {f"sum_{name}": _SUMS.get(name) or _sum(name) for name in MEASURES}
    known = ("since", "user", "tags", *_NAMES)
    for row in rows.values(*known).annotate(**columns).values_list(*known, *columns):
        since, user, tags, *named = row[: len(known)]
        start, sums = _moment(since), Sums._make(map(int, row[len(known) :]))
        tally.add(Place(start, user, "", ""), sums)
        for dimension, name in zip(_NAMES, named, strict=True):
            tally.add(Place(start, user, dimension, name), sums)
        for tag in tags:  # with several, it counts for each
            tally.add(Place(start, user, "tag", tag), sums)


def _bucket(value: Any) -> Any:
    """The number of a bucket, as `spread.bucket` has it."""
    at_least_1 = Greatest(Cast(value, FloatField()), Value(1.0, FloatField()))
    return Cast(Ceil(Ln(at_least_1) / Value(math.log(GROWTH), FloatField())), IntegerField())


_AFTER_FIRST_BYTE = F("duration_ms") - F("first_byte_ms")
_TOKENS_PER_S = Cast(F("output_tokens"), FloatField()) * 1000 / _AFTER_FIRST_BYTE
_STREAMED = Q(stream=True, first_byte_ms__isnull=False)
_WRITTEN = _STREAMED & Q(output_tokens__gt=0, duration_ms__gt=F("first_byte_ms"))
# The buckets that an answer is in, by the names of `SPREADS`; null in those that do not measure it.
_BUCKETS = {
    "in_duration_ms": _bucket(F("duration_ms")),
    "in_first_byte_ms": Case(When(_STREAMED, _bucket(F("first_byte_ms")))),
    "in_tokens_per_s": Case(When(_WRITTEN, _bucket(_TOKENS_PER_S))),
}


def _add_spreads(tally: Tally, rows: QuerySet[Any]) -> None:
    """How long answers took. What was given again says nothing of a provider."""
    answers = rows.filter(outcome="ok").exclude(provider="").exclude(cache__in=("hit", "again"))
    read, parameters = answers.values("since", "user", **_BUCKETS).query.sql_with_params()
    counts = " UNION ALL ".join(
        f'SELECT {number}, since, "user", in_{name}, count(*) FROM answers '  # noqa: S608  # names of ours
        f'WHERE in_{name} IS NOT NULL GROUP BY since, "user", in_{name}'
        for number, name in enumerate(SPREADS)
    )
    with connection.cursor() as cursor:  # once read, they are counted three times
        cursor.execute(f"WITH answers AS ({read}) {counts}", parameters)
        for number, since, user, bucket, count in cursor.fetchall():
            for whose in {"", user}:
                kept = tally.spreads.setdefault((_moment(since), whose), ({}, {}, {}))[number]
                spread.add(kept, {str(bucket): count})
