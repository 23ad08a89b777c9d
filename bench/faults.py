"""A provider that fails, as often as it is told to and each time in another way.

`python -m bench.faults PORT SEED`. Each credential (`sk-fault-…`) is a connection with a sequence of
fates of its own, drawn from the seed. `GET /tally` says what became of the calls.
"""

import asyncio
import json
import sys
from collections import Counter
from functools import cache
from random import Random
from typing import Any

import uvloop

from bench import upstream
from bench.upstream import END, STREAM_HEAD, Upstream

CREDENTIAL = "sk-fault-"
BEFORE_SHARE = 0.30
AFTER_SHARE = 0.02  # of the streams that begin
# A call's time, in seconds: before the first byte, and between pieces of a stream.
THINKS_S = (0.005, 0.04)
PAUSE_S = 0.01
PIECE = 8  # events

BEFORE = ("reset", "500", "503", "429", "html", "empty", "error first")
AFTER = ("reset", "cut", "clean end", "error event")


class Fates:
    """What becomes of the calls of one connection: `before` or `after` the first content, or
    nothing."""

    def __init__(self, seed: str) -> None:
        self._rng = Random(seed)

    def next(self, stream: bool) -> tuple[str, str]:
        """When it fails and how; `("", "")` where it answers."""
        if self._rng.random() < BEFORE_SHARE:
            return "before", self._rng.choice(BEFORE)
        if stream and self._rng.random() < AFTER_SHARE:
            return "after", self._rng.choice(AFTER)
        return "", ""

    def thinks_s(self) -> float:
        return self._rng.uniform(*THINKS_S)


def _answer(status: str, body: bytes, kind: str = "application/json") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _words(anthropic: bool, kind: str, message: str) -> bytes:
    error: dict[str, Any] = {"error": {"type": kind, "message": message}}
    return json.dumps({"type": "error", **error} if anthropic else error).encode()


def _event(data: bytes) -> bytes:
    return upstream.chunk(b"event: error\ndata: " + data + b"\n\n")


def refusal(how: str, anthropic: bool, stream: bool) -> bytes:
    """What is sent in the place of an answer; nothing where the connection is reset."""
    broken = _words(anthropic, "api_error", "something went wrong")
    match how:
        case "500":
            return _answer("500 Internal Server Error", broken)
        case "503":
            return _answer("503 Service Unavailable", b"upstream connect error", "text/plain")
        case "429":
            words = _words(anthropic, "rate_limit_error", "too many requests")
            return _answer("429 Too Many Requests", words)
        case "html":
            return _answer(
                "200 OK", b"<html><body>Sign in to the network</body></html>", "text/html"
            )
        case "empty":
            return STREAM_HEAD + END if stream else _answer("200 OK", b"")
        case "error first":
            return STREAM_HEAD + _event(broken) + END if stream else _answer("200 OK", broken)
    return b""


class Faulty(Upstream):
    """One connection to it."""

    def _answer(self, head: bytes, body: bytes) -> None:
        if head.split(b" ", 2)[1] == b"/tally":
            self.transport.write(_answer("200 OK", json.dumps(seen).encode()))
            return
        at = head.find(CREDENTIAL.encode())
        credential = head[at:].split(b"\r\n", 1)[0].decode()
        compact = body.replace(b" ", b"")
        upstream.keep(
            self._serve(
                _fates(credential),
                b"/messages" in head.split(b" ", 2)[1],
                b'"stream":true' in compact,
                b'"include_usage":true' in compact,
            )
        )

    async def _serve(self, fate: Fates, anthropic: bool, stream: bool, usage: bool) -> None:
        when, how = fate.next(stream)
        await asyncio.sleep(fate.thinks_s())
        if self.transport.is_closing():
            seen["left"] += 1
            return
        seen[f"{when}: {how}" if when else "answered"] += 1
        if when == "before":
            self._refuse(refusal(how, anthropic, stream))
        elif stream:
            events = upstream.ANTHROPIC_STREAM if anthropic else _openai(usage)
            await self._write(events, how)
        else:
            plain = upstream.ANTHROPIC_ANSWER if anthropic else upstream.OPENAI_ANSWER
            self.transport.write(plain)

    def _refuse(self, answer: bytes) -> None:
        if answer:
            self.transport.write(answer)
        else:
            self.transport.abort()

    async def _write(self, events: list[bytes], how: str) -> None:
        self.transport.write(STREAM_HEAD)
        kept = events[: len(events) // 2] if how else events
        for first in range(0, len(kept), PIECE):
            if self.transport.is_closing():
                return
            self.transport.write(b"".join(kept[first : first + PIECE]))
            await asyncio.sleep(PAUSE_S)
        match how:
            case "reset":
                self.transport.abort()
            case "cut":
                self.transport.close()
            case "clean end":
                self.transport.write(END)
            case "error event":
                anthropic = events is upstream.ANTHROPIC_STREAM
                words = _words(anthropic, "overloaded_error", "the model is gone")
                self.transport.write(_event(words) + END)


def _openai(usage: bool) -> list[bytes]:
    told = upstream.OPENAI_STREAM_USAGE if usage else []
    return upstream.OPENAI_STREAM + told + upstream.OPENAI_STREAM_END


seen: Counter[str] = Counter()
_seed = ""


@cache
def _fates(credential: str) -> Fates:
    return Fates(f"{_seed} {credential}")


async def main(port: int, seed: str) -> None:
    global _seed
    _seed = seed
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Faulty, "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), sys.argv[2]))
