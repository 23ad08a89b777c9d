"""Asking accounts on a clock how they are, by what costs nothing: whether they answer, what is left
of their quotas, and whether one that was spent has credit again.

One process asks an account at a time: who does has claimed its row by a conditional update. When
each is asked is spread at random, so that a thousand are not asked at once.
"""

import logging
import random
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.db import DatabaseError, connections
from django.db.models import Q
from django.utils import timezone
from msgspec import convert

from omniroute import moments
from providers import asking, listing, placeholders, quotas, states
from providers.asking import AskFailed
from providers.credentials import CredentialUnreadable
from providers.models import Connection, ConnectionState, Token
from providers.quotas import Known
from providers.rows import ProbeRow, QuotaRow
from providers.states import Finding, Status

log = logging.getLogger(__name__)

EVERY_S = 600.0
# Of one with which something is wrong: at first, and at most, doubled in between.
SOON_S, LATE_S = 60.0, 300.0
JITTER = (0.8, 1.2)
# Longer than an account may take to answer: a process that dies gives its claim back so.
HOLD_S = 120.0
# One turn of the clock: so many, and none is begun later than this.
BATCH, TURN_S = 400, 45.0
THREADS = 8
# New accounts are asked one after the other, and not all that a file brings along at once.
NEW_APART_S = 1.0


def run_due() -> int:
    """Ask those whose time has come, a batch at most; how many. For Celery."""
    _begin_new()
    now, until = timezone.now(), time.monotonic() + TURN_S
    due = ConnectionState.objects.filter(next_at__lte=now, connection__active=True)
    found = list(due.select_related("connection__provider").order_by("next_at")[:BATCH])
    wanted = [row for row in found if row.connection.is_probed]
    off = [row.pk for row in found if not row.connection.is_probed]
    # Saving one that is switched on asks it at once.
    ConnectionState.objects.filter(pk__in=off).update(next_at=now + timedelta(days=1))
    if wanted:
        with ThreadPoolExecutor(min(THREADS, len(wanted)), "probes") as pool:
            return sum(pool.map(lambda row: _run_quietly(row, until), wanted))
    return 0


def _begin_new() -> None:
    now = timezone.now()
    rows = states.missing(Connection.objects.active(), now)
    spread_s = min(len(rows) * NEW_APART_S, EVERY_S)
    for row in rows:
        row.next_at = now + timedelta(seconds=random.uniform(0, spread_s))  # noqa: S311  # it spreads
    ConnectionState.objects.bulk_create(rows, ignore_conflicts=True, batch_size=200)


def _run_quietly(row: ConnectionState, until: float) -> bool:
    if time.monotonic() > until:
        return False
    try:
        return run(row)
    except DatabaseError as error:
        log.warning("a probe's result cannot be kept: %s", type(error).__name__)
        return False
    finally:
        connections.close_all()  # this thread's own


def run(row: ConnectionState) -> bool:
    """Ask an account and write down what came of it; false where another process is at it, or has
    just been. Raises `DatabaseError`."""
    claim, now = uuid.uuid4().hex, timezone.now()
    free = Q(held_until=None) | Q(held_until__lte=now)
    held = now + timedelta(seconds=HOLD_S)
    mine = ConnectionState.objects.filter(free, pk=row.pk, next_at=row.next_at)
    if not mine.update(holder=claim, held_until=held):
        return False
    finding, known = probe(row.connection)
    if known:
        quotas.store({row.connection.name: known})
    states.settle(row, claim, finding, _next(row, finding))
    return True


def _next(row: ConnectionState, finding: Finding) -> datetime:
    is_well = finding.status == Status.OK and finding.replaces(row)
    wait_s = EVERY_S if is_well else min(SOON_S * 2.0 ** min(row.failures, 30), LATE_S)
    return timezone.now() + timedelta(seconds=wait_s * random.uniform(*JITTER))  # noqa: S311


# --- What is asked ----------------------------------------------------------------------------


def probe(connection: Connection) -> tuple[Finding, list[Known]]:
    """How an account is, and what is left of its quotas."""
    known: list[Known] = []
    knows_key = False
    try:
        asks = _asks(connection)
        for ask in asks:
            if (told := _ask(connection, ask)) is not None:
                knows_key = True
                known += told
        if not asks:
            listing.check(connection)
    except (AskFailed, CredentialUnreadable, Token.DoesNotExist) as error:
        return _failed(error), known
    if spent := [each for each in known if _is_spent(each, connection)]:
        return Finding(Status.OUT_OF_CREDIT, f"nothing is left: {spent[0].name}"), known
    has_credit = any(_credit(connection).get(each.name) == "account" for each in known)
    return Finding(Status.OK, has_credit=has_credit, knows_key=knows_key), known


