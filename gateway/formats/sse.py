"""Server-sent events: the framing, with no idea of what is inside.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html (read 2026-11)
"""

import re

from gateway.errors import UpstreamFailed

CONTENT_TYPE = "text/event-stream; charset=utf-8"
MAX_EVENT_BYTES = 32 << 20

# An event ends at an empty line; a line ends with LF, CRLF or CR. (?>…): CRLF is never two.
_END = re.compile(rb"(?>\r\n|\n|\r)(?>\r\n|\n|\r)")
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
            if _END.search(seam) is None:
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
        return event[6:-2].strip()
    lines = []
    for line in _LINE.split(event.removeprefix(b"\xef\xbb\xbf")):
        if line.startswith(b"data:"):
            lines.append(line[5:].removeprefix(b" "))
    return b"\n".join(lines).strip()


def unnamed_lines(data: bytes) -> bytes | None:
    """The `data` of each event, a line each; None where a piece is not `data: …` events alone.

    The hot path: nearly every piece is, and one call of the parser then reads all of it. A line
    that is no JSON is the parser's to refuse; an empty one shows in the number of values.
    """
    if not data.startswith(b"data: ") or not data.endswith(b"\n\n"):
        return None
    lines = data[6:-1].replace(b"\n\ndata: ", b"\n")
    # Two line ends an event: none has further lines.
    return lines if data.count(b"\n") == 2 * lines.count(b"\n") else None


def named_lines(data: bytes) -> bytes | None:
    """The same for a piece that consists of events of two lines, `event: …` and `data: …`."""
    lines = data.split(b"\n")  # of three, the third is empty; and what stands after the last
    if len(lines) % 3 != 1 or any(lines[2::3]) or lines[-1]:
        return None
    if {line[:6] for line in lines[:-1:3]} != {b"event:"}:
        return None
    content = b"\n".join(lines[1::3])
    return content[6:].replace(b"\ndata: ", b"\n") if content.startswith(b"data: ") else None


def frame(data: bytes, event: str | None = None) -> bytes:
    """An event; `data` is JSON on one line, so nothing in it can end the event."""
    if event is None:
        return b"data: " + data + b"\n\n"
    return b"event: " + event.encode() + b"\ndata: " + data + b"\n\n"
