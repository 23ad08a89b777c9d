"""A request that is a form with one large file: taken from the client no faster than it is sent on.

Whoever wants more than has arrived reads from the client. What has arrived is kept too, in memory
while it is small and then in a file without a name, so that another target can be sent the same.
That is written and read where the loop runs: pieces of a network's size go through the page cache.
"""

import asyncio
import os
import tempfile
from collections.abc import AsyncGenerator
from hashlib import sha256
from time import monotonic
from typing import IO

import msgspec
from msgspec import Struct

from gateway.errors import BadRequest, GatewayError, RequestTimeout
from gateway.exchange import BODY_TIMEOUT_S, Exchange
from gateway.formats.multipart import Form
from gateway.formats.types import JSONDict

MEMORY_BYTES = 256 << 10
PIECE_BYTES = 64 << 10
FIELDS_BYTES = 1 << 20
# How long a client may be waited for in all: less than an attempt usually has, so that its slowness
# is not taken for the provider's.
PATIENCE_S = 300.0


class Upload:
    """`failed`: why the client's part of it came to nothing."""

    def __init__(self, exchange: Exchange, form: Form, max_bytes: int) -> None:
        """Raises as `Exchange.read_body` does before it reads."""
        exchange.begin_body(max_bytes)
        self._exchange, self._form, self._max_bytes = exchange, form, max_bytes
        self._turn = asyncio.Lock()
        self._patience_s = PATIENCE_S
        self._head = bytearray()  # while all is in memory, that is the file
        self._file: IO[bytes] | None = None
        self._digest = ""
        self.size = 0  # of the file, as far as it has arrived
        self.failed: GatewayError | None = None

    @property
    def is_whole(self) -> bool:
        """Has all of the form arrived?"""
        return self._form.is_over

    @property
    def parts(self) -> int:
        """How many parts of the form are known: more may follow the file."""
        return self._form.parts

    @property
    def head(self) -> bytes:
        """How the file begins."""
        return bytes(self._head)

    def fields(self) -> JSONDict:
        """What is known of the form, the file included."""
        file = self._form.file
        if file is None:
            return dict(self._form.fields)
        told = msgspec.structs.replace(file, digest=self._digest)
        return {**self._form.fields, self._form.streamed: told}

    async def begin(self, *needed: str) -> None:
        """Read up to the file, and past it where it comes before a field that is needed.

        Raises: as `Exchange.next_piece`; `BadRequest` where it is no form.
        """
        while not self.is_whole and (
            self._form.file is None or any(name not in self._form.fields for name in needed)
        ):
            await self._more()

    async def take(self) -> None:
        """Have all of it, with its digest. Raises as `begin` does."""
        while not self.is_whole:
            await self._more()
        self._digest = await asyncio.to_thread(self._sum)

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """The file from its beginning, as it arrives. Raises as `begin` does."""
        at = 0
        while True:
            async with self._turn:
                while at >= self.size and not self.is_whole:
                    await self._more()
            piece = self._read(at)
            if not piece:
                return
            at += len(piece)
            yield piece

    @property
    def likely_size(self) -> int:
        """Of the whole file, as far as the client has told how much it sends."""
        declared = self._exchange.headers.get(b"content-length", b"0")
        return self.size if self.is_whole else max(self.size, int(declared))

    def close(self) -> None:
        if self._file is not None:
            self._file.close()  # who would read it still gets an error, and not half of it

    async def _more(self) -> None:
        try:
            await self._receive()
        except GatewayError as error:
            self.failed = error
            raise

    async def _receive(self) -> None:
        if self._patience_s <= 0:
            raise RequestTimeout("the request body took too long")
        began = monotonic()
        data = await self._exchange.next_piece(
            self._max_bytes, min(BODY_TIMEOUT_S, self._patience_s)
        )
        self._patience_s -= monotonic() - began
        if data is None:
            raise self.failed or BadRequest("the form does not end")
        self._write(self._form.feed(data))
        if not self._exchange.is_reading:
            self._form.close()

    # --- What has arrived ---------------------------------------------------------------------

    def _write(self, data: bytes) -> None:
        self.size += len(data)
        if self._file is None:
            if self.size <= MEMORY_BYTES:
                self._head += data
                return
            self._file = tempfile.TemporaryFile()  # noqa: SIM115  # see close
            self._file.write(self._head)
        self._file.seek(0, os.SEEK_END)
        self._file.write(data)

    def _read(self, at: int) -> bytes:
        if self._file is None:
            return bytes(self._head[at : at + PIECE_BYTES])
        self._file.seek(at)
        return self._file.read(PIECE_BYTES)

    def _sum(self) -> str:
        if self._file is None:
            return sha256(self._head).hexdigest()
        self._file.flush()
        found, at = sha256(), 0
        while piece := os.pread(self._file.fileno(), 1 << 20, at):
            found.update(piece)
            at += len(piece)
        return found.hexdigest()


class FieldsFollow(Exception):
    """The form says more than was known when it was begun to be sent."""


class Sending(Struct, frozen=True):
    """A body with the file in it, and what else was known of the form when it had so many `parts`.
    `size` is null where that is not known yet."""

    upload: Upload
    parts: int
    before: bytes = b""
    after: bytes = b""

    @property
    def size(self) -> int | None:
        if not self.upload.is_whole:
            return None
        return len(self.before) + self.upload.size + len(self.after)

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        if self.before:
            yield self.before
        async for piece in self.upload.pieces():
            yield piece
        if self.upload.parts != self.parts:  # what has no end asks for nothing
            raise FieldsFollow
        if self.after:
            yield self.after
