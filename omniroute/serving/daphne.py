"""Daphne, with what it lacks: a drain at SIGTERM, back-pressure, and limits on what is sent to it.

Daphne reads a whole body before it calls the application. A body that will be refused anyway, for
its size or because a stranger sends it, is therefore not read at all: the application is called at
once, sees the headers and no body, says no, and the connection is closed.
"""

import asyncio
import logging
import signal
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote

import uvloop
from twisted.internet import asyncioreactor

loop = uvloop.new_event_loop()
asyncioreactor.install(loop)  # before daphne.server installs one of its own

from daphne import server as daphne_server
from daphne.http_protocol import HTTPFactory, WebRequest
from daphne.ws_protocol import WebSocketFactory, WebSocketProtocol
from twisted.internet import reactor
from twisted.logger import (
    FilteringLogObserver,
    LogLevel,
    LogLevelFilterPredicate,
    STDLibLogObserver,
    globalLogBeginner,
)
from twisted.web import http

from accounts.keys import hash_key
from gateway.exchange import ABORT, BODY_TIMEOUT_S, KEY_HEADERS, LEAVING
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

STRANGER_BODY_BYTES = 64 << 10  # enough to sign in


class Request(WebRequest):
    """A request that is also a producer: while its client does not read, `send` waits."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.writable = asyncio.Event()
        self.writable.set()
        self._received = 0
        self._limit = 0
        self._timer: asyncio.TimerHandle | None = None
        self._leaving: Callable[[], None] | None = None

    # --- What comes in ---

    def gotLength(self, length: int | None) -> None:
        super().gotLength(length)
        if length == 0:
            return
        self._timer = loop.call_later(BODY_TIMEOUT_S, self._late)
        most = self.server.process.max_body_bytes
        known = self._is_known()
        self._limit = most if known else STRANGER_BODY_BYTES
        if (length or 0) > self._limit or (length is None and not known):
            self._read_no_further()

    def _is_known(self) -> bool:
        headers = self.requestHeaders
        if headers.hasHeader(b"cookie") and not self._asks_data_plane():
            return True  # a session is Django's to judge, with a bound of its own
        keys = self.server.process.snapshot.keys
        given = [
            value.rpartition(b" ")[2].decode("latin-1")
            for name in (b"authorization", *KEY_HEADERS)
            for value in headers.getRawHeaders(name, [])
        ]
        query = self.channel._path.partition(b"?")[2].decode("latin-1")
        given += parse_qs(query).get("key", [])  # where Gemini's clients may put it
        return not self.server.process.snapshot.require_api_key or any(
            hash_key(key) in keys for key in given
        )

    def _asks_data_plane(self) -> bool:
        from gateway.asgi import is_data_plane  # it needs Django's models, this module does not

        path = self.channel._path.partition(b"?")[0]
        return is_data_plane(unquote(path.decode("latin-1")))

    def _read_no_further(self) -> None:
        self.channel.persistent = False
        self.channel.length = 0

    def handleContentChunk(self, data: bytes) -> None:
        self._received += len(data)
        # One byte too many is kept, so that the application sees that there were.
        room = self._limit + 1 - (self._received - len(data))
        if room > 0:
            super().handleContentChunk(data[:room])

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        """Twisted would read a form out of the body for nobody, and its type as e-mail does."""
        self.content.seek(0)
        self.method, self.uri, self.clientproto = command, path, version
        self.path = path.partition(b"?")[0]
        self.args: dict[bytes, list[bytes]] = {}
        self.process()

    def process(self) -> Any:
        self._disarm()
        headers = self.requestHeaders
        if headers.hasHeader(b"upgrade"):
            if is_socket(self.path):
                # Once Daphne has taken over the connection, nobody tells its channel of the end.
                self.channel.factory.channels.discard(self.channel)
            else:
                # Nothing is served over an upgrade, so this is answered like any other request.
                # Daphne looks at the first value only.
                headers.setRawHeaders(b"upgrade", [b"", *headers.getRawHeaders(b"upgrade")])
        return super().process()

    def _late(self) -> None:
        if self.channel is not None:
            self.channel.forceAbortClient()

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # --- What goes out: Twisted calls these as the connection's buffer fills and empties ---

    def pass_on(self, data: bytes) -> None:
        if not self.finished and self.channel is not None:
            http.Request.write(self, data)

    def pauseProducing(self) -> None:
        self.writable.clear()

    def resumeProducing(self) -> None:
        self.writable.set()

    def stopProducing(self) -> None:
        self.writable.set()

    def handle_reply(self, message: dict[str, Any]) -> None:
        starts = message.get("type") == "http.response.start"
        if starts and not self.finished and self.channel is not None and self.producer is None:
            self.registerProducer(self, True)
        super().handle_reply(message)

    def handle_exception(self, exception: BaseException) -> None:
        # Daphne would begin another answer, fail at that, and look after no connection any more.
        if not self._response_started:
            super().handle_exception(exception)
        elif self.channel is not None:
            self.channel.transport.abortConnection()

    def finish(self) -> None:
        if self.producer is not None:
            self.unregisterProducer()
        self.writable.set()  # nobody else would, now
        super().finish()

    def connectionLost(self, reason: Any) -> None:
        self._disarm()
        self.writable.set()
        super().connectionLost(reason)
        leaving, self._leaving = self._leaving, None
        if leaving is not None:
            leaving()

    def tell_leaving(self, leaving: Callable[[], None] | None) -> None:
        """Call `leaving` when the client leaves, or at once where it has left."""
        self._leaving = leaving
        if leaving is not None and self._disconnected:
            self._leaving = None
            loop.call_soon(leaving)


class Channel(http.HTTPChannel):
    """A connection."""

    totalHeadersSize = HEADERS_BYTES
    MAX_LENGTH = HEADERS_BYTES  # of a line
    requestFactory = Request
    _timer: asyncio.TimerHandle | None = None

    def connectionMade(self) -> None:
        super().connectionMade()
        self.factory.channels.add(self)
        self._awaits_headers, self._heard = True, False
        self._arm()

    def dataReceived(self, data: bytes) -> None:
        self._heard = True
        if self._awaits_headers and self._timer is None:
            self._arm()
        super().dataReceived(data)

    def allHeadersReceived(self) -> None:
        self._awaits_headers = False
        self._disarm()
        super().allHeadersReceived()

    def requestDone(self, request: Request) -> None:
        self._awaits_headers, self._heard = True, False
        super().requestDone(request)

    def connectionLost(self, reason: Any) -> None:
        self._disarm()
        self.factory.channels.discard(self)
        super().connectionLost(reason)

    def close_when_idle(self) -> None:
        self.persistent = False
        if self._awaits_headers:
            self.loseConnection()

    def _arm(self) -> None:
        self._timer = loop.call_later(self.factory.server.headers_timeout_s, self._late)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _late(self) -> None:
        self._timer = None
        if self._heard:
            self.transport.write(refusal(b"408 Request Timeout"))
        self.loseConnection()


class Factory(HTTPFactory):
    """Knows its connections, so that a drain can close them."""

    protocol = Channel

    def __init__(self, server: "Server") -> None:
        super().__init__(server)
        self.timeOut = KEEPALIVE_S
        self.channels: set[Channel] = set()

    def buildProtocol(self, addr: Any) -> Channel:
        # Daphne's own would put its request class into the channel.
        channel: Channel = http.HTTPFactory.buildProtocol(self, addr)
        return channel

    def log(self, request: Request) -> None:
        """Twisted would write an access log, which here nobody reads."""


class Server(daphne_server.Server):
    def __init__(
        self,
        listener: socket.socket,
        application: Any,
        process: "Runtime",
        headers_timeout_s: float,
    ) -> None:
        # Daphne's `run` listens on its endpoints; ours does not look at them.
        super().__init__(application, endpoints=["none"], server_name="")
        self.process, self.headers_timeout_s = process, headers_timeout_s
        self.connections: dict[Request | WebSocketProtocol, dict[str, Any]] = {}
        self._factory = Factory(self)
        self.ws_factory = WebSocketFactory(self, server=None)
        self.ws_factory.setProtocolOptions(
            failByDrop=False,  # it says why it closes
            allowNullOrigin=True,  # the application judges origins
            maxMessagePayloadSize=SOCKET_BYTES,
            maxFramePayloadSize=SOCKET_BYTES,
            autoPingInterval=SOCKET_PING_S,
            autoPingTimeout=SOCKET_PING_S,
        )
        self._acceptor = Acceptor(loop, listener, self._take)
        self._opening: asyncio.Task[None] | None = None
        self._drain: asyncio.Task[None] | None = None

    def run(self, grace_s: float, ready: Callable[[], None]) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop, grace_s)
        asyncio.set_event_loop(loop)
        reactor.callWhenRunning(self._begin, ready)
        reactor.callLater(1, self.application_checker)
        reactor.run(installSignalHandlers=False)

    def _begin(self, ready: Callable[[], None]) -> None:
        self._opening = loop.create_task(self._open(ready))

    async def _open(self, ready: Callable[[], None]) -> None:
        await self.process.open()
        self._acceptor.start()
        ready()

    def _take(self, connection: socket.socket) -> None:
        with connection:  # of which Twisted makes a duplicate
            try:
                reactor.adoptStreamConnection(connection.fileno(), connection.family, self._factory)
            except OSError:
                return  # the client has gone

    def create_application(self, protocol: Any, scope: dict[str, Any]) -> Any:
        if scope["type"] == "http":
            abort = protocol.channel.transport.abortConnection
            scope["extensions"] = {ABORT: abort, LEAVING: protocol.tell_leaving}
        return super().create_application(protocol, scope)

    async def handle_reply(self, protocol: Any, message: dict[str, Any]) -> None:
        if isinstance(protocol, WebSocketProtocol):
            await super().handle_reply(protocol, message)
            return
        if message["type"] == "http.response.body" and message.get("more_body"):
            # Of a stream's pieces there are many; Daphne formats log lines for each.
            protocol.pass_on(message["body"])
        else:
            await super().handle_reply(protocol, message)
        if not protocol.writable.is_set():
            await protocol.writable.wait()

    def _stop(self, grace_s: float) -> None:
        if self._drain is None:
            self._drain = loop.create_task(self.drain(grace_s))

    async def drain(self, grace_s: float) -> None:
        """Accept nothing new, let what runs finish, cancel what does not, and stop."""
        self.process.draining = True
        self._acceptor.close()
        for channel in list(self._factory.channels):
            channel.close_when_idle()
        for page in self._sockets():
            page.sendCloseFrame(code=1012)  # the service restarts
        await self._wait_until_quiet(grace_s)
        await self._cancel()
        await self.process.close()
        reactor.stop()

    def _sockets(self) -> list[WebSocketProtocol]:
        return [
            protocol
            for protocol, details in self.connections.items()
            if isinstance(protocol, WebSocketProtocol) and "disconnected" not in details
        ]

    async def _wait_until_quiet(self, grace_s: float) -> None:
        """A connection is there until its last byte has left the buffer."""
        until = loop.time() + grace_s
        # Only at the end, and nothing of Twisted's would notify.
        while (  # noqa: ASYNC110
            self.process.active or self._factory.channels or self._sockets()
        ) and loop.time() < until:
            await asyncio.sleep(0.05)

    async def _cancel(self) -> None:
        running = [
            details["application_instance"]
            for details in self.connections.values()
            if "application_instance" in details and not details["application_instance"].done()
        ]
        for task in running:
            task.cancel()
        if running:
            logging.getLogger(__name__).error("%d requests outlasted the drain", len(running))
            await asyncio.wait(running, timeout=CANCEL_S)


def run(
    listener: socket.socket,
    application: Any,
    process: "Runtime",
    grace_s: float,
    ready: Callable[[], None],
    headers_timeout_s: float = HEADERS_TIMEOUT_S,
) -> None:
    only_errors = LogLevelFilterPredicate(LogLevel.error)
    observer = FilteringLogObserver(STDLibLogObserver("daphne"), [only_errors])
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False, discardBuffer=True)
    Server(listener, application, process, headers_timeout_s).run(grace_s, ready)
