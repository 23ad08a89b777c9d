"""Daphne, with what it lacks: a drain at SIGTERM, back-pressure, and limits on what is sent to it.

Daphne reads a whole body before it calls the application. A body that will be refused anyway, for
its size or because a stranger sends it, is therefore not read at all: the application is called at
once, sees the headers and no body, says no, and the connection is closed.
"""

import asyncio
import signal
import socket
from typing import Any

import uvloop
from twisted.internet import asyncioreactor

loop = uvloop.new_event_loop()
asyncioreactor.install(loop)  # before daphne.server installs one of its own

from daphne import server as daphne_server
from daphne.http_protocol import HTTPFactory, WebRequest
from twisted.internet import reactor
from twisted.web import http

from accounts.keys import hash_key
from gateway.exchange import BODY_TIMEOUT_S, KEY_HEADERS
from gateway.runtime import Runtime
from omniroute.serving import HEADERS_BYTES, HEADERS_TIMEOUT_S, KEEPALIVE_S

STRANGER_BODY_BYTES = 64 << 10  # enough to sign in


class Request(WebRequest):
    """A request that is also a producer: while its client does not read, `send` waits."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.writable = asyncio.Event()
        self.writable.set()
        self._received = 0
        self._limit = 0
        self._timer = loop.call_later(self.server.headers_timeout_s, self._late)

    # --- What comes in ---

    def gotLength(self, length: int | None) -> None:
        super().gotLength(length)
        self._timer.cancel()
        self._timer = loop.call_later(BODY_TIMEOUT_S, self._late)
        most = self.server.process.max_body_bytes
        known = self._is_known()
        self._limit = most if known else STRANGER_BODY_BYTES
        if (length or 0) > self._limit or (length is None and not known):
            self._read_no_further()

    def _is_known(self) -> bool:
        headers = self.requestHeaders
        if headers.hasHeader(b"cookie"):
            return True  # a session is Django's to judge, with a bound of its own
        keys = self.server.process.snapshot.keys
        given = [
            value.rpartition(b" ")[2].decode("latin-1")
            for name in (b"authorization", *KEY_HEADERS)
            for value in headers.getRawHeaders(name, [])
        ]
        return not self.server.process.snapshot.require_api_key or any(
            hash_key(key) in keys for key in given
        )

    def _read_no_further(self) -> None:
        self.channel.persistent = False
        self.channel.length = 0

    def handleContentChunk(self, data: bytes) -> None:
        self._received += len(data)
        # One byte too many is kept, so that the application sees that there were.
        room = self._limit + 1 - (self._received - len(data))
        if room > 0:
            super().handleContentChunk(data[:room])

    def process(self) -> Any:
        self._timer.cancel()
        return super().process()

    def _late(self) -> None:
        if self.channel is not None:
            self.channel.forceAbortClient()

    # --- What goes out: Twisted calls these as the connection's buffer fills and empties ---

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

    def finish(self) -> None:
        if self.producer is not None:
            self.unregisterProducer()
        super().finish()

    def connectionLost(self, reason: Any) -> None:
        self._timer.cancel()
        self.writable.set()
        super().connectionLost(reason)


class Channel(http.HTTPChannel):
    """A connection."""

    totalHeadersSize = HEADERS_BYTES
    requestFactory = Request

    def connectionMade(self) -> None:
        super().connectionMade()
        self.factory.channels.add(self)
        # A client that never gets to the end of a first line has no request whose time runs.
        self._silence = loop.call_later(self.factory.server.headers_timeout_s, self._silent)

    def lineReceived(self, line: bytes) -> None:
        self._silence.cancel()
        super().lineReceived(line)

    def connectionLost(self, reason: Any) -> None:
        self._silence.cancel()
        self.factory.channels.discard(self)
        super().connectionLost(reason)

    def _silent(self) -> None:
        self.forceAbortClient()

    def close_when_idle(self) -> None:
        self.persistent = False
        if not self.requests:
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


class Server(daphne_server.Server):
    def __init__(
        self, listener: socket.socket, application: Any, process: Runtime, headers_timeout_s: float
    ) -> None:
        super().__init__(
            application,
            endpoints=[f"fd:fileno={listener.fileno()}"],
            signal_handlers=False,
            server_name="",
        )
        self.process, self.headers_timeout_s = process, headers_timeout_s
        self.ports: list[Any] = []

    def listen_success(self, port: Any) -> None:
        self.ports.append(port)

    async def handle_reply(self, protocol: Any, message: dict[str, Any]) -> None:
        await super().handle_reply(protocol, message)
        if isinstance(protocol, Request) and not protocol.writable.is_set():
            await protocol.writable.wait()

    async def drain(self, grace_s: float) -> None:
        """Accept nothing new, let what runs finish, and stop."""
        self.process.draining = True
        for port in self.ports:
            port.stopListening()
        for channel in list(self.http_factory.channels):
            channel.close_when_idle()
        until = loop.time() + grace_s
        # Only at the end, and nothing of Twisted's would notify.
        while (  # noqa: ASYNC110
            self.process.active or self.http_factory.channels
        ) and loop.time() < until:
            await asyncio.sleep(0.05)
        await self.process.close()
        reactor.stop()


def run(
    listener: socket.socket,
    application: Any,
    process: Runtime,
    grace_s: float,
    headers_timeout_s: float = HEADERS_TIMEOUT_S,
) -> None:
    server = Server(listener, application, process, headers_timeout_s)
    drains: list[asyncio.Task[None]] = []

    def stop() -> None:
        if not drains:
            drains.append(loop.create_task(server.drain(grace_s)))

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    # Daphne has no other way to be given a factory.
    daphne_server.HTTPFactory = Factory
    server.run()
