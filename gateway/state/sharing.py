"""One process's `Health`, kept the same as that of the others through the state store."""

import asyncio
import logging
from time import monotonic

import msgspec

from gateway import channels
from gateway.state import State
from gateway.state.health import Health
from gateway.verdict import Policy

log = logging.getLogger(__name__)

RECORD = "health"  # for a process that starts, all that the others know
KEPT_S = 7200.0
# Failures come in swarms; what they come to is written down once for all.
WRITE_AFTER_S = 0.1


class SharedHealth:
    """Tells the others of each change as it happens, and hears of theirs."""

    def __init__(self, policy: Policy, state: State) -> None:
        self.health = Health(policy, self._tell)
        self._state = state
        self._writing: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        state.subscribe(channels.HEALTH, self._hear)

    async def open(self) -> None:
        known = await self._state.read(RECORD)
        if known is not None:
            self._hear(known)

    def _tell(self, data: bytes) -> None:
        if not self._state.is_shared:
            return
        self._state.broadcast(channels.HEALTH, data)
        if self._writing is None:
            loop = asyncio.get_running_loop()
            self._writing = loop.call_later(WRITE_AFTER_S, self._write)

    def _write(self) -> None:
        self._writing = None
        known = self.health.dump(monotonic())
        task = asyncio.ensure_future(self._state.write(RECORD, known, KEPT_S))
        self._tasks.add(task)  # the loop itself holds tasks only weakly
        task.add_done_callback(self._tasks.discard)

    def _hear(self, data: bytes) -> None:
        try:
            self.health.apply(data, monotonic())
        except msgspec.DecodeError:
            log.warning("what another process says of its connections cannot be read")
