"""Vendors of other kinds of model than chat, all on one real socket: `/{vendor}/…`.

They answer in the shapes of their documentation, which are written down in the modules beside this
one, and remember what they were sent.
"""

import asyncio
import inspect
import json
from collections.abc import Callable
from typing import Any

from aiohttp import web
from msgspec import Struct

from tests.listening import Listening


class Seen(Struct):
    """A request as it arrived; `body` is empty where it is no JSON."""

    vendor: str
    path: str  # without the vendor, and with the query
    headers: dict[str, str]
    raw: bytes
    body: Any


class Refused(Exception):
    """The vendor answers `status`, with `body` in its own shape."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(status)
        self.status, self.body = status, body


class Stream(Struct):
    """Bytes in pieces. One that `breaks` closes its connection before its end; of one that `waits`
    the next piece goes out only when `go_on` is called."""

    content_type: str
    pieces: list[bytes]
    breaks: bool = False
    waits: asyncio.Semaphore | None = None

    async def send(self, request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": self.content_type})
        await response.prepare(request)
        for piece in self.pieces:
            await response.write(piece)
            if self.waits is not None:
                async with asyncio.timeout(10):
                    await self.waits.acquire()
        if self.breaks and request.transport is not None:
            request.transport.close()
        else:
            await response.write_eof()
        return response


Answer = Callable[[Seen], Any]  # JSON, or an answer as it stands


class Vendors(Listening):
    def __init__(self, answers: dict[str, Answer]) -> None:
        self.answers = answers
        self.seen: list[Seen] = []
        super().__init__()

    def url(self, vendor: str) -> str:
        return f"http://127.0.0.1:{self.port}/{vendor}"

    def last(self, vendor: str) -> Seen:
        return next(seen for seen in reversed(self.seen) if seen.vendor == vendor)

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        _, vendor, path = request.raw_path.split("/", 2)
        raw = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        body = json.loads(raw) if "json" in headers.get("content-type", "") else {}
        seen = Seen(vendor, f"/{path}", headers, raw, body)
        self.seen.append(seen)
        try:
            answer = self.answers[vendor](seen)
        except Refused as refused:
            return web.json_response(refused.body, status=refused.status)
        if inspect.isawaitable(answer):
            answer = await answer
        if isinstance(answer, Stream):
            return await answer.send(request)
        return answer if isinstance(answer, web.StreamResponse) else web.json_response(answer)
