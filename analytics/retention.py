"""Deletion of what is older than the operator wants to keep."""

from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import Count, F, QuerySet, Sum
from django.db.models.functions import TruncDate

from analytics import partitions
from analytics.ids import first_id
from analytics.models import DeletedSpending, RequestRecord
from analytics.partitions import Partition
from analytics.rollups import roll_up
from analytics.spending import counted

BATCH = 2_000


def delete_older(now: datetime, days: int) -> int:
    """Delete requests older than `days`, in batches that each hold the write lock briefly.

    The rollups count them before. On PostgreSQL whole days go, each with its partition.
    What they spent in the week and the month that run now is kept as sums: a budget of 30 days'
    memory would start anew on the 31st.

    Returns:
        How many rows went.
    """
    cutoff = partitions.boundary(now - timedelta(days=days))
    expired = RequestRecord.objects.filter(id__lt=first_id(cutoff.timestamp())).order_by("id")
    month, week = now.date().replace(day=1), now.date() - timedelta(days=now.weekday())
    since = min(month, week)
    DeletedSpending.objects.filter(day__lt=since).delete()
    roll_up(now)
    deleted = 0
    for partition in partitions.before(cutoff):
        deleted += _drop(partition, since)
    while gone := _delete_batch(expired, since):
        deleted += gone
    return deleted


def _drop(partition: Partition, since: date) -> int:
    with transaction.atomic():
        partitions.lock()
        rows = RequestRecord.objects.filter(**partition.ids)
        gone = rows.count()
        _keep_sums(counted().filter(**partition.ids), since)
        partitions.drop(partition)
        return gone


def delete_bodies(now: datetime, days: int) -> int:
    """Delete what was said in requests older than `days`; the rest of their rows stays.

    Returns:
        Of how many rows.
    """
    oldest = first_id((now - timedelta(days=days)).timestamp())
    # In the words of the index: SQLite takes a partial one for no condition with parameters.
    kept = RequestRecord.objects.filter(id__lt=oldest).extra(where=[_HAS_BODY])  # noqa: S610
    cleared = 0
    while ids := list(kept.order_by("id").values_list("id", flat=True)[:BATCH]):
        cleared += RequestRecord.objects.filter(id__in=ids).update(
            request_body="", response_body="", request_headers={}
        )
    return cleared


_HAS_BODY = """NOT ("request_body" = '') OR NOT ("response_body" = '')"""


def _delete_batch(expired: QuerySet[RequestRecord], since: date) -> int:
    with transaction.atomic():
        # Locked where the database can: two at once must not keep the same row's sum twice.
        ids = list(expired.select_for_update().values_list("id", flat=True)[:BATCH])
        batch = RequestRecord.objects.filter(id__in=ids)
        _keep_sums(counted().filter(id__in=ids), since)
        return batch.delete()[0]


def _keep_sums(rows: QuerySet[RequestRecord], since: date) -> None:
    days = (
        rows.annotate(day=TruncDate("time"))
        .filter(day__gte=since)
        .values("day", "key", "user")
        .annotate(
            usd=Sum("cost_picousd"),
            tokens=Sum(F("input_tokens") + F("output_tokens")),
            requests=Count("id"),
        )
    )
    for day in days:
        kept, _ = DeletedSpending.objects.get_or_create(
            day=day["day"], key=day["key"], user=day["user"]
        )
        DeletedSpending.objects.filter(pk=kept.pk).update(
            cost_picousd=F("cost_picousd") + int(day["usd"] or 0),
            tokens=F("tokens") + int(day["tokens"]),
            requests=F("requests") + day["requests"],
        )
