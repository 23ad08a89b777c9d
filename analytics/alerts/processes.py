"""What gateway processes know that alerts are about: a worker is another process."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from msgspec import Struct, structs

from analytics.alerts.tables import ProcessTrouble

# What is older is no word of a process that lives.
SILENCE = timedelta(seconds=60)


class OpenBreaker(Struct, frozen=True):
    """Of a model on a connection; open, or waiting for a call that tries, since `since` (Unix
    seconds)."""

    connection: str
    model: str
    cause: str
    since: float


def tell(process: str, journal_bytes: int, breakers: Iterable[OpenBreaker], now: datetime) -> None:
    """Raises `DatabaseError`."""
    told: dict[str, Any] = {"seen": now, "journal_bytes": journal_bytes}
    told["breakers"] = [structs.asdict(each) for each in breakers]
    ProcessTrouble.objects.update_or_create(process=process, defaults=told)
    ProcessTrouble.objects.filter(seen__lt=now - 10 * SILENCE).delete()


def leave(process: str) -> None:
    """Raises `DatabaseError`."""
    ProcessTrouble.objects.filter(process=process).delete()


def breakers(now: datetime) -> list[OpenBreaker]:
    """Each once, since whenever any process has known of it."""
    found: dict[tuple[str, str], OpenBreaker] = {}
    for row in _alive(now):
        for each in (OpenBreaker(**told) for told in row.breakers):
            place = each.connection, each.model
            if place not in found or each.since < found[place].since:
                found[place] = each
    return list(found.values())


def longest_journal(now: datetime) -> int:
    """In bytes that wait for the database, of the process where that is most."""
    return max((row.journal_bytes for row in _alive(now)), default=0)


def _alive(now: datetime) -> QuerySet[ProcessTrouble]:
    return ProcessTrouble.objects.filter(seen__gte=now - SILENCE)
