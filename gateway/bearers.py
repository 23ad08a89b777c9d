"""Tokens that are renewed while a snapshot stands: held by reference, and changed in place.

A token is no configuration. A thousand that are renewed within a minute are a thousand rows read,
and not one snapshot built. What a call with a valid token pays is one comparison.
"""

import logging
import math
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from msgspec import Struct

from gateway.pacing import paced
from providers.credentials import CredentialUnreadable
from providers.models import Connection, Token
from providers.oauth import renewal
from providers.oauth.renewal import Current, Seen

log = logging.getLogger(__name__)

# A token is not sent in its last seconds: it has a way to go, and clocks differ.
MARGIN_S = 5.0
# A transaction that began earlier may be seen later; it takes no longer than this.
OVERLAP = timedelta(seconds=30)


class Bearer(Struct):
    """The token of a connection, for all calls of this process. Only `take` changes it."""

    connection: int
    auth: dict[str, str] = {}  # replaced, never changed
    version: int = -1
    until: float = 0.0  # Unix seconds; from then on it is renewed before it is used
    expires: float = 0.0
    refused: float = 0.0  # when an upstream's refusal made it be renewed
    needs_login: str = ""

    def is_usable(self, now: float) -> bool:
        return now < self.until and not self.needs_login

    def take(self, held: Current) -> None:
        if held.version < self.version:
            return
        self.auth = {"access_token": held.access_token}
        self.expires = math.inf if held.expires is None else held.expires
        self.needs_login = held.needs_login
        # What has to be signed in again may still have a token that holds.
        self.until = self.expires - MARGIN_S if held.access_token else 0.0
        self.version = held.version


class Bearers:
    """All of a process. Changed by the thread that watches the configuration, read by calls."""

    def __init__(self) -> None:
        self._held: dict[int, Bearer] = {}
        self._problems: dict[int, str] = {}
        self._seen: datetime | None = None
        self.on_login: Callable[[str], None] | None = None  # told which connection can do again

    def of(self, row: Connection) -> Bearer | None:
        """The token of a connection; null where its calls carry the credential itself.

        Raises:
            ValueError: It should have one and has none, or one that cannot be read.
        """
        if problem := self._problems.get(row.pk):
            raise ValueError(problem)
        bearer = self._held.get(row.pk)
        if bearer is None and row.auth_type in _ALWAYS:
            raise ValueError("the credential is missing: sign in, or paste a token")
        return bearer

    def load(self) -> None:
        """Look at all rows, and read those that are not known."""
        seen = renewal.look()
        for gone in self._held.keys() - {each.connection for each in seen}:
            del self._held[gone]
        self._problems.clear()
        self._take(seen)

    def refresh(self) -> None:
        """Look at the rows that have changed of late."""
        since = self._seen - OVERLAP if self._seen else None
        self._take([each for each in renewal.look(since) if each.connection in self._held])

    def _take(self, seen: list[Seen]) -> None:
        new = [each.connection for each in seen if self._is_new(each)]
        for token in paced(renewal.read(new)):
            self._read(token)
        if seen:
            self._seen = max(each.changed for each in seen)

    def _is_new(self, seen: Seen) -> bool:
        bearer = self._held.get(seen.connection)
        if bearer is None:
            return True
        return (bearer.version, bool(bearer.needs_login)) != (seen.version, seen.needs_login)

    def _read(self, token: Token) -> None:
        try:
            held = renewal.current(token)
        except CredentialUnreadable as error:
            self._problems[token.pk] = str(error)
            return
        bearer = self._held.setdefault(token.pk, Bearer(token.pk))
        now, is_new = time.time(), bearer.version == -1
        could = bearer.is_usable(now)
        bearer.take(held)
        if self.on_login is not None and not (is_new or could) and bearer.is_usable(now):
            self.on_login(token.connection.name)


_ALWAYS = (
    Connection.Auth.OAUTH,
    Connection.Auth.SERVICE_ACCOUNT,
    Connection.Auth.CLIENT_CREDENTIALS,
)
