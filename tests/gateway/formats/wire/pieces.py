"""What streams are made of, so that a test can put something else in one place."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from tests.gateway.formats.wire.messages import message, messages

_OBJECT = re.compile(rb"(?:data:\s*)?(\{.*\})\s*")


@dataclass(frozen=True)
class Piece:
    """Of a stream: a line, or a message. `content` is the JSON in it, if there is any, and
    `framed` gives the piece with other JSON in its place."""

    data: bytes
    content: bytes | None
    framed: Callable[[bytes], bytes]


def pieces(data: bytes) -> list[Piece]:
    if data.startswith(b"\0"):  # the length of a binary message, and no text
        return [
            Piece(message(headers, payload), payload or None, partial(message, headers))
            for headers, payload in messages(data)
        ]
    return [_line(line) for line in data.splitlines(keepends=True)]


def _line(line: bytes) -> Piece:
    found = _OBJECT.fullmatch(line)
    if found is None:
        return Piece(line, None, bytes)
    start, end = found.span(1)
    return Piece(line, found[1], lambda content: line[:start] + content + line[end:])


def replaced(told: list[Piece], place: int, content: bytes) -> bytes:
    """The stream, with other JSON in one place."""
    data = [piece.data for piece in told]
    data[place] = told[place].framed(content)
    return b"".join(data)
