"""Records in memory: values by key, for a time, in bounded room."""

from collections import OrderedDict

# What a record needs beside its key and value, roughly.
OVERHEAD_BYTES = 200


class Records:
    """Who has not been read or written for longest goes first when room is short.

    Times are seconds on one clock that never jumps.
    """

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.bytes = 0
        self._records: OrderedDict[str, tuple[bytes, float]] = OrderedDict()

    def read(self, key: str, now: float) -> bytes | None:
        record = self._records.get(key)
        if record is None:
            return None
        value, until = record
        if until <= now:
            self.drop(key)
            return None
        self._records.move_to_end(key)
        return value

    def write(self, key: str, value: bytes, until: float) -> None:
        """One that is larger than all the room leaves nothing under its key."""
        self.drop(key)
        size = _size(key, value)
        if size > self.max_bytes:
            return
        self._records[key] = (value, until)
        self.bytes += size
        while self.bytes > self.max_bytes:
            self.drop(next(iter(self._records)))

    def drop(self, key: str) -> None:
        record = self._records.pop(key, None)
        if record is not None:
            self.bytes -= _size(key, record[0])


def _size(key: str, value: bytes) -> int:
    return len(key) + len(value) + OVERHEAD_BYTES
