"""Renewing tokens: one refresh a token, however many processes want it.

Who renews claims the row by a conditional update, asks the provider outside of any transaction,
and writes by comparing the version: what somebody else has put there meanwhile (a person who signed
in again) stays. Until then the old token is the one that is used, and read by everybody else.
"""

import logging
import random
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

from django.db import DatabaseError, OperationalError, connections
from django.db.models import Q
from django.db.models.functions import Now
from msgspec import Struct

from omniroute.http import CallFailed
from providers.credentials import CredentialUnreadable
from providers.models import Connection, Token
from providers.oauth import grants
from providers.oauth.client import TIMEOUT_S, Granted, Refused
from providers.oauth.grants import NotConfigured
from providers.oauth.tokens import at, at_or_never, due

log = logging.getLogger(__name__)

# Longer than a provider may take to answer: a process that dies gives its claim back so.
HOLD_S = 3 * TIMEOUT_S
PAUSE_FIRST_S, PAUSE_MAX_S = 5.0, 300.0
LOOK_S = 0.1
WRITES = 3  # a renewed token that cannot be written is lost, so it is tried more than once
THREADS = 8
BATCH = 400  # a turn of beat: at 0.2 s each, done before the one after next

# What a provider says of a refresh token that is of no use any more (RFC 6749, and others' words).
_LOST = frozenset(
    [
        "invalid_grant", "access_denied", "expired_token", "invalid_token", "bad_refresh_token",
        "refresh_token_reused", "refresh_token_expired", "refresh_token_invalidated",
        "token_revoked",
    ]
)  # fmt: skip


class Current(Struct, frozen=True):
    """A token as it stands. `expires` in Unix seconds; null: not known."""

    version: int
    access_token: str
    expires: float | None
    needs_login: str = ""  # why, where a person has to


class NotRenewed(Exception):
    """There is no new token, now. `is_credential`: and asking again would not help."""

    def __init__(self, words: str, *, is_credential: bool) -> None:
        super().__init__(words)
        self.is_credential = is_credential


def current(token: Token) -> Current:
    """Raises `CredentialUnreadable`."""
    held = token.opened()
    return Current(
        version=token.version,
        access_token=held["access_token"],
        expires=token.expires.timestamp() if token.expires else None,
        needs_login=token.cause if token.needs_login else "",
    )


def renew(connection: int, seen: int) -> Current | None:
    """Replace the token of version `seen`; null while another process does.

    Raises:
        NotRenewed: It cannot be, for the present.
        CredentialUnreadable: It cannot be decrypted.
        Token.DoesNotExist: The connection is gone.
    """
    token = Token.objects.select_related("connection__provider").get(pk=connection)
    if token.version != seen or token.needs_login:
        return current(token)
    if token.failures and token.refresh_at and token.refresh_at.timestamp() > time.time():
        raise NotRenewed(token.cause, is_credential=False)
    claim = uuid.uuid4().hex
    return _renew_claimed(token, claim) if _claim(token, claim) else None


def renew_due() -> int:
    """Renew what is due, a batch at most; how many were tried. For Celery."""
    wanted = (
        Token.objects.filter(
            refresh_at__lte=at(time.time()), needs_login=False, connection__active=True
        )
        .order_by("refresh_at")
        .values_list("pk", "version")[:BATCH]
    )
    found = list(wanted)
    if found:
        with ThreadPoolExecutor(min(THREADS, len(found)), "renewal") as pool:
            list(pool.map(_renew_quietly, found))
    return len(found)


def _renew_quietly(wanted: tuple[int, int]) -> None:
    try:
        renew(*wanted)
    except (NotRenewed, CredentialUnreadable, Token.DoesNotExist):
        pass  # it is in the row, or there is none
    except DatabaseError as error:
        log.warning("a token cannot be renewed: %s", type(error).__name__)
    finally:
        connections.close_all()  # this thread's own


def _claim(token: Token, claim: str) -> bool:
    now = time.time()
    free = Q(held_until=None) | Q(held_until__lte=at(now))
    return bool(
        Token.objects.filter(free, pk=token.pk, version=token.version).update(
            holder=claim, held_until=at(now + HOLD_S)
        )
    )


def _renew_claimed(token: Token, claim: str) -> Current:
    try:
        held = token.opened()
        granted = grants.ask(token.connection, held)
    except (CallFailed, NotConfigured, CredentialUnreadable) as error:
        raise _failed(token, claim, error) from None
    except Refused as error:
        if error.code in _LOST and grants.of(token.connection, held["entered"]) in _BY_A_PERSON:
            return _lost(token, claim, error)
        raise _failed(token, claim, error) from None
    return _keep(token, claim, held, granted)


