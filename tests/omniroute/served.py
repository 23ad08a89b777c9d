"""`python -m tests.omniroute.served SERVER HEADERS_TIMEOUT GRACE`: a small application, served.

It says `ready PORT` when it accepts, and what happens at its end.
"""

import asyncio
import importlib
import os
import socket
import sys
from types import SimpleNamespace
from typing import Any

TAIL = b"t" * 300_000  # more than a connection's buffer takes at once
LARGE = b"l" * 16_000_000  # more than the kernel takes from it
PIECE, PIECES = b"f" * 65_536, 1_600


class Process:
    """What a server asks of the process's runtime."""

    def __init__(self) -> None:
        self.active = 0
        self.drain = asyncio.Event()
        self.max_body_bytes = 1 << 20
        self.snapshot = SimpleNamespace(keys={}, require_api_key=False)

    @property
    def draining(self) -> bool:
        return self.drain.is_set()

    @draining.setter
    def draining(self, value: bool) -> None:
        assert value
        self.drain.set()

    async def open(self) -> None:
        """Nothing here has to."""

    async def close(self) -> None:
        print("closed", flush=True)


class Application:
    """Answers by the path; each answer is a method."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._produced = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self._process.active += 1
        try:
            answer = getattr(self, scope["path"].strip("/") or "hello")
            await answer(send)
        finally:
            self._process.active -= 1

    async def hello(self, send: Any) -> None:
        await start(send)
        await send({"type": "http.response.body", "body": b"hello"})

    async def large(self, send: Any) -> None:
        await start(send)
        await send({"type": "http.response.body", "body": LARGE})

    async def until_drain(self, send: Any) -> None:
        """A stream that the drain finds open."""
        await start(send)
        await piece(send, b"head")
        await self._process.drain.wait()
        for _ in range(5):
            await piece(send, b".")
            await asyncio.sleep(0.02)
        await send({"type": "http.response.body", "body": TAIL})

    async def endless(self, send: Any) -> None:
        await start(send)
        await piece(send, b"head")
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)  # an account takes a moment
            print("accounted", flush=True)

    async def broken(self, send: Any) -> None:
        await start(send)
        await piece(send, b"head")
        raise LookupError("a fault of ours")

    async def flood(self, send: Any) -> None:
        self._produced = 0
        await start(send)
        for _ in range(PIECES):
            await piece(send, PIECE)
            self._produced += len(PIECE)
        await send({"type": "http.response.body", "body": b""})

    async def state(self, send: Any) -> None:
        """The flood's bytes so far, and how many other requests are being answered."""
        await start(send)
        text = f"{self._produced} {self._process.active - 1}"
        await send({"type": "http.response.body", "body": text.encode()})


async def start(send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})


async def piece(send: Any, data: bytes) -> None:
    await send({"type": "http.response.body", "body": data, "more_body": True})


def main(server: str, headers_timeout_s: str, grace_s: str) -> None:
    if server == "daphne":  # which knows keys
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "omniroute.settings")
        import django

        django.setup()
    run = importlib.import_module(f"omniroute.serving.{server}").run
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    listener.setblocking(False)
    port = listener.getsockname()[1]
    process = Process()
    run(
        listener,
        Application(process),
        process,
        float(grace_s),
        lambda: print(f"ready {port}", flush=True),
        headers_timeout_s=float(headers_timeout_s),
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
