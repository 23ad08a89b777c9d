"""uvicorn, with a limit on how long and how large a request's headers may be."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Iterator
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gateway.runtime import Runtime
from omniroute.serving import HEADERS_BYTES, HEADERS_TIMEOUT_S, KEEPALIVE_S


class Protocol(HttpToolsProtocol):
    """uvicorn waits for headers without end, and reads them without bound."""

    headers_timeout_s = HEADERS_TIMEOUT_S
    _timer: asyncio.TimerHandle | None = None
    _in_headers = False
    _size = 0

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        # Headers that came in one piece, as nearly all do, cost no timer and no count.
        if self._in_headers and not self.transport.is_closing():
            self._size += len(data)
            if self._size > HEADERS_BYTES:
                self._refuse(b"431 Request Header Fields Too Large")
            elif self._timer is None:
                self._arm()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_headers, self._size = True, 0

    def on_headers_complete(self) -> None:
        self._in_headers = False
        if self._timer is not None:
            self._disarm()
        super().on_headers_complete()

    def _arm(self) -> None:
        self._timer = self.loop.call_later(self.headers_timeout_s, self._late)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _late(self) -> None:
        self._timer = None
        self._refuse(b"408 Request Timeout")

    def _refuse(self, status: bytes) -> None:
        self.transport.write(
            b"HTTP/1.1 " + status + b"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        )
        self.transport.close()


class Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, process: Runtime) -> None:
        super().__init__(config)
        self.process = process

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop at a signal, and return: uvicorn would raise the signal again at the end."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        yield

    def _stop(self) -> None:
        self.process.draining = self.should_exit = True


def run(listener: socket.socket, application: Any, process: Runtime, grace_s: float) -> None:
    server = Server(
        uvicorn.Config(
            application,
            loop="uvloop",
            http=Protocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=int(KEEPALIVE_S),
            timeout_graceful_shutdown=max(1, round(grace_s)),
            backlog=2048,
        ),
        process,
    )

    async def serve() -> None:
        await server.serve([listener])
        await process.close()

    with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
        runner.run(serve())
