"""A client that tells all it met: every call has a connection of its own, and nothing is tried twice."""

import asyncio
import json
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

PATHS = {"openai": "/v1/chat/completions", "anthropic": "/v1/messages"}
PROMPT = "You are terse. Say hello many times please."
TIMEOUT_S = 60.0


@dataclass
class Reply:
    """What came back. `status` is 0 where nothing did; `whole`: HTTP says that the body is complete.

    Times are on the monotonic clock, `port` is the client's own.
    """

    format: str
    stream: bool
    began: float = 0.0
    ended: float = 0.0
    port: int = 0
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    whole: bool = False
    error: str = ""

    @property
    def id(self) -> str:
        """The gateway's; empty where it could not say it."""
        return self.headers.get("x-request-id", "")


def request(format: str, stream: bool, model: str, max_tokens: int) -> bytes:
    """A body in the client's format."""
    body: dict[str, Any] = {
        "model": model,
        "stream": stream,
        "max_tokens": max_tokens,
        "messages": [{"role": "user", "content": PROMPT}],
    }
    return json.dumps(body).encode()


async def post(port: int, format: str, stream: bool, key: str, body: bytes) -> Reply:
    """Ask the gateway at `port`. Raises nothing: what went wrong is in the reply."""
    reply = Reply(format, stream, began=monotonic())
    writer = None
    try:
        async with asyncio.timeout(TIMEOUT_S):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            reply.port = writer.get_extra_info("sockname")[1]
            writer.write(_head(PATHS[format], key, len(body)) + body)
            await _read(reader, reply)
    except (OSError, EOFError, ValueError, asyncio.LimitOverrunError) as error:
        reply.error = f"{type(error).__name__}: {error}"[:200]
    finally:
        if writer is not None:
            writer.close()
    reply.ended = monotonic()
    return reply


def _head(path: str, key: str, length: int) -> bytes:
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: 127.0.0.1",
        "Content-Type: application/json",
        f"Authorization: Bearer {key}",
        "anthropic-version: 2023-06-01",
        "Connection: close",
        f"Content-Length: {length}",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


async def _read(reader: asyncio.StreamReader, reply: Reply) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    status, *lines = head.strip().split("\r\n")
    reply.status = int(status.split(" ", 2)[1])
    reply.headers = {
        name.strip().lower(): value.strip()
        for name, _, value in (line.partition(":") for line in lines)
    }
    if reply.headers.get("transfer-encoding") == "chunked":
        while size := int(await reader.readuntil(b"\r\n"), 16):
            reply.body += (await reader.readexactly(size + 2))[:-2]
        await reader.readuntil(b"\r\n")
    else:
        reply.body = await reader.readexactly(int(reply.headers["content-length"]))
    reply.whole = True
