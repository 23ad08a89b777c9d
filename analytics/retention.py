"""Deletion of what is older than the operator wants to keep."""

from datetime import datetime, timedelta

from analytics.ids import first_id
from analytics.models import RequestRecord

BATCH = 2_000


def delete_older(now: datetime, days: int) -> int:
    """Delete requests older than `days`, in batches that each hold the write lock briefly.

    Returns:
        How many rows went.
    """
    oldest = first_id((now - timedelta(days=days)).timestamp())
    expired = RequestRecord.objects.filter(id__lt=oldest).order_by("id")
    deleted = 0
    while ids := list(expired.values_list("id", flat=True)[:BATCH]):
        deleted += RequestRecord.objects.filter(id__in=ids).delete()[0]
    return deleted
