"""What a gateway process holds while it runs: configuration, counters, journal, connections."""

import asyncio
import ipaddress
import logging

from django.conf import settings

from analytics import records
from gateway.journal import Journal
from gateway.snapshot import Snapshot, Watcher
from gateway.state import State
from gateway.state.memory import MemoryState
from gateway.upstream import Upstreams

log = logging.getLogger(__name__)


class Runtime:
    """One a process. Made before the first request is accepted, closed after the last."""

    def __init__(self) -> None:
        self.watcher = Watcher()
        self.journal = Journal(
            settings.DATA_DIR / "journal",
            records.insert,
            max_bytes=settings.JOURNAL_MAX_MB << 20,
            fsync=settings.JOURNAL_FSYNC,
        )
        self.state: State = MemoryState(processes=settings.GATEWAY_PROCESSES)
        self.upstreams = Upstreams()
        self.max_body_bytes = settings.MAX_BODY_MB << 20
        self.trusted_proxies = tuple(map(ipaddress.ip_network, settings.TRUSTED_PROXIES))
        self.active = 0  # HTTP requests being answered, on both planes
        self.draining = False

    @property
    def snapshot(self) -> Snapshot:
        return self.watcher.current

    def start(self) -> None:
        self.watcher.start()
        self.journal.start()

    async def close(self) -> None:
        """Bring what is counted into the database and let go of every connection."""
        await self.upstreams.close()
        self.watcher.stop()
        await asyncio.to_thread(self.journal.close)


_current: Runtime | None = None


def current() -> Runtime | None:
    """This process's runtime; None in a process that serves nothing."""
    return _current


def start() -> Runtime:
    """Make this process a gateway process. Raises `DatabaseError` without a database."""
    global _current
    if _current is None:
        process = Runtime()
        process.start()
        _current = process
    return _current
