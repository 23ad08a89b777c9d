"""Amazon's event stream: the binary framing, with no idea of what is inside.

A message is a prelude (length of the whole and of the headers, and their checksum), headers, a
payload, and a checksum of all of it; numbers are big-endian.

Source: https://smithy.io/2.0/aws/amazon-eventstream.html (read 2026-11)
"""

import struct
from collections.abc import Mapping
from functools import lru_cache
from zlib import crc32

from msgspec import Struct

from gateway.errors import UpstreamFailed
from gateway.formats.failures import NotAnEvent

CONTENT_TYPE = "application/vnd.amazon.eventstream"
MAX_HEADERS_BYTES = 128 << 10
MAX_MESSAGE_BYTES = (24 << 20) + MAX_HEADERS_BYTES + 16

_PRELUDE = struct.Struct(">III")
_CHECKSUM = struct.Struct(">I")
_LENGTH = struct.Struct(">H")
_TEXT = 7
# Bytes that a value of a header takes, by its type; a text or bytes say it themselves.
_SIZES = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
_LONG = (6, _TEXT)


class Message(Struct, frozen=True, gc=False):
    """`headers` are those whose value is a text; Amazon's protocols use no others."""

    headers: Mapping[str, str]
    payload: bytes


class Splitter:
    """Cuts a stream into messages, wherever the network cut it.

    `feed` gives whole messages as they came: joined they are what was received. What is
    incomplete is held, and bounded.
    """

    __slots__ = ("_held", "_needed")

    def __init__(self) -> None:
        self._held = bytearray()
        self._needed = _PRELUDE.size

    @property
    def holds(self) -> bool:
        """Is there the beginning of a message that has no end yet?"""
        return bool(self._held)

    def feed(self, data: bytes) -> list[bytes]:
        """Raises `UpstreamFailed` for a beginning that is none, or a message that is too long."""
        if self._held:
            self._held += data
            if len(self._held) < self._needed:
                return []
            data = bytes(self._held)
            self._held.clear()
        messages, start, size = [], 0, len(data)
        while size - start >= _PRELUDE.size:
            end = start + _length(data, start)
            if end > size:
                self._needed = end - start
                break
            messages.append(data[start:end])
            start = end
        else:
            self._needed = _PRELUDE.size
        if start < size:
            self._held += data[start:]
        return messages

    def rest(self) -> bytes:
        """Always empty: the beginning of a message is good for nothing, and is forgotten."""
        self._held.clear()
        self._needed = _PRELUDE.size
        return b""


def _length(data: bytes, start: int) -> int:
    """The length that a prelude tells, which its checksum vouches for."""
    length, headers, checksum = _PRELUDE.unpack_from(data, start)
    if crc32(data[start : start + 8]) != checksum:
        raise NotAnEvent("the upstream's event stream is damaged (checksum)")
    if length > MAX_MESSAGE_BYTES or headers > MAX_HEADERS_BYTES:
        raise UpstreamFailed(f"a message of the stream is over {MAX_MESSAGE_BYTES >> 20} MB")
    if length < _PRELUDE.size + headers + _CHECKSUM.size:
        raise NotAnEvent("the upstream's event stream is damaged (length)")
    return length  # type: ignore[no-any-return]


def read(message: bytes) -> Message:
    """A message that `Splitter` gave.

    Raises:
        UpstreamFailed: Its checksum is wrong, or its headers are.
    """
    end = len(message) - _CHECKSUM.size
    if crc32(message[:end]) != int.from_bytes(message[end:]):
        raise NotAnEvent("the upstream's event stream is damaged (checksum)")
    start = _PRELUDE.size + int.from_bytes(message[4:8])
    told = message[_PRELUDE.size : start]
    try:
        # Nearly every message has the headers of the one before.
        headers = _common(told) if len(told) <= _COMMON_BYTES else _headers(told)
    except (IndexError, KeyError, struct.error, UnicodeDecodeError):
        raise NotAnEvent("the upstream's event stream is damaged (headers)") from None
    return Message(headers, message[start:end])


def _headers(data: bytes) -> dict[str, str]:
    found: dict[str, str] = {}
    at = 0
    while at < len(data):
        name = data[at + 1 : at + 1 + data[at]]
        at += 1 + data[at]
        kind = data[at]
        at += 1
        if kind in _LONG:
            size = _LENGTH.unpack_from(data, at)[0]
            at += _LENGTH.size
        else:
            size = _SIZES[kind]
        if at + size > len(data):
            raise IndexError
        if kind == _TEXT:
            found[name.decode()] = data[at : at + size].decode()
        at += size
    return found


_COMMON_BYTES = 256
_common = lru_cache(maxsize=64)(_headers)


def write(headers: Mapping[str, str], payload: bytes) -> bytes:
    """A message; each name has at most 255 bytes, each value at most 65,535."""
    told = b"".join([_header(name.encode(), value.encode()) for name, value in headers.items()])
    lengths = struct.pack(">II", _PRELUDE.size + len(told) + len(payload) + 4, len(told))
    message = lengths + _CHECKSUM.pack(crc32(lengths)) + told + payload
    return message + _CHECKSUM.pack(crc32(message))


def _header(name: bytes, value: bytes) -> bytes:
    return bytes([len(name)]) + name + bytes([_TEXT]) + _LENGTH.pack(len(value)) + value


def event(kind: str, payload: bytes) -> bytes:
    """An event, its payload JSON."""
    return write(
        {":event-type": kind, ":content-type": "application/json", ":message-type": "event"},
        payload,
    )


def exception(kind: str, payload: bytes) -> bytes:
    """What ends a stream that breaks; `payload` is JSON with the `message`."""
    return write(
        {
            ":exception-type": kind,
            ":content-type": "application/json",
            ":message-type": "exception",
        },
        payload,
    )
