"""Answers that clients of the Responses API refer to again, each by the key that it belongs to."""

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from analytics.models import StoredResponse

BATCH = 500
ID_CHARS = 200


def is_id(id: str) -> bool:
    """Can an answer be kept by it? A column holds no NUL, and no half of a character."""
    return len(id) <= ID_CHARS and id.isprintable()


def keep(id: str, key_id: int, input: list[Any], response: dict[str, Any]) -> None:
    """Raises `DatabaseError` where it cannot be kept."""
    values = {"created": timezone.now(), "input": input, "response": response}
    StoredResponse.objects.update_or_create(id=id, key_id=key_id, defaults=values)


def find(id: str, key_id: int) -> StoredResponse | None:
    return StoredResponse.objects.filter(id=id, key_id=key_id).first() if is_id(id) else None


def delete(id: str, key_id: int) -> bool:
    """Was it there?"""
    return is_id(id) and StoredResponse.objects.filter(id=id, key_id=key_id).delete()[0] > 0


def delete_older(now: datetime, days: int) -> None:
    """In batches, so that none holds the write lock for long."""
    expired = StoredResponse.objects.filter(created__lt=now - timedelta(days=days))
    while ids := list(expired.values_list("id", flat=True)[:BATCH]):
        StoredResponse.objects.filter(id__in=ids).delete()
