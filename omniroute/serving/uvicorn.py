"""uvicorn, with a limit on how long and how large a request's headers may be."""

import asyncio
import contextlib
import functools
import logging
import signal
import socket
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from gateway.exchange import ABORT, LEAVING
from omniroute.serving import (
    CANCEL_S,
    HEADERS_BYTES,
    HEADERS_TIMEOUT_S,
    KEEPALIVE_S,
    SOCKET_BYTES,
    SOCKET_PING_S,
    is_socket,
    refusal,
)
from omniroute.serving.accepting import Acceptor

if TYPE_CHECKING:
    from gateway.runtime import Runtime


class HeadersTooLarge(Exception):
    """Ends the parsing of a request."""


class Outgoing:
    """Where a response is written to. ASGI has it that the head goes out with what comes first of
    the body; uvicorn writes it apart, which costs a system call and a packet each time."""

    __slots__ = ("_cycle", "_head", "_is_begun", "_transport", "is_closing")

    def __init__(self, cycle: RequestResponseCycle, transport: asyncio.Transport) -> None:
        self._cycle, self._transport = cycle, transport
        self._head = b""
        self._is_begun = cycle.scope["method"] == "HEAD"  # after whose head nothing is written
        self.is_closing = transport.is_closing

    def write(self, data: bytes) -> None:
        if not self._is_begun and self._cycle.response_started:  # else it is `100 Continue`
            self._is_begun, self._head = True, data
            return
        if self._head:
            data, self._head = self._head + data, b""
        self._transport.write(data)

    def close(self) -> None:
        if self._head:
            self.write(b"")
        self._transport.close()


class Protocol(HttpToolsProtocol):
    """uvicorn waits for headers without end, and reads them without bound."""

    def __init__(self, *args: Any, headers_timeout_s: float, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._headers_timeout_s = headers_timeout_s
        self._timer: asyncio.TimerHandle | None = None
        self._unparsed = 0  # bytes that belong neither to a body nor to headers that are complete
        self._are_too_large = False  # the headers
        self._leaving: Callable[[], None] | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super().connection_lost(exc)
        leaving, self._leaving = self._leaving, None
        if leaving is not None:
            leaving()

    def tell_leaving(self, leaving: Callable[[], None] | None) -> None:
        """Call `leaving` when the client leaves, or at once where it has left."""
        self._leaving = leaving
        if leaving is None:
            return
        if self.transport.is_closing():
            self._leaving = None
            self.loop.call_soon(leaving)
        else:
            self.flow.resume_reading()  # of a client that is not read from nobody sees the end

    def data_received(self, data: bytes) -> None:
        self._unparsed += len(data)
        super().data_received(data)
        # The parser keeps a header to itself until its end, so its callbacks do not see this.
        if self._unparsed > HEADERS_BYTES:
            self._refuse(b"431 Request Header Fields Too Large")
        elif self._unparsed and self._timer is None and self._is_idle():
            self._arm()

    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    # --- The parser's callbacks ---

    def on_message_begin(self) -> None:
        super().on_message_begin()
        extensions: dict[str, Any] = {ABORT: self.transport.abort, LEAVING: self.tell_leaving}
        self.scope["extensions"] = extensions

    def on_headers_complete(self) -> None:
        self._disarm()
        self._unparsed = 0
        size = sum([len(name) + len(value) + 4 for name, value in self.headers])
        if len(self.url) + size > HEADERS_BYTES:
            self._are_too_large = True
            raise HeadersTooLarge  # uvicorn then calls `send_400_response`
        before = self.cycle
        super().on_headers_complete()
        if self.cycle is not before:  # an upgrade makes none
            self.cycle.transport = Outgoing(self.cycle, self.transport)  # type: ignore[assignment]  # as much of one as it uses

    def on_body(self, body: bytes) -> None:
        self._unparsed = 0
        super().on_body(body)

    # --- Refusals ---

    def send_400_response(self, msg: str) -> None:
        if self._are_too_large:
            self._refuse(b"431 Request Header Fields Too Large")
        else:
            super().send_400_response(msg)

    def _should_upgrade(self) -> bool:
        # Amid the response to an earlier request uvicorn would take the connection away from that.
        return super()._should_upgrade() and is_socket(self.url) and self._is_idle()

    def _unsupported_upgrade_warning(self) -> None:
        """Elsewhere nothing is served over an upgrade: whoever asks for one may go on without."""

    def _arm(self) -> None:
        self._timer = self.loop.call_later(self._headers_timeout_s, self._late)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _late(self) -> None:
        self._timer = None
        if self._unparsed:
            self._refuse(b"408 Request Timeout")
        else:
            self.transport.close()

    def _refuse(self, status: bytes) -> None:
        self._disarm()
        if self.transport.is_closing():
            return
        if self._is_idle():  # else it would end up inside the response to an earlier request
            self.transport.write(refusal(status))
        self.transport.close()


class Server(uvicorn.Server):
    def __init__(
        self, config: uvicorn.Config, process: "Runtime", ready: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._process, self._ready = process, ready
        self._connecting: set[asyncio.Task[None]] = set()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await self.lifespan.startup()  # which is off, and has the state that protocols ask for
        loop = asyncio.get_running_loop()
        self._acceptors = [Acceptor(loop, listener, self._take) for listener in sockets or []]
        for acceptor in self._acceptors:
            acceptor.start()
        self.servers = []
        self.started = True
        self._ready()

    def _take(self, connection: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        task = loop.create_task(self._connect(connection))
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)

    async def _connect(self, connection: socket.socket) -> None:
        try:
            await asyncio.get_running_loop().connect_accepted_socket(self._protocol, connection)
        except OSError:  # the client has gone
            connection.close()

    def _protocol(self) -> asyncio.Protocol:
        return self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config,
            server_state=self.server_state,
            app_state=self.lifespan.state,
        )

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop at a signal, and return: uvicorn would raise the signal again at the end."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        yield

    def _stop(self) -> None:
        self._process.draining = self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """The drain. What is cancelled at its end still accounts for itself."""
        for acceptor in self._acceptors:
            acceptor.close()
        if self._connecting:  # they would miss being told to close
            await asyncio.wait(self._connecting)
        await super().shutdown(sockets)
        if self.server_state.tasks:
            await asyncio.wait(self.server_state.tasks, timeout=CANCEL_S)


def run(
    listener: socket.socket,
    application: Any,
    process: "Runtime",
    grace_s: float,
    ready: Callable[[], None],
    headers_timeout_s: float = HEADERS_TIMEOUT_S,
) -> None:
    config = uvicorn.Config(
        application,
        loop="uvloop",
        http=functools.partial(Protocol, headers_timeout_s=headers_timeout_s),  # type: ignore[arg-type]  # all that it does is call it
        ws="websockets-sansio",
        ws_max_size=SOCKET_BYTES,
        ws_ping_interval=SOCKET_PING_S,
        ws_ping_timeout=SOCKET_PING_S,
        ws_per_message_deflate=False,
        lifespan="off",
        log_config=None,
        log_level=logging.WARNING,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=int(KEEPALIVE_S),
        timeout_graceful_shutdown=grace_s,  # type: ignore[arg-type]  # asyncio.wait_for takes a float
    )
    logging.getLogger("uvicorn.error").addFilter(_is_no_cancellation)
    server = Server(config, process, ready)

    async def serve() -> None:
        await process.open()
        await server.serve([listener])
        await process.close()

    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(serve())


def _is_no_cancellation(record: logging.LogRecord) -> bool:
    """A request that the end of the grace cancels is no fault of the application's."""
    return not (record.exc_info and record.exc_info[0] is asyncio.CancelledError)
