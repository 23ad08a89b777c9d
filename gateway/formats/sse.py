"""Server-sent events: the framing, with no idea of what is inside.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html (read 2026-11)
"""

import re

from gateway.errors import UpstreamFailed

MAX_EVENT_BYTES = 32 << 20

# An event ends at an empty line; a line ends with LF, CRLF or CR.
_END = re.compile(rb"\r\n\r\n|\n\n|\r\r|\n\r\n|\r\n\n")
_LINE = re.compile(rb"\r\n|\n|\r")


class Splitter:
    """Cuts a stream into events, wherever the network cut it.

    `feed` gives whole events, each with its empty line: joined they are what was received.
    What is incomplete is held, and bounded.
    """

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held = bytearray()

    @property
    def holds(self) -> bool:
        """Is there the beginning of an event that has no end yet?"""
        return bool(self._held)

    def feed(self, data: bytes) -> list[bytes]:
        """Raises `UpstreamFailed` for an event longer than MAX_EVENT_BYTES."""
        if self._held:
            seam = self._held[-3:] + data
            if b"\n\n" not in seam and b"\r" not in seam:
                self._hold(data)  # not joined: a line that never ends would cost its length squared
                return []
            data = bytes(self._held) + data
            self._held.clear()
        if b"\r" in data:
            return self._feed_odd(data)
        events = data.split(b"\n\n")
        self._hold(events.pop())
        return [event + b"\n\n" for event in events]

    def _feed_odd(self, data: bytes) -> list[bytes]:
        # A CR at the very end may be the first half of a CRLF.
        whole = data[:-1] if data.endswith(b"\r") else data
        events, start = [], 0
        for end in _END.finditer(whole):
            events.append(data[start : end.end()])
            start = end.end()
        self._hold(data[start:])
        return events

    def _hold(self, rest: bytes) -> None:
        self._held += rest
        if len(self._held) > MAX_EVENT_BYTES:
            raise UpstreamFailed(f"an event of the stream is over {MAX_EVENT_BYTES >> 20} MB")

    def rest(self) -> bytes:
        """What stands after the last empty line; some servers end a stream without one."""
        rest = bytes(self._held)
        self._held.clear()
        return rest.strip(b"\r\n")


def data_of(event: bytes) -> bytes:
    """The `data` of an event, its lines joined; empty for a comment or an event without data."""
    if event.startswith(b"data: ") and event.find(b"\n") == len(event) - 2 and b"\r" not in event:
        return event[6:-2]
    lines = []
    for line in _LINE.split(event.removeprefix(b"\xef\xbb\xbf")):
        if line.startswith(b"data:"):
            lines.append(line[5:].removeprefix(b" "))
    return b"\n".join(lines)


class Reader:
    """A stream's `data` fields, one a non-empty event."""

    __slots__ = ("_splitter",)

    def __init__(self) -> None:
        self._splitter = Splitter()

    def feed(self, data: bytes) -> list[bytes]:
        return [content for event in self._splitter.feed(data) if (content := data_of(event))]

    def close(self) -> list[bytes]:
        content = data_of(self._splitter.rest())
        return [content] if content else []


def frame(data: bytes, event: str | None = None) -> bytes:
    """An event; `data` is JSON on one line, so nothing in it can end the event."""
    if event is None:
        return b"data: " + data + b"\n\n"
    return b"event: " + event.encode() + b"\ndata: " + data + b"\n\n"