def _asks(connection: Connection) -> list[ProbeRow]:
    """What the catalogue knows to ask for; an account at another address has what is there."""
    provider = connection.provider
    if not provider.builtin or connection.base_url:
        return []
    return convert(provider.probes, list[ProbeRow])


def _credit(connection: Connection) -> dict[str, str]:
    """By the names of quotas, of what they are the credit."""
    return {row.name: row.credit for ask in _asks(connection) for row in ask.quotas}


def _is_spent(known: Known, connection: Connection) -> bool:
    is_credit = bool(_credit(connection).get(known.name))
    return is_credit and known.remaining is not None and known.remaining <= 0


def _failed(error: Exception) -> Finding:
    if isinstance(error, AskFailed):
        if error.status == 402:
            return Finding(Status.OUT_OF_CREDIT, str(error))
        if error.status == 429:  # it answers, and this once too often
            return Finding(Status.OK)
        if not error.needs_login:
            return Finding(Status.DEGRADED, str(error))
    return Finding(Status.NEEDS_LOGIN, str(error))


def _ask(connection: Connection, ask: ProbeRow) -> list[Known] | None:
    """Null where this account may not ask."""
    try:
        told = _told(connection, ask, ask.path, _first(connection, ask))
    except AskFailed as error:
        if ask.is_optional and error.status in (401, 403, 404):
            return None
        raise
    now = time.time()
    return [known for row in ask.quotas if (known := read(told, row, now)) is not None]


def _first(connection: Connection, ask: ProbeRow) -> dict[str, str]:
    """What the question before this one tells, for the path."""
    if ask.first is None:
        return {}
    found = _at(_told(connection, ask, ask.first.path, {}), ask.first.at)
    try:
        placeholders.check({"first": found if isinstance(found, str) else ""})
    except ValidationError:
        raise AskFailed("it answers, but not with what its quotas are asked by") from None
    return {"first": found}


def _told(connection: Connection, ask: ProbeRow, path: str, params: dict[str, str]) -> Any:
    auth = connection.read_auth() if ask.as_entered else None
    header = (ask.key_header.name, ask.key_header.template) if ask.key_header else None
    return asking.ask(connection, _url(connection, path, params), auth, header)


def _url(connection: Connection, path: str, params: dict[str, str]) -> str:
    try:
        path = placeholders.fill(path, connection.all_params(path) | params)
    except ValueError as error:
        raise AskFailed(str(error)) from None
    if urlsplit(path).scheme:
        return path
    return connection.effective_base_url.partition("?")[0].rstrip("/") + path


# --- What it says ------------------------------------------------------------------------------


def read(told: Any, row: QuotaRow, now: float) -> Known | None:
    """A quota as it stands in an answer; null where it does not, or has no bounds.

    Args:
        now: Unix seconds.
    """
    limit, remaining, used = (_amount(told, path) for path in (row.limit, row.remaining, row.used))
    if remaining is None and limit is not None and used is not None:
        remaining = limit - used
    if remaining is None or (row.limit and not limit):
        return None
    left_s = moments.seconds_until(_at(told, row.resets), now)
    return Known(
        name=row.name,
        observed=now,
        unit=row.unit,
        limit=limit,
        remaining=remaining,
        resets_at=None if left_s is None else now + left_s,
        window_s=row.window_s,
    )


def _amount(told: Any, path: str) -> float | None:
    """Of `balances.*.amount` the sum of those that are numbers."""
    many, star, each = path.partition(".*.")
    if not star:
        return moments.number(_at(told, path))
    rows = _at(told, many)
    amounts = [_amount(row, each) for row in rows] if isinstance(rows, list) else []
    numbers = [amount for amount in amounts if amount is not None]
    return moments.number(sum(numbers)) if numbers else None


def _at(told: Any, path: str) -> Any:
    """`data.limit`, or `limits.0.detail` in a list; null where nothing is."""
    for part in _parts(path):
        if isinstance(told, list) and part.isdigit():
            told = told[int(part)] if int(part) < len(told) else None
        else:
            told = told.get(part) if isinstance(told, dict) else None
    return told if path else None


def _parts(path: str) -> Iterator[str]:
    yield from filter(None, path.split("."))
