"""What has been spent in the periods that budgets are for, as the log has it."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from django.db.models import Aggregate, Count, F, Q, QuerySet, Sum

from analytics.ids import first_id
from analytics.models import DeletedSpending, RequestRecord

Amounts = tuple[int, int, int]  # 10⁻¹² USD, tokens, requests
Units = dict[str, Callable[..., Aggregate]]

_LOGGED: Units = {
    "usd": partial(Sum, "cost_picousd"),
    "tokens": partial(Sum, F("input_tokens") + F("output_tokens")),
    "requests": partial(Count, "id"),
}
_DELETED: Units = {
    "usd": partial(Sum, "cost_picousd"),
    "tokens": partial(Sum, "tokens"),
    "requests": partial(Sum, "requests"),
}


def counted() -> QuerySet[RequestRecord]:
    """What was asked of a provider: a request that was refused has none, and what was given again
    was paid for then."""
    return RequestRecord.objects.exclude(provider="").exclude(cache__in=("hit", "again")).order_by()


def spent(
    by: str, starts: Mapping[str, datetime], until: datetime | None = None
) -> dict[tuple[str, str], Amounts]:
    """Sums since the start of each period.

    Args:
        by: `key`, `user`, or `total`: of all, under an empty name.
        starts: When each period began: midnights, UTC.
        until: Only of requests that began before; else of all.
    """
    first = min(starts.values())
    since = {period: Q(id__gte=first_id(at.timestamp())) for period, at in starts.items()}
    rows = counted().filter(id__gte=first_id(first.timestamp()))
    if until is not None:
        rows = rows.filter(id__lt=first_id(until.timestamp()))
    # In this order: what is deleted between the two counts twice for a moment, rather than never.
    sums = _sums(rows, by, since, _LOGGED)
    days = {period: Q(day__gte=at.date()) for period, at in starts.items()}
    deleted = DeletedSpending.objects.filter(day__gte=first.date())
    for place, (usd, tokens, requests) in _sums(deleted, by, days, _DELETED).items():
        more = sums.get(place, (0, 0, 0))
        sums[place] = (usd + more[0], tokens + more[1], requests + more[2])
    return sums


def _sums(
    rows: QuerySet[Any], by: str, since: dict[str, Q], units: Units
) -> dict[tuple[str, str], Amounts]:
    """By name and period."""
    columns = {
        f"{period}_{unit}": aggregate(filter=start)
        for period, start in since.items()
        for unit, aggregate in units.items()
    }
    return {
        (row[by], period): (
            int(row[f"{period}_usd"] or 0),
            int(row[f"{period}_tokens"] or 0),
            int(row[f"{period}_requests"] or 0),
        )
        for row in _grouped(rows, by, columns)
        for period in since
    }


def _grouped(
    rows: QuerySet[Any], by: str, columns: dict[str, Aggregate]
) -> Iterable[dict[str, Any]]:
    if by == "total":
        return [{"total": ""} | rows.aggregate(**columns)]
    sums: Iterable[dict[str, Any]] = rows.exclude(**{by: ""}).values(by).annotate(**columns)
    return sums
