"""What a gateway process holds while it runs: configuration, counters, journal, connections."""

import asyncio
import gc
import logging
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from random import Random
from time import monotonic, time
from typing import Any, TypeVar

from django.conf import settings
from django.db import DatabaseError, connection

from analytics import records, spending
from gateway import channels, directory
from gateway.changes import Watcher
from gateway.idempotency import Idempotency
from gateway.journal import Journal
from gateway.news import News
from gateway.open_breakers import OpenBreakers
from gateway.presence import Condition, Presence
from gateway.quotas import Quotas
from gateway.renewals import Renewals
from gateway.reporting import Reporter
from gateway.retries import Retries
from gateway.snapshot import Snapshot
from gateway.soft_budgets import Notices
from gateway.state import State, budgets
from gateway.state.health import Entry
from gateway.state.memory import MemoryState
from gateway.state.observed import Observed
from gateway.state.sharing import SharedHealth
from gateway.state.waiting import Lines
from gateway.upstream import Upstreams
from omniroute.http import Fetcher

log = logging.getLogger(__name__)

SPENDING_INTERVAL_S = 1.0
DATABASE_THREADS = 4
LOOP_TIMEOUT_S = 5.0
GC_OBJECTS = 20_000

Value = TypeVar("Value")


class Runtime:
    """One a process. Made before the first request is accepted, closed after the last."""

    def __init__(self) -> None:
        self.watcher = Watcher()
        self.watcher.prepare = self._prepare
        self._budgets_of = self.watcher.current
        self._counting = threading.Lock()
        self.journal = Journal(
            settings.DATA_DIR / "journal",
            records.insert,
            max_bytes=settings.JOURNAL_MAX_MB << 20,
            fsync=settings.JOURNAL_FSYNC,
            on_rows=self._tell_of_rows,
        )
        self.state = _state()
        self.news = News(self.state)
        self.state.subscribe(channels.CONFIGURATION, lambda _: self.watcher.wake())
        self.lines = Lines(self.state)
        self._shared = SharedHealth(self.watcher.current.policy, self.state)
        self.health = self._shared.health
        self.quotas = Quotas(self.health)
        self._presence = Presence(lambda: self.on_loop(self._condition()))
        self._reporter = Reporter(
            self.health,
            self.quotas,
            lambda: self.watcher.current,
            self.on_loop,
            self._presence.tell,
        )
        self._open_breakers = OpenBreakers()
        self.idempotency = Idempotency(self.state)
        self.observed = Observed()
        self.retries = Retries()
        self.logged = budgets.Logged()  # what the log said last of everybody with a budget
        self._notices = Notices()
        self.rng = Random()  # noqa: S311  # it balances, and keeps no secret
        self.upstreams = Upstreams()
        self.renewals = Renewals()
        self.fetcher = Fetcher(allow_private=settings.FETCH_PRIVATE_NETWORKS)
        self.max_body_bytes = settings.MAX_BODY_MB << 20
        self.trusted_proxies = settings.TRUSTED_PROXIES
        self._spending = threading.Thread(target=self._load_spending, name="spending", daemon=True)
        self._stop = threading.Event()
        # For the calls that refer to a stored response; everybody else's touch no database.
        self._pool = ThreadPoolExecutor(DATABASE_THREADS, thread_name_prefix="stored")
        self.active = 0  # HTTP requests being answered, on both planes
        self.draining = False
        self._open = False

    @property
    def snapshot(self) -> Snapshot:
        return self.watcher.current

    def start(self) -> None:
        self.load_spending()  # before the first call: an unread log would be an unspent budget
        self._reporter.load()
        self.watcher.start()
        self.journal.start()
        self._spending.start()

    async def open(self) -> None:
        """On the event loop that answers, before the first call. Opened once."""
        if not self._open:
            self._open = True
            self._loop = asyncio.get_running_loop()
            self.watcher.bearers.on_login = self._signed_in
            await self.state.start()
            await self._shared.open()
            self._reporter.start()
            _spare_the_collector()

    async def close(self) -> None:
        """Bring what is counted into the database and let go of every connection."""
        self._stop.set()
        await self.upstreams.close()
        self.renewals.close()
        await self.state.close()
        self.fetcher.close()
        self.watcher.stop()
        await self._reporter.close()
        await asyncio.to_thread(self._reporter.finish)
        await asyncio.to_thread(self._leave)
        await asyncio.to_thread(self.journal.close)
        self._pool.shutdown()

    def _leave(self) -> None:
        try:
            self._presence.leave()
        except DatabaseError as error:
            log.warning("that this process ends is not written: %s", type(error).__name__)
        connection.close()

    async def _condition(self) -> Condition:
        return Condition(
            active=self.active,
            draining=self.draining,
            state=self.state.words[:300],
            journal_bytes=self.journal.backlog_bytes,
            snapshot_failing=self.watcher.failing,
            reserved=self.state.reserved(),
            breakers=self._open_breakers.of(self.health.entries(monotonic())),
        )

    def on_loop(self, deed: Coroutine[Any, Any, Value]) -> Value:
        """From another thread: have the event loop do it, whose counters are for it alone."""
        return asyncio.run_coroutine_threadsafe(deed, self._loop).result(LOOP_TIMEOUT_S)

    def _signed_in(self, connection: str) -> None:
        """From the watcher's thread: a connection has a token again, so calls need not wait."""
        forget = partial(self.health.clear, monotonic(), connection)
        self._loop.call_soon_threadsafe(forget)

    async def clear_health(self, connection: str | None = None, model: str | None = None) -> int:
        """An operator's word that all, a connection, or a model on it may be called again.

        Returns:
            How many cooldowns and open breakers that ended.
        """
        before = len(self.health.entries(monotonic()))
        self.health.clear(monotonic(), connection, model)
        return before - len(self.health.entries(monotonic()))

    async def blocks(self) -> list[Entry]:
        """What keeps calls away from connections and models."""
        return self.health.entries(monotonic())

    async def in_thread(self, deed: Callable[..., Value], *arguments: Any) -> Value:
        """One short transaction in a thread of its own. Raises what `deed` raises."""

        def run() -> Value:
            connection.close_if_unusable_or_obsolete()
            return deed(*arguments)

        return await asyncio.get_running_loop().run_in_executor(self._pool, run)

    def _tell_of_rows(self) -> None:
        """In the journal's thread, which goes on after the loop has ended."""
        if self._open and not self._stop.is_set():
            self._loop.call_soon_threadsafe(self.news.tell)

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

    def _prepare(self, snapshot: Snapshot) -> None:
        """In the watcher's thread. Raises `DatabaseError`."""
        self._count_for(snapshot)
        directory.of(snapshot)

    def _count_for(self, snapshot: Snapshot) -> None:
        """A budget that is new has been spent from already, and is not in force before that is
        known. Raises `DatabaseError`."""
        was, self._budgets_of = self._budgets_of, snapshot
        if _budgeted(snapshot) != _budgeted(was):
            self.load_spending()

    def load_spending(self) -> None:
        """Tell the state what the log says of everybody with a budget. Raises `DatabaseError`."""
        with self._counting:  # of two threads the later one has read more
            self._load_spending_of(self._budgets_of)

    def _load_spending_of(self, snapshot: Snapshot) -> None:
        now = time()
        today = budgets.calendar(now)
        known_until = self.journal.drained_until  # before the log is read: never too late
        horizon = datetime.fromtimestamp(now - budgets.HORIZON_S, UTC)
        spent: dict[tuple[str, str], budgets.Amounts] = {}
        earlier: dict[tuple[str, str], budgets.Amounts] = {}
        for kind, periods in _budgeted(snapshot).items():
            starts = {period: budgets.midnight(today.first[period]) for period in periods}
            spent |= _named(kind, spending.spent(kind, starts))
            if self.state.processes > 1:
                earlier |= _named(kind, spending.spent(kind, starts, until=horizon))
        self.logged = budgets.Logged(today, spent, earlier, known_until)
        self.state.load(self.logged)
        self._notices.tell(snapshot, self.logged)


