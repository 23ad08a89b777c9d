"""The floor that a Python gateway is measured against: a bare ASGI relay with no gateway in it.

    UPSTREAM=http://127.0.0.1:9100/v1 uvicorn --port 9001 --no-access-log floor:app

It reads the body, decodes the JSON once, forwards the bytes and relays what comes back: no
authentication, routing, limits, translation or accounting. A gateway that does all of those is
judged by the share of this throughput that it keeps.
"""

import json
import os

import aiohttp

UPSTREAM = os.environ.get("UPSTREAM", "http://127.0.0.1:9100/v1")
session = None


async def app(scope, receive, send):
    global session
    if scope["type"] != "http":
        return
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    if session is None:
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0), auto_decompress=False
        )
    if scope["method"] != "POST":
        await send({"type": "http.response.start", "status": 404, "headers": []})
        await send({"type": "http.response.body", "body": b""})
        return
    streaming = json.loads(body).get("stream")
    headers = {"content-type": "application/json", "authorization": "Bearer x"}
    url = UPSTREAM + scope["path"].removeprefix("/v1")
    async with session.post(url, data=body, headers=headers) as response:
        kind = response.headers["content-type"].encode()
        if not streaming:
            answer = await response.read()
            length = str(len(answer)).encode()
            await send(
                {
                    "type": "http.response.start",
                    "status": response.status,
                    "headers": [(b"content-type", kind), (b"content-length", length)],
                }
            )
            await send({"type": "http.response.body", "body": answer})
            return
        await send(
            {
                "type": "http.response.start",
                "status": response.status,
                "headers": [(b"content-type", kind)],
            }
        )
        async for piece in response.content.iter_any():
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
