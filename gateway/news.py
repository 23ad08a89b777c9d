"""That the log has new rows: for the pages that show it as it grows.

Each process tells those that share its Redis. What is told may be lost, so who waits does not do so
for ever; without Redis nobody hears of other processes' rows, and looks every second.
"""

import asyncio

from gateway import channels
from gateway.state import State

ALONE_S = 1.0
TOLD_S = 10.0


class News:
    """Belongs to the event loop that answers."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._next = asyncio.Event()
        state.subscribe(channels.LOG, lambda _: self._hear())

    @property
    def next(self) -> asyncio.Event:
        """Set when there is something new; to be taken before the log is read, so that nothing is
        missed in between."""
        return self._next

    def tell(self) -> None:
        """This process has written rows."""
        self._state.broadcast(channels.LOG, b"")
        self._hear()

    def _hear(self) -> None:
        self._next.set()
        self._next = asyncio.Event()

    @property
    def patience_s(self) -> float:
        is_told = self._state.is_shared and not self._state.degraded
        return TOLD_S if is_told else ALONE_S

    async def wait(self, event: asyncio.Event) -> None:
        """Until it is set, or it is time to look all the same."""
        try:
            async with asyncio.timeout(self.patience_s):
                await event.wait()
        except TimeoutError:
            return