def _budgeted(snapshot: Snapshot) -> dict[str, set[str]]:
    """The periods for which keys, users and all together have budgets; nothing where none has."""
    keys = snapshot.keys.values()
    names = {
        "key": {name for key in keys for name in (*key.budgets.hard, *key.budgets.soft)},
        "user": {name for key in keys for name in (*key.user_budgets.hard, *key.user_budgets.soft)},
        "total": {*snapshot.budgets.hard, *snapshot.budgets.soft},
    }
    return {
        kind: {name.partition("_")[0] for name in of_kind}
        for kind, of_kind in names.items()
        if of_kind
    }


def _spare_the_collector() -> None:
    """Calls make no cycles of objects, and Python would look for some after each dozen of them:
    all that was made until now is looked at no more, and what follows less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_OBJECTS, 10, 10)


def _state() -> State:
    if settings.REDIS_URL:
        from gateway.state.redis import RedisState  # 10 MiB, for who has a Redis

        return RedisState(settings.REDIS_URL, processes=settings.GATEWAY_PROCESSES)
    return MemoryState(processes=settings.GATEWAY_PROCESSES)


def _named(
    kind: str, sums: dict[tuple[str, str], budgets.Amounts]
) -> dict[tuple[str, str], budgets.Amounts]:
    return {(f"{kind}:{name}", period): amounts for (name, period), amounts in sums.items()}


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
