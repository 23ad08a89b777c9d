"""What a gateway process holds while it runs: configuration, counters, journal, connections."""

import asyncio
import ipaddress
import logging
import threading
from time import monotonic, time

from django.conf import settings
from django.db import DatabaseError, connection

from analytics import records, spending
from gateway.journal import Journal
from gateway.snapshot import Snapshot, Watcher
from gateway.state import budgets
from gateway.state.memory import MemoryState
from gateway.upstream import Upstreams

log = logging.getLogger(__name__)

SPENDING_INTERVAL_S = 1.0


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
        self.state = MemoryState(processes=settings.GATEWAY_PROCESSES)
        self.upstreams = Upstreams()
        self.max_body_bytes = settings.MAX_BODY_MB << 20
        self.trusted_proxies = tuple(map(ipaddress.ip_network, settings.TRUSTED_PROXIES))
        self._spending = threading.Thread(target=self._load_spending, name="spending", daemon=True)
        self._stop = threading.Event()
        self.active = 0  # HTTP requests being answered, on both planes
        self.draining = False

    @property
    def snapshot(self) -> Snapshot:
        return self.watcher.current

    def start(self) -> None:
        self.watcher.start()
        self.journal.start()
        self._spending.start()

    async def close(self) -> None:
        """Bring what is counted into the database and let go of every connection."""
        await self.upstreams.close()
        self._stop.set()
        self.watcher.stop()
        await asyncio.to_thread(self.journal.close)

    def _load_spending(self) -> None:
        """Keep the budgets' state up with the log, while anybody has a budget."""
        pause_s = 0.0
        while not self._stop.wait(pause_s):
            began = monotonic()
            try:
                self.load_spending()
            except DatabaseError as error:
                log.warning("what is spent cannot be read: %s", type(error).__name__)
                connection.close()
            # A sum over a long log must not keep the database busy with itself.
            pause_s = max(SPENDING_INTERVAL_S, 20 * (monotonic() - began))
        connection.close()

    def load_spending(self) -> None:
        """Raises `DatabaseError`."""
        keys = self.snapshot.keys.values()
        known_until = self.journal.drained_until
        periods = budgets.starts(time())
        logged: dict[tuple[str, str], budgets.Spending] = {}
        for kind, needed in (
            ("key", any(key.budgets for key in keys)),
            ("user", any(key.user_budgets for key in keys)),
        ):
            for (name, period), sums in (spending.spent(kind, periods) if needed else {}).items():
                logged[f"{kind}:{name}", period] = budgets.Spending(*sums)
        self.state.load(logged, known_until)


_current: Runtime | None = None


def current() -> Runtime | None:
    """This process's runtime; None in a process that serves nothing."""
    return _current


def start() -> Runtime:
    """Make this process a gateway process. Raises `DatabaseError` without a database."""
    global _current
    if _current is None:
        _current = Runtime()
        _current.start()
    return _current
