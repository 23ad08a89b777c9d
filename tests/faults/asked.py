"""A call as it came to the upstream, and the pieces of which its answers are made."""

import asyncio
import socket
import struct
from dataclasses import dataclass

from tests.faults.faults import REPORTED
from tests.matrix.framing import dumps
from tests.matrix.scenarios import Answer
from tests.matrix.vendors import Vendor

TEXT = "Grüße aus Tromsø: 世界, 👋. " * 8
PAUSE_S = 0.02


@dataclass
class Asked:
    """A call as it came. `number`: how many came for this model before; `heard` is set when the
    client has the beginning of the answer: what breaks may break then."""

    vendor: Vendor
    model: str
    streams: bool
    number: int
    heard: asyncio.Event
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @property
    def whole(self) -> bytes:
        return dumps(self.vendor.answer(Answer(text=TEXT), self.model))

    @property
    def frames(self) -> list[bytes]:
        return self.vendor.stream(Answer(text=TEXT), self.model)

    @property
    def broken_frames(self) -> list[bytes]:
        """Half of the text; the last frame is an error."""
        half = Answer(text=TEXT[: len(TEXT) // 2], error=REPORTED, breaks=True)
        return self.vendor.stream(half, self.model)

    @property
    def kind(self) -> str:
        return self.vendor.STREAM_TYPE if self.streams else "application/json"

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def head(self, kind: str, length: int | None, status: int = 200, **more: str) -> None:
        """`length` None: what follows is in chunks."""
        framing = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
        lines = [f"HTTP/1.1 {status} X", f"Content-Type: {kind}", framing]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in more.items()]
        await self.send("\r\n".join([*lines, "\r\n"]).encode())

    async def respond(self, body: bytes, status: int = 200, **more: str) -> bool:
        await self.head("application/json", len(body), status, **more)
        await self.send(body)
        return True

    async def chunks(self, pieces: list[bytes]) -> None:
        for piece in pieces:
            await self.send(b"%x\r\n%s\r\n" % (len(piece), piece))

    async def begin(self) -> None:
        """Half of the answer; it returns when the client has some of it, if it streams."""
        await self.head(self.kind, None)
        if self.streams:
            await self.chunks(self.broken_frames[:-1])
            await self.heard.wait()
        else:
            await self.chunks([self.whole[: len(self.whole) // 2]])

    async def pace(self, pieces: list[bytes]) -> bool:
        """One after another, until the gateway hangs up."""
        for piece in pieces:
            await self.chunks([piece])
            await asyncio.sleep(PAUSE_S)
        return False

    async def hang(self) -> bool:
        """Nothing more, until the gateway hangs up."""
        await self.reader.read()
        return False

    def reset(self) -> bool:
        own = self.writer.get_extra_info("socket")
        own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()
        return False
