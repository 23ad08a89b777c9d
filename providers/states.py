"""The state that each account is in: as calls have met it and as probes find it.

What a call has met (a refused key, an account that is spent) outlasts what says less. That a list
of models can be had does not mean that there is credit, nor everywhere that the key is good.
"""

import hashlib
import random
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone
from msgspec import Struct

from providers.models import Connection, ConnectionState

Status = ConnectionState.Status
TROUBLE = (Status.NEEDS_LOGIN, Status.OUT_OF_CREDIT)
MAX_CAUSE = 300
LOOK_AGAIN_S = (40.0, 70.0)


class Finding(Struct, frozen=True):
    """What a probe has found. `has_credit`, `knows_key`: it is sure of that, and not only that
    somebody answers."""

    status: str
    cause: str = ""
    has_credit: bool = False
    knows_key: bool = False

    def replaces(self, row: ConnectionState) -> bool:
        """Is what stands there over, or less than this?"""
        if self.status in TROUBLE or row.status not in TROUBLE:
            return True
        if self.status != Status.OK:
            return False  # it could not be asked
        if row.status == Status.OUT_OF_CREDIT:
            return self.has_credit or not row.reported
        return self.knows_key or not row.reported


def settle(row: ConnectionState, claim: str, finding: Finding, next_at: datetime) -> None:
    """Write down what a probe has found, where nothing else was since it began."""
    now = timezone.now()
    values = _found(row, finding, now) | {"next_at": next_at, "holder": "", "held_until": None}
    values["failures"] = 0 if finding.status == Status.OK else row.failures + 1
    mine = ConnectionState.objects.filter(pk=row.pk, holder=claim)
    if not mine.filter(status=row.status, since=row.since).update(**values):
        # A call has met something meanwhile; the next probe sees.
        mine.update(holder="", held_until=None)


def answered(connection: Connection) -> None:
    """Somebody has asked it by hand, and it answers: as good as a probe's word."""
    now = timezone.now()
    new = missing(Connection.objects.filter(pk=connection.pk), now)
    ConnectionState.objects.bulk_create(new, ignore_conflicts=True)
    for row in ConnectionState.objects.filter(pk=connection.pk):
        _of(row).update(**_found(row, Finding(Status.OK), now))


def _found(row: ConnectionState, finding: Finding, now: datetime) -> dict[str, Any]:
    values: dict[str, Any] = {"checked": now}
    if finding.replaces(row):
        values |= {"status": finding.status, "cause": finding.cause[:MAX_CAUSE]}
        values |= {"reported": False} | _since(row, finding.status, now)
    return values


def _since(row: ConnectionState, status: str, now: datetime) -> dict[str, datetime]:
    return {} if row.status == status else {"since": now}


def report(met: Mapping[str, tuple[str, str]]) -> None:
    """Calls have met trouble: status and cause, by the names of connections. A probe is to look
    soon. Raises `DatabaseError`."""
    now = timezone.now()
    new = missing(Connection.objects.filter(name__in=met), now)
    ConnectionState.objects.bulk_create(new, ignore_conflicts=True)
    for row in _named(met):
        status, cause = met[row.connection.name]
        _of(row).update(
            status=status,
            cause=cause[:MAX_CAUSE],
            reported=True,
            next_at=now + timedelta(seconds=random.uniform(*LOOK_AGAIN_S)),  # noqa: S311  # it spreads
            **_since(row, status, now),
        )


def recovered(names: Collection[str]) -> None:
    """Calls get answers again there. Raises `DatabaseError`."""
    for row in _named(names):
        if row.reported and row.status in TROUBLE:
            _of(row).update(status=Status.OK, cause="", reported=False, since=timezone.now())


def well(names: Collection[str]) -> set[str]:
    """Which of these are in no trouble, as far as anybody has found. Raises `DatabaseError`."""
    troubled = Q(health__status__in=TROUBLE)
    rows = Connection.objects.filter(name__in=names).exclude(troubled)
    return set(rows.values_list("name", flat=True))


def reported() -> list[ConnectionState]:
    """What calls have met, and nobody found to be over."""
    rows = ConnectionState.objects.filter(reported=True, status__in=TROUBLE)
    return list(rows.select_related("connection").filter(connection__active=True))


def missing(connections: QuerySet[Connection], now: datetime) -> list[ConnectionState]:
    """Rows of those that have none, not saved."""
    return [
        ConnectionState(connection_id=pk, since=now, next_at=now, credential=digest(credential))
        for pk, credential in connections.filter(health=None).values_list("pk", "credential")
    ]


def follow(connection: Connection) -> None:
    """A saved connection is asked soon, and one with another credential begins anew: a receiver
    of Django's `post_save`."""
    now = timezone.now()
    row = ConnectionState.objects.filter(pk=connection.pk)
    row.update(next_at=now, failures=0)
    told = digest(connection.credential)
    row.exclude(credential=told).update(
        status=Status.OK, cause="", reported=False, since=now, checked=None, credential=told
    )


def digest(credential: str) -> str:
    """Of what is stored, which is encrypted."""
    return hashlib.sha256(credential.encode()).hexdigest()[:16]


def _named(names: Collection[str]) -> QuerySet[ConnectionState]:
    return ConnectionState.objects.filter(connection__name__in=names).select_related("connection")


def _of(row: ConnectionState) -> QuerySet[ConnectionState]:
    return ConnectionState.objects.filter(pk=row.pk, status=row.status, since=row.since)
