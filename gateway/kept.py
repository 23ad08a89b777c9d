"""An answer as its client got it, kept so that it can be given again."""

from collections.abc import Sequence
from urllib.parse import unquote

import msgspec
from msgspec import Struct

from gateway.formats.types import Usage

MAX_BYTES = 2 << 20
# What a piece needs beside its bytes, roughly: a stream of single letters is no small answer.
PIECE_BYTES = 64


class Kept(Struct, frozen=True, array_like=True):
    """An answer, to the byte. A stream is the pieces in which it was written; else there is one.

    `headers` are the answer's own: who gave it (`x-omniroute-provider`, `-model`, `-connection`)
    and what was left out. `made_at` is in Unix seconds.
    """

    status: int
    content_type: str
    stream: bool
    pieces: tuple[bytes, ...]
    headers: tuple[tuple[bytes, bytes], ...]
    usage: Usage | None
    made_at: float

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)

    @property
    def provider(self) -> str:
        return self._told(b"x-omniroute-provider")

    @property
    def model(self) -> str:
        return self._told(b"x-omniroute-model")

    @property
    def connection(self) -> str:
        return self._told(b"x-omniroute-connection")

    def _told(self, name: bytes) -> str:
        """A name as it is configured; "" where no target was reached."""
        return unquote(dict(self.headers).get(name, b"").decode("latin-1"))


class Recorder:
    """Listens to what is sent to a client, and gives up when that grows beyond `max_bytes`.

    Only what has ended cleanly becomes a `Kept`: `end` is called for no broken stream.
    """

    __slots__ = ("_pieces", "_room", "ended", "too_large")

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._pieces: list[bytes] = []
        self._room = max_bytes
        self.ended = self.too_large = False

    def add(self, piece: bytes) -> None:
        if self.too_large or not piece:
            return
        self._room -= len(piece) + PIECE_BYTES
        if self._room < 0:
            self.too_large = True
            self._pieces.clear()
        else:
            self._pieces.append(piece)

    def end(self) -> None:
        """All was added, and it is the whole answer."""
        self.ended = True

    def kept(
        self,
        *,
        status: int,
        content_type: str,
        stream: bool,
        headers: Sequence[tuple[bytes, bytes]],
        usage: Usage | None,
        made_at: float,
    ) -> Kept | None:
        """What was recorded; None where that did not end cleanly, or is too large."""
        if self.too_large or not self.ended:
            return None
        pieces = tuple(self._pieces)
        return Kept(status, content_type, stream, pieces, tuple(headers), usage, made_at)


# What msgspec raises for bytes that it cannot read as what they should be.
UNREADABLE = (msgspec.MsgspecError, ValueError, RecursionError)

encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Kept).decode


def decode(data: bytes) -> Kept | None:
    """None where this is no `Kept` of this version."""
    try:
        return _decode(data)
    except UNREADABLE:
        return None