_BY_A_PERSON = ("static", "refresh", "exchange")


def _keep(token: Token, claim: str, held: dict[str, Any], granted: Granted) -> Current:
    """Write the new token where the old one still stands; what stands there in the end."""
    renewed = held | {"access_token": granted.access_token}
    if granted.refresh_token:
        renewed["refresh_token"] = granted.refresh_token
    wrote = _write(
        token,
        claim,
        sealed=token.connection.sealed(renewed),
        version=token.version + 1,
        expires=at_or_never(granted.expires),
        refresh_at=at_or_never(due(granted.expires, granted.lifetime_s)),
        failures=0,
        cause="",
    )
    if not wrote:
        return current(Token.objects.select_related("connection").get(pk=token.pk))
    return Current(token.version + 1, granted.access_token, granted.expires)


def _lost(token: Token, claim: str, error: Refused) -> Current:
    """The refresh token is of no use. Where somebody has put a new one there, that is another."""
    words = f"sign in again: {error}"
    told = {"needs_login": True, "cause": words[:300], "refresh_at": None}
    if _write(token, claim, failures=token.failures + 1, **told):
        log.warning("connection %s needs login: %s", token.connection, error)
    return current(Token.objects.select_related("connection").get(pk=token.pk))


def _failed(token: Token, claim: str, error: Exception) -> NotRenewed:
    """The old token goes on while it lasts; the next try has to wait for a while."""
    failures = token.failures + 1
    pause_s = min(PAUSE_FIRST_S * 2.0 ** min(failures - 1, 30), PAUSE_MAX_S)
    again = time.time() + pause_s * random.uniform(0.5, 1.5)  # noqa: S311  # it spreads
    cause = f"the token is not renewed: {error}"[:300]
    _write(token, claim, failures=failures, cause=cause, refresh_at=at(again))
    log.warning("connection %s: %s", token.connection, cause)
    return NotRenewed(cause, is_credential=not isinstance(error, CallFailed))


def _write(token: Token, claim: str, **values: Any) -> bool:
    """Give the claim back with `values`, if the row is still as it was when it was claimed."""
    mine = Token.objects.filter(pk=token.pk, version=token.version, holder=claim)
    for _ in range(WRITES - 1):
        try:
            return bool(mine.update(changed=Now(), holder="", held_until=None, **values))
        except OperationalError:
            connections.close_all()
    return bool(mine.update(changed=Now(), holder="", held_until=None, **values))


class Seen(Struct, frozen=True):
    """What tells whether a token is another one, without its secrets."""

    connection: int
    version: int
    needs_login: bool
    changed: datetime


def look(since: datetime | None = None) -> list[Seen]:
    """All tokens, or those that have changed since."""
    rows = Token.objects.filter(changed__gte=since) if since else Token.objects.all()
    return [Seen(*row) for row in rows.values_list("pk", "version", "needs_login", "changed")]


def read(connections: list[int]) -> list[Token]:
    """The rows of these, with what is needed of their connections."""
    rows = Token.objects.select_related("connection").only(
        *("sealed", "version", "expires", "cause", "needs_login"),
        *("connection__uid", "connection__name"),
    )
    found: list[Token] = []
    for start in range(0, len(connections), 500):
        found += rows.filter(pk__in=connections[start : start + 500])
    return found


def auth(connection: Connection) -> dict[str, Any]:
    """What a call with the connection carries now, for threads: a token that has expired is
    renewed, or waited for where another process is at it.

    Raises:
        NotRenewed: There is no token, now; or a person has to sign in.
        CredentialUnreadable: It cannot be decrypted.
    """
    until = time.monotonic() + HOLD_S
    while time.monotonic() < until:
        token = Token.objects.select_related("connection").filter(connection=connection).first()
        if token is None:
            return connection.read_auth()
        held = current(token)
        if held.needs_login:
            raise NotRenewed(held.needs_login, is_credential=True)
        has_ended = held.expires is not None and held.expires <= time.time()
        if held.access_token and not has_ended:
            return {"access_token": held.access_token}
        if renew(token.pk, held.version) is None:
            time.sleep(LOOK_S)
    raise NotRenewed("another process has not renewed the token", is_credential=False)
