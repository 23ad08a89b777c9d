"""Clocks that a test moves."""

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
