"""An answer that is no text, on its way to the client: bytes as they come."""

from gateway.errors import UpstreamFailed
from gateway.formats.length import milliseconds
from gateway.formats.tally import Tally

_HEAD_BYTES = 64


class Passage(Tally):
    """See `gateway.formats.Stage`. Content has begun with the first byte.

    Args:
        bytes_per_s: Of sound that does not say it itself.
    """

    __slots__ = ("_bytes_per_s", "_head", "_size")

    def __init__(self, bytes_per_s: int = 0) -> None:
        super().__init__()
        self._head, self._size, self._bytes_per_s = b"", 0, bytes_per_s

    @property
    def units(self) -> dict[str, int]:
        if self._bytes_per_s:
            return {"milliseconds": self._size * 1000 // self._bytes_per_s}
        return {"milliseconds": milliseconds(self._head, self._size)}

    def feed(self, data: bytes) -> bytes:
        self.started = True
        self._size += len(data)
        if len(self._head) < _HEAD_BYTES:
            self._head += data[:_HEAD_BYTES]
        return data

    def close(self) -> bytes:
        """At the upstream's end. Raises `UpstreamFailed` where there was nothing."""
        if not self.started:
            raise UpstreamFailed("the upstream's answer is empty", upstream_status=200)
        self.finished = True
        return b""
