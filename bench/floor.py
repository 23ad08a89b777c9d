"""The floor that the gateway is measured against: a bare ASGI relay with no gateway in it.

It reads the body, decodes the JSON once, forwards the bytes and relays what comes back: no
authentication, routing, limits, translation or accounting. The gateway, which does all of those,
is judged by the share of this throughput that it keeps.
"""

import json
import os
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp

UPSTREAM = os.environ.get("UPSTREAM", "http://127.0.0.1:9100/v1")
HEADERS = {"content-type": "application/json", "authorization": "Bearer floor"}

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

_sessions: list[aiohttp.ClientSession] = []


async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    if scope["type"] != "http":
        return
    body = await _read(receive)
    if scope["method"] != "POST":
        await _start(send, 404)
        await send({"type": "http.response.body", "body": b""})
        return
    streaming = json.loads(body).get("stream")
    url = UPSTREAM + scope["path"].removeprefix("/v1")
    async with _session().post(url, data=body, headers=HEADERS) as response:
        kind = (b"content-type", response.headers["content-type"].encode())
        if streaming:
            await _start(send, response.status, kind)
            async for piece in response.content.iter_any():
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        else:
            answer = await response.read()
            await _start(send, response.status, kind, (b"content-length", b"%d" % len(answer)))
            await send({"type": "http.response.body", "body": answer})


async def _read(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


async def _start(send: Send, status: int, *headers: tuple[bytes, bytes]) -> None:
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})


def _session() -> aiohttp.ClientSession:
    if not _sessions:  # made in the server's loop, not at import
        connector = aiohttp.TCPConnector(limit=0)
        _sessions.append(aiohttp.ClientSession(connector=connector, auto_decompress=False))
    return _sessions[0]
