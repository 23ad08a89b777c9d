"""Newline-delimited JSON: the framing, with no idea of what is inside.

Source: https://github.com/ndjson/ndjson-spec (read 2026-11)
"""

from gateway.errors import UpstreamFailed

CONTENT_TYPE = "application/x-ndjson"
MAX_LINE_BYTES = 32 << 20


class Splitter:
    """Cuts a stream into lines, wherever the network cut it.

    `feed` gives whole lines, each with its end: joined they are what was received. A CR before
    the LF stays with its line; JSON takes it for white space. What is incomplete is held, and
    bounded.
    """

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held = bytearray()

    @property
    def holds(self) -> bool:
        """Is there the beginning of a line that has no end yet?"""
        return bool(self._held)

    def feed(self, data: bytes) -> list[bytes]:
        """Raises `UpstreamFailed` for a line longer than MAX_LINE_BYTES."""
        if b"\n" not in data:
            self._hold(data)
            return []
        if self._held:
            data = bytes(self._held) + data
            self._held.clear()
        lines = data.split(b"\n")
        self._hold(lines.pop())
        return [line + b"\n" for line in lines]

    def _hold(self, rest: bytes) -> None:
        self._held += rest
        if len(self._held) > MAX_LINE_BYTES:
            raise UpstreamFailed(f"a line of the stream is over {MAX_LINE_BYTES >> 20} MB")

    def rest(self) -> bytes:
        """What stands after the last line end; some servers end a stream without one."""
        rest = bytes(self._held)
        self._held.clear()
        return rest.strip(b"\r\n")


def frame(data: bytes) -> bytes:
    """A line; `data` is JSON without line breaks."""
    return data + b"\n"
