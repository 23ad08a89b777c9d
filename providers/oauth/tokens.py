"""The row of a connection's token: made with the connection, reset when its credential is another."""

import random
import time
from datetime import UTC, datetime
from typing import Any

from django.db.models.functions import Now

from providers.credentials import CredentialUnreadable
from providers.models import Connection, Token
from providers.oauth import grants
from providers.oauth.claims import expiry
from providers.oauth.client import moment

# A token is renewed so long before its end, and a short one in the second half of its life. Of
# those given out at one time each is renewed at another.
LEAD_S = 900.0
JITTER = (0.6, 1.0)


def follow(connection: Connection, **_: Any) -> None:
    """Keep its token's row up with the connection: a receiver of Django's `post_save`."""
    entered = connection.stored_auth()
    try:
        grant = grants.of(connection, entered)
    except ValueError:  # the provider's row is wrong: nothing can be asked for there
        grant = None
    if grant is None or not entered:
        Token.objects.filter(connection=connection).delete()
        return
    token = Token.objects.filter(connection=connection).first()
    if token is None or _entered(token, connection) != entered:
        _begin(connection, grant, entered, token.version if token else 0)


def _entered(token: Token, connection: Connection) -> Any:
    token.connection = connection
    try:
        return token.opened().get("entered")
    except CredentialUnreadable:
        return None


def _begin(
    connection: Connection, grant: grants.Grant, entered: dict[str, Any], version: int
) -> None:
    """What was entered is what is used, until it is renewed."""
    has_own = grant in ("static", "refresh")
    access_token = entered.get("access_token", "") if has_own else ""
    expires = moment(entered["expires"]) if entered.get("expires") else expiry(access_token)
    if not access_token:
        expires = time.time()  # there is none yet
    held = {
        "entered": entered,
        "access_token": access_token,
        "refresh_token": entered.get("refresh_token", "") if has_own else "",
    }
    Token.objects.update_or_create(
        connection=connection,
        defaults={
            "sealed": connection.sealed(held),
            "version": version + 1,
            "changed": Now(),
            "expires": at_or_never(expires),
            "refresh_at": None if grant == "static" else at_or_never(due(expires, None)),
            "holder": "",
            "held_until": None,
            "failures": 0,
            "cause": "",
            "needs_login": False,
        },
    )


def in_use(connection: Connection) -> dict[str, str]:
    """Of a connection that was signed in, what `auth` would be now; empty where nothing changed.

    Raises:
        CredentialUnreadable: No key decrypts it.
    """
    token = Token.objects.filter(connection=connection).first()
    if token is None:
        return {}
    token.connection = connection
    held = token.opened()
    if not held["access_token"] and not held["refresh_token"]:
        return {}
    auth = {name: held[name] for name in ("access_token", "refresh_token") if held[name]}
    return auth | ({"expires": token.expires.isoformat()} if token.expires else {})


def due(expires: float | None, lifetime_s: float | None) -> float | None:
    """When a token is to be renewed that ends at `expires`; null where nobody knows its end."""
    if expires is None:
        return None
    lead_s = LEAD_S if lifetime_s is None else min(LEAD_S, lifetime_s / 2)
    return expires - lead_s * random.uniform(*JITTER)  # noqa: S311  # it spreads, and keeps no secret


def at(unix: float) -> datetime:
    return datetime.fromtimestamp(unix, UTC)


def at_or_never(unix: float | None) -> datetime | None:
    return None if unix is None else at(unix)
