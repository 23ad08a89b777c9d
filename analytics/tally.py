"""Rows of the log, added up by all that there is a name for."""

import json
import math
import operator
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Count, F, FloatField, Func, IntegerField, Q, QuerySet, Sum, Value
from django.db.models.expressions import RawSQL
from django.db.models.functions import Cast, Ceil, Coalesce, Greatest, Ln

from analytics import spread
from analytics.models import RequestRecord
from analytics.spread import GROWTH, Spread

SPAN = timedelta(minutes=5)
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


class Group(NamedTuple):
    """Requests that are told apart by nothing that there is a name for."""

    start: datetime
    user: str
    provider: str
    model: str
    key: str
    combo: str
    tier: str
    tags: tuple[str, ...]


class Tally(NamedTuple):
    """Of each span of five minutes. Spreads are by user, with everyone's under an empty name, and
    in the order of `SPREADS`."""

    groups: dict[Group, Sums]
    spreads: dict[tuple[datetime, str], tuple[Spread, ...]]

    def since(self, moment: datetime) -> "Tally":
        """Only what began then or later."""
        return Tally(
            {group: sums for group, sums in self.groups.items() if group.start >= moment},
            {place: told for place, told in self.spreads.items() if place[0] >= moment},
        )

    def by_place(self, span: timedelta) -> dict[Place, Sums]:
        """Everywhere that these requests count, by spans of that length."""
        wider: dict[Group, Sums] = {}
        for group, sums in self.groups.items():
            place = Group(floor(group.start, span), *group[1:])
            wider[place] = wider.get(place, NOTHING).plus(sums)
        found: dict[Place, Sums] = {}
        for group, sums in wider.items():
            for where in _places(group):
                found[where] = found.get(where, NOTHING).plus(sums)
        return found

    def spreads_by(self, span: timedelta) -> dict[tuple[datetime, str], tuple[Spread, ...]]:
        found: dict[tuple[datetime, str], tuple[Spread, ...]] = {}
        for (start, user), told in self.spreads.items():
            kept = found.setdefault((floor(start, span), user), ({}, {}, {}))
            for total, more in zip(kept, told, strict=True):
                spread.add(total, more)
        return found


def of(ids: list[str]) -> Tally:
    """What those rows of the log add up to. The database adds up what is alike."""
    tally = Tally({}, {})
    for first in range(0, len(ids), IDS):
        rows = RequestRecord.objects.filter(id__in=_listed(ids[first : first + IDS])).order_by()
        rows = rows.annotate(span=_Span("time"))
        _add_sums(tally, rows)
        _add_spreads(tally, rows)
    return tally


def _listed(ids: list[str]) -> RawSQL:
    """As one parameter: each of its own would cost more than what it is asked for."""
    is_postgres = connection.vendor == "postgresql"
    items = "jsonb_array_elements_text(%s::jsonb)" if is_postgres else "value FROM json_each(%s)"
    return RawSQL(f"SELECT {items}", [json.dumps(ids)])  # noqa: S611  # no input in it


@lru_cache(4096)
def floor(moment: datetime, span: timedelta) -> datetime:
    """When the span began that the moment is in; days are those of UTC."""
    return moment - (moment - datetime.min.replace(tzinfo=moment.tzinfo)) % span


class _Span(Func):
    """The number of the span that a time is in, since 1970."""

    output_field = IntegerField()
    arity = 1

    def as_sqlite(self, compiler: Any, connection: Any, **more: Any) -> Any:
        template = f"(CAST(strftime('%%%%s', %(expressions)s) AS INTEGER) / {_SPAN_S})"
        return self.as_sql(compiler, connection, template=template, **more)

    def as_postgresql(self, compiler: Any, connection: Any, **more: Any) -> Any:
        template = f"CAST(floor(extract(epoch FROM %(expressions)s) / {_SPAN_S}) AS integer)"
        return self.as_sql(compiler, connection, template=template, **more)


_SPAN_S = int(SPAN.total_seconds())


@lru_cache(4096)
def _start(span: int) -> datetime:
    return datetime.fromtimestamp(span * _SPAN_S, UTC)


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


def _add_sums(tally: Tally, rows: QuerySet[Any]) -> None:
    sums = {f"sum_{name}": _SUMS.get(name) or _sum(name) for name in MEASURES}
    names = ("span", *Group._fields[1:])
    for row in rows.values(*names).annotate(**sums).values_list(*names, *sums):
        span, *named, tags = row[: len(names)]
        group = Group._make((_start(span), *named, tuple(tags)))
        tally.groups[group] = tally.groups.get(group, NOTHING).plus(map(int, row[len(names) :]))


def _bucket(value: Any) -> Any:
    """The number of a bucket, as `spread.bucket` has it."""
    at_least_1 = Greatest(Cast(value, FloatField()), Value(1.0, FloatField()))
    return Cast(Ceil(Ln(at_least_1) / Value(math.log(GROWTH), FloatField())), IntegerField())


_AFTER_FIRST_BYTE = F("duration_ms") - F("first_byte_ms")
_TOKENS_PER_S = Cast(F("output_tokens"), FloatField()) * 1000 / _AFTER_FIRST_BYTE
_STREAMED = Q(stream=True, first_byte_ms__isnull=False)
_WRITTEN = _STREAMED & Q(output_tokens__gt=0, duration_ms__gt=F("first_byte_ms"))


def _add_spreads(tally: Tally, rows: QuerySet[Any]) -> None:
    """How long answers took. What was given again says nothing of a provider."""
    answers = rows.filter(outcome="ok").exclude(provider="").exclude(cache__in=("hit", "again"))
    for number, (wanted, value) in enumerate(
        ((Q(), F("duration_ms")), (_STREAMED, F("first_byte_ms")), (_WRITTEN, _TOKENS_PER_S))
    ):
        counts = answers.filter(wanted).values("span", "user", bucket=_bucket(value))
        for row in counts.annotate(count=Count("id")):
            for whose in {"", row["user"]}:
                place = _start(row["span"]), whose
                kept = tally.spreads.setdefault(place, ({}, {}, {}))[number]
                spread.add(kept, {str(row["bucket"]): row["count"]})


def _places(group: Group) -> Iterator[Place]:
    """Where a request counts: for everyone, and for its user. With several tags, for each."""
    start, user, provider, model, key, combo, tier, tags = group
    names = [("", ""), ("provider", provider), ("model", model), ("key", key), ("combo", combo)]
    names += [("tier", tier), *(("tag", tag) for tag in tags)]
    for whose in {"", user}:
        for dimension, name in names:
            yield Place(start, whose, dimension, name)
    yield Place(start, "", "user", user)
