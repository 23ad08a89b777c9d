"""Sending what there is to tell. Who sends a message claims its row by a conditional update; one that
dies gives it back by time, so that a message may come twice, and never not at all."""

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import DatabaseError, connections
from django.db.models import F, Q
from django.utils import timezone

from analytics.alerts.tables import AlertChannel, AlertDelivery, SecretUnreadable
from analytics.alerts.transports import TIMEOUT_S, TRANSPORTS, NotDelivered

log = logging.getLogger(__name__)

# After each attempt that failed; after the last one it is given up.
PAUSES_S = (30, 120, 600, 1800, 7200)
HOLD = timedelta(seconds=4 * TIMEOUT_S)
THREADS = 4
BATCH = 40  # at TIMEOUT_S each, done within two minutes
Status = AlertDelivery.Status


def due() -> list[UUID]:
    """A batch at most, the oldest first."""
    rows = AlertDelivery.objects.filter(
        status=Status.WAITING, next_at__lte=timezone.now(), channel__active=True
    )
    return list(rows.order_by("next_at").values_list("pk", flat=True)[:BATCH])


def deliver_due() -> int:
    """Send what is due; how many were tried. For Celery."""
    if found := due():
        with ThreadPoolExecutor(min(THREADS, len(found)), "alerts") as pool:
            list(pool.map(_deliver_quietly, found))
    return len(found)


def _deliver_quietly(pk: UUID) -> None:
    try:
        deliver(pk)
    except DatabaseError as error:
        log.warning("an alert cannot be sent: %s", type(error).__name__)
    finally:
        connections.close_all()  # this thread's own


def test(channel: AlertChannel) -> AlertDelivery:
    """Send a message that says that it is a test, once and now; how that went."""
    row = AlertDelivery.objects.create(channel=channel, state=AlertDelivery.State.TEST)
    deliver(row.pk)
    row.refresh_from_db()
    return row


def deliver(pk: UUID) -> None:
    """One attempt, unless somebody else is at it."""
    now = timezone.now()
    free = Q(held_until=None) | Q(held_until__lte=now)
    row = AlertDelivery.objects.filter(free, pk=pk, status=Status.WAITING, next_at__lte=now)
    if not row.update(held_until=now + HOLD, attempts=F("attempts") + 1):
        return
    delivery = AlertDelivery.objects.select_related("channel", "incident").get(pk=pk)
    try:
        TRANSPORTS[delivery.channel.kind](delivery, int(time.time()))
    except (NotDelivered, SecretUnreadable) as error:
        log.warning("channel %s: an alert is not delivered: %s", delivery.channel, error)
        _end(delivery, error=str(error)[:300], **_after_failing(delivery))
    else:
        _end(delivery, error="", status=Status.DELIVERED, delivered=timezone.now())


def _end(delivery: AlertDelivery, **values: Any) -> None:
    """Whose time is over, so that somebody else sends it by now, has nothing more to say."""
    mine = AlertDelivery.objects.filter(pk=delivery.pk, attempts=delivery.attempts)
    mine.update(held_until=None, **values)


def _after_failing(delivery: AlertDelivery) -> dict[str, Any]:
    tried = delivery.attempts
    if delivery.state == AlertDelivery.State.TEST or tried > len(PAUSES_S):
        return {"status": Status.GIVEN_UP}
    return {"next_at": timezone.now() + timedelta(seconds=PAUSES_S[tried - 1])}
