"""Incidents: what is wrong is told once, and once more when it is over.

Any number of workers may run this at the same time. That an incident is open once is the
database's word (a unique constraint), and who closes it changes the row by a condition.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from msgspec import Struct

from analytics.alerts.tables import AlertChannel, AlertDelivery, Incident

# What comes and goes is one incident, and what nobody has looked at for a moment is not over.
CALM = timedelta(minutes=2)
KEPT = timedelta(days=30)

# Of these there is no end to tell: a period goes by, or somebody raises the budget.
_WITHOUT_END = frozenset({"budget_80", "budget_100"})
State = AlertDelivery.State


class Condition(Struct, frozen=True):
    """Something that is wrong now. The same one always has the same `event` and `subject`."""

    event: str
    subject: str
    text: str


def follow(found: Iterable[Condition], now: datetime) -> None:
    """Open an incident for each that is new, and close those of which nothing is seen any more."""
    known = {(row.event, row.subject): row for row in Incident.objects.filter(resolved=None)}
    told_for_good = set(
        Incident.objects.filter(event__in=_WITHOUT_END).values_list("event", "subject")
    )
    seen = []
    for each in found:
        place = (each.event, each.subject[:500])
        if place in known:
            seen.append(known.pop(place).pk)
        elif place not in told_for_good:
            _open(each, now)
    Incident.objects.filter(pk__in=seen, resolved=None).update(seen=now)
    for row in known.values():
        if row.seen < now - CALM:
            _close(row, now)


def _open(condition: Condition, now: datetime) -> None:
    row = Incident(
        event=condition.event,
        subject=condition.subject[:500],
        text=condition.text[:600],
        opened=now,
        seen=now,
    )
    try:
        with transaction.atomic():
            row.save(force_insert=True)
            _tell(row, State.OPEN, _listening(row.event))
    except IntegrityError:
        pass  # another worker has opened it


def _close(row: Incident, now: datetime) -> None:
    with transaction.atomic():
        mine = Incident.objects.filter(pk=row.pk, resolved=None, seen=row.seen)
        if mine.update(resolved=now) and row.event not in _WITHOUT_END:
            told = AlertChannel.objects.filter(active=True, deliveries__incident=row)
            _tell(row, State.RESOLVED, told.distinct())


def _listening(event: str) -> list[AlertChannel]:
    """In Python: SQLite cannot look into a list of JSON, and there are few channels."""
    return [row for row in AlertChannel.objects.filter(active=True) if event in row.events]


def _tell(row: Incident, state: str, channels: Iterable[AlertChannel]) -> None:
    AlertDelivery.objects.bulk_create(
        AlertDelivery(channel=channel, incident=row, state=state) for channel in channels
    )


def forget(now: datetime) -> None:
    """What was over, or sent, long ago. A budget's incident outlasts its period, which is at most
    a month and a day."""
    AlertDelivery.objects.filter(created__lt=now - KEPT).delete()
    Incident.objects.filter(resolved__lt=now - KEPT).delete()
