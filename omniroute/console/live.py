"""The live tail of the request log, over a WebSocket.

The page says `next`, and gets what has been logged since, as rows of its table: at once where
there is something, else as soon as there is. It says `next` again when it has shown that, so a slow
page is owed one message at most, and one that is hidden asks for none.
"""

import asyncio
import json
import logging
from datetime import datetime, timedelta
from importlib import import_module
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

from channels.auth import get_user
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError
from django.http import QueryDict, parse_cookie
from django.template.loader import render_to_string
from django.utils import timezone

from accounts import second_factor
from accounts.models import User
from analytics.ids import first_id
from gateway import runtime
from gateway.asgi import is_allowed_host
from omniroute.console.access import records_of
from omniroute.console.log_filters import LogFilters
from omniroute.console.logs import UNSHOWN

# A row bears the time at which its request began, and is there when it has ended. One that takes
# longer than this is in the log all the same, and on the page when that is loaded anew.
LOOKBACK = timedelta(minutes=2)
MOST_IDS = 2_000
PAUSE_S = 0.5  # between two looks, however much is logged
MOST_ROWS = 100
MOST_PAGES = 100  # of one process: each asks the database every second where nobody tells

SIGNED_OUT, TOO_MANY, FAILED = 4401, 4429, 4500

log = logging.getLogger(__name__)


class Tail:
    """What of the log has been told already."""

    def __init__(self, filters: LogFilters) -> None:
        self._filters = filters
        self._told: set[str] = set()

    def read(self, user: User, now: datetime) -> str:
        """What is new, as a message for the page; empty where nothing is.

        Raises:
            PermissionDenied: Not for this person.
        """
        if second_factor.is_missing(user):  # no middleware stands before a WebSocket
            raise PermissionDenied
        oldest = first_id((now - LOOKBACK).timestamp())
        rows = self._filters.matching(records_of(user)).filter(id__gt=oldest).order_by("-id")
        ids = list(rows.values_list("id", flat=True)[:MOST_IDS])
        new = [id for id in ids if id not in self._told]
        self._told = set(ids)
        if not new:
            return ""
        shown = rows.filter(id__in=new[:MOST_ROWS]).defer(*UNSHOWN)
        html = render_to_string("logs/rows.html", {"rows": shown})
        return json.dumps({"rows": html, "skipped": len(new) > MOST_ROWS})


class LogTail(AsyncWebsocketConsumer):  # type: ignore[misc]  # Channels ships no types
    """One page that watches. Who does is looked up again each time, and what they may see."""

    pages = 0

    async def connect(self) -> None:
        self._waiting: asyncio.Task[None] | None = None
        self._counted = False
        self._earliest = 0.0  # monotonic, when it may look again
        headers = dict(self.scope["headers"])
        cookies = parse_cookie(headers.get(b"cookie", b"").decode("latin-1"))
        self._session = cookies.get(settings.SESSION_COOKIE_NAME)
        filters = LogFilters(QueryDict(self.scope["query_string"]))
        self._tail = Tail(filters)
        if not is_same_origin(headers) or await self._user() is None or not filters.is_valid():
            await self.close()
            return
        await self.accept()
        if LogTail.pages >= MOST_PAGES:
            await self.close(code=TOO_MANY)
            return
        LogTail.pages += 1
        self._counted = True

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if text_data == "next" and (self._waiting is None or self._waiting.done()):
            self._waiting = asyncio.create_task(self._next())

    async def disconnect(self, code: int) -> None:
        LogTail.pages -= self._counted
        if self._waiting is not None:
            self._waiting.cancel()

    async def _next(self) -> None:
        if (process := runtime.current()) is None:  # only where another server serves pages alone
            await self.close(code=FAILED)
            return
        event = process.news.next
        while (message := await self._read()) == "":
            await process.news.wait(event)
            event = process.news.next
        if message is not None:
            await self.send(text_data=message)

    async def _read(self) -> str | None:
        """None where there is nothing to read for this person any more; the page is told so."""
        await asyncio.sleep(self._earliest - monotonic())
        self._earliest = monotonic() + PAUSE_S
        try:
            if (user := await self._user()) is None:
                raise PermissionDenied
            message: str = await database_sync_to_async(self._tail.read)(user, timezone.now())
            return message
        except PermissionDenied:
            await self.close(code=SIGNED_OUT)
        except DatabaseError as error:
            log.warning("the live log cannot be read: %s", type(error).__name__)
            await self.close(code=FAILED)
        return None

    async def _user(self) -> User | None:
        """Who is signed in with the page's session, which may have ended since."""
        store: Any = import_module(settings.SESSION_ENGINE)
        user = await get_user({"session": store.SessionStore(self._session)})
        return user if isinstance(user, User) and user.is_active else None


def is_same_origin(headers: dict[bytes, bytes]) -> bool:
    """Browsers let any page open a WebSocket to any host, with that host's cookies."""
    host = headers.get(b"host", b"")
    origin = urlsplit(headers.get(b"origin", b"").decode("latin-1"))
    return is_allowed_host(host) and origin.netloc == host.decode("latin-1")
