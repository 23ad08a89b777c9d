"""What this process knows of its accounts, to the database and back.

A thread beside the event loop takes what calls have heard of quotas and met of trouble, and writes
it in batches. From there it learns what others have found: that an account which was spent has
credit again, and how much of one with a reserve is left.
"""

import logging
import threading
from collections.abc import Callable, Coroutine
from time import monotonic, time
from typing import Any, TypeVar

from django.db import DatabaseError, connection

from gateway.quotas import Heard, Quotas
from gateway.snapshot import Snapshot
from gateway.state.blocks import Block
from gateway.state.health import Health
from gateway.verdict import Kind
from providers import clearings, quotas, states
from providers.models import Clearing
from providers.quotas import Known
from providers.states import Status

log = logging.getLogger(__name__)

INTERVAL_S = 5.0

STATUS: dict[Kind, Status] = {"quota": Status.OUT_OF_CREDIT, "credential": Status.NEEDS_LOGIN}
_KIND = {status: kind for kind, status in STATUS.items()}

Value = TypeVar("Value")
OnLoop = Callable[[Coroutine[Any, Any, Value]], Value]


class Reporter:
    """One a process.

    Args:
        snapshot: Gives the configuration that is in force.
        on_loop: Has the event loop do something, whose counters are for it alone.
        beside: What else the thread does each time. May raise `DatabaseError` and `TimeoutError`.
    """

    def __init__(
        self,
        health: Health,
        heard: Quotas,
        snapshot: Callable[[], Snapshot],
        on_loop: OnLoop[Any],
        beside: Callable[[], None] = lambda: None,
    ) -> None:
        self._health, self._quotas = health, heard
        self._snapshot, self._on_loop, self._beside = snapshot, on_loop, beside
        self._unwritten: dict[str, dict[tuple[str, str], Known]] = {}
        self._told: dict[str, Block] = {}  # trouble that is in the database, by connection
        self._cleared: set[int] = set()  # of late: words that this process has heard
        self._reserves: tuple[Snapshot | None, dict[str, float]] = (None, {})
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="reporting", daemon=True)

    def load(self) -> None:
        """Read which accounts were in trouble when the last process ended. Raises `DatabaseError`."""
        now = time()
        for row in states.reported():
            # Whoever wrote it may have a clock that is ahead: it was before now.
            name, since = row.connection.name, min(row.since.timestamp(), now - 1)
            kind = _KIND[Status(row.status)]
            self._told[name] = Block(name, "", kind, row.cause, since, now)

    def start(self) -> None:
        """On the event loop, when it is known what other processes know."""
        self._health.recall(self._told.values(), monotonic())
        self._thread.start()

    async def close(self) -> None:
        """What was heard last is written; nothing is waited for but the database."""
        self._stop.set()
        self._note(self._quotas.take())

    def finish(self) -> None:
        """From a thread, after `close`."""
        if self._thread.is_alive():
            self._thread.join()
        try:
            self._write()
        except DatabaseError as error:
            log.warning("quotas are not written: %s", type(error).__name__)
        connection.close()

    def _run(self) -> None:
        pause_s = 0.0
        while not self._stop.wait(pause_s):
            pause_s = INTERVAL_S
            try:
                self._beside()
                self.turn()
            except DatabaseError as error:
                log.warning("the state of accounts is not written: %s", type(error).__name__)
                connection.close()
            except TimeoutError:
                log.debug("the event loop is busy")
        connection.close()

    def turn(self) -> None:
        """Raises `DatabaseError`, and `TimeoutError` where the event loop does not answer."""
        heard, met = self._on_loop(self._gather())
        self._note(heard)
        self._write()
        over = self._report(met)
        reserves = self._current_reserves()
        self._on_loop(self._apply(over, reserves, quotas.read(reserves)))
        if cleared := self._newly_cleared():
            self._on_loop(self._clear(cleared))

    def _newly_cleared(self) -> list[Clearing]:
        found = clearings.of_late()
        new = [each for each in found if each.pk not in self._cleared]
        self._cleared = {each.pk for each in found}
        return new

    async def _clear(self, cleared: list[Clearing]) -> None:
        for each in cleared:
            said_at = each.made.timestamp()
            self._health.clear(monotonic(), each.connection or None, each.model, said_at)

    async def _gather(self) -> tuple[list[Heard], dict[str, Block]]:
        entries = self._health.entries(monotonic())
        blocks = [each.block for each in entries if not each.block.model]
        met = {block.connection: block for block in blocks if block.kind in STATUS}
        return self._quotas.take(), met

    def _note(self, heard: list[Heard]) -> None:
        for each in heard:
            mine = self._unwritten.setdefault(each.connection, {})
            mine |= {(known.model, known.name): known for known in each.known()}

    def _write(self) -> None:
        observed = {name: list(mine.values()) for name, mine in self._unwritten.items() if mine}
        if observed:
            quotas.store(observed)
        self._unwritten.clear()

    def _report(self, met: dict[str, Block]) -> set[str]:
        """Write what is new; of what is not, what somebody else has found to be over."""
        new = {name: each for name, each in met.items() if not _is_same(each, self._told.get(name))}
        if new:
            states.report({name: (STATUS[each.kind], each.cause) for name, each in new.items()})
        if recovered := self._told.keys() - met.keys():
            states.recovered(recovered)
        known = met.keys() - new.keys()
        self._told = met
        return states.well(known) if known else set()

    def _current_reserves(self) -> dict[str, float]:
        snapshot = self._snapshot()
        if self._reserves[0] is not snapshot:
            accounts = (each for owner in snapshot.providers.values() for each in owner.connections)
            found = {each.name: each.headroom for each in accounts if each.headroom}
            self._reserves = snapshot, found
        return self._reserves[1]

    async def _apply(
        self, over: set[str], reserves: dict[str, float], told: dict[str, list[Known]]
    ) -> None:
        now = monotonic()
        for name in over:
            self._health.clear(now, name, "")
        self._quotas.reconsider(reserves, told, now, time())


def _is_same(block: Block, told: Block | None) -> bool:
    return told is not None and (told.kind, told.since) == (block.kind, block.since)
