"""What a stream tells in JSON, read as the one type that a format's events have."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import msgspec

from gateway.formats import wire
from gateway.formats.failures import NotAnEvent

Shape = TypeVar("Shape")


class Reader(Generic[Shape]):
    """Reads events.

    Args:
        shape: What is read of each; the rest is skipped unparsed.
        named: What an error calls them.
        loads: Parses what msgspec refuses and JSON allows: half a character as an escape.
    """

    __slots__ = ("_decode", "_decode_lines", "_loads", "_named", "_shape")

    def __init__(
        self, shape: type[Shape], named: str, loads: Callable[[bytes], Any] = wire.loads
    ) -> None:
        decoder = msgspec.json.Decoder(shape)
        self._decode, self._decode_lines = decoder.decode, decoder.decode_lines
        self._shape, self._named, self._loads = shape, named, loads

    def one(self, data: bytes) -> Shape:
        """Raises `NotAnEvent` where it is something else."""
        try:
            return self._decode(data)
        except wire.UNREADABLE:
            pass
        try:
            return msgspec.convert(self._loads(data), self._shape)
        except wire.UNREADABLE:
            raise NotAnEvent(
                f"the upstream's stream holds something else than {self._named}"
            ) from None

    def lines(self, data: bytes) -> list[Shape] | None:
        """All of a piece of one event a line; null where it has to be read event by event."""
        try:
            return self._decode_lines(data)
        except wire.UNREADABLE:
            return None
