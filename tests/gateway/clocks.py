"""Clocks that a test moves."""

import asyncio
import selectors
from datetime import UTC, datetime

# A Wednesday, at noon.
NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


class Clock:
    """`mono` never jumps; `wall` is Unix seconds. `advance` moves both."""

    def __init__(self, at: datetime = NOON) -> None:
        # A long uptime: floats are coarser there.
        self.mono, self.wall = 30_000_000.1, at.timestamp()

    def advance(self, seconds: float) -> None:
        self.mono += seconds
        self.wall += seconds


class SkippingSelector(selectors.DefaultSelector):
    """Instead of waiting, moves the clock to when the wait would have ended."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.now += timeout or 0
        return super().select(0)


class SkippingLoop(asyncio.SelectorEventLoop):
    """Its time is over at once; nothing that waits for anything but time belongs on it."""

    def __init__(self) -> None:
        self.skipping = SkippingSelector()
        super().__init__(self.skipping)

    def time(self) -> float:
        return self.skipping.now
