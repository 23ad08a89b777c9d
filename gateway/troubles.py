"""What this process knows that alerts are about, to the database: open breakers, and how much of the
journal waits. A thread of its own, for the others must not wait for a database that is slow."""

import logging
import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from time import time

from django.db import DatabaseError, connection

from analytics.alerts import processes
from analytics.alerts.processes import OpenBreaker
from gateway.state.health import Entry

log = logging.getLogger(__name__)

INTERVAL_S = 10.0
MAX_BREAKERS = 500  # told at a time
MAX_CAUSE = 300


class Troubles:
    """One a process.

    Args:
        blocks: What keeps calls away now. May raise `TimeoutError`.
        journal_bytes: What of the journal is not in the database.
    """

    def __init__(self, blocks: Callable[[], list[Entry]], journal_bytes: Callable[[], int]) -> None:
        self._blocks, self._journal_bytes = blocks, journal_bytes
        self._process = uuid.uuid4().hex
        self._since: dict[tuple[str, str], float] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="troubles", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """From a thread: waits for nothing but the database."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        try:
            processes.leave(self._process)
        except DatabaseError as error:
            log.warning("that this process ends is not written: %s", type(error).__name__)
        connection.close()

    def _run(self) -> None:
        while not self._stop.wait(INTERVAL_S):
            try:
                self.turn()
            except DatabaseError as error:
                log.warning("what alerts are about is not written: %s", type(error).__name__)
                connection.close()
            except TimeoutError:
                log.debug("the event loop is busy")
        connection.close()

    def turn(self) -> None:
        """Raises `DatabaseError`, and `TimeoutError` where the event loop does not answer."""
        now = time()
        found = {
            (entry.block.connection, entry.block.model): entry.block
            for entry in self._blocks()
            if entry.block.kind == "server"
        }
        # Each time that a call has tried in vain a breaker opens anew: it is open since the first.
        self._since = {
            place: self._since.get(place, min(block.since, now)) for place, block in found.items()
        }
        breakers = [
            OpenBreaker(*place, block.cause[:MAX_CAUSE], self._since[place])
            for place, block in list(found.items())[:MAX_BREAKERS]
        ]
        at = datetime.fromtimestamp(now, UTC)
        processes.tell(self._process, self._journal_bytes(), breakers, at)
