"""One HTTP request at the data plane's door, and the response to it, straight on ASGI.

Django's request and response classes and its resolver cost time on every call (CHANGELOG.md says what was
decided), and none of what they offer is needed here.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from time import monotonic, time
from typing import Any
from urllib.parse import parse_qs

from analytics.ids import new_id
from gateway.errors import KeyRejected, RequestTimeout, TooLarge, UnsupportedEncoding
from gateway.kept import Recorder
from omniroute.addresses import Networks, client_address

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

# Where clients put their key. The header does not tell the format: new Anthropic SDKs say Bearer.
KEY_HEADERS = frozenset({b"x-api-key", b"x-goog-api-key", b"api-key"})
BODY_TIMEOUT_S = 60.0
# Extensions of our servers.
ABORT = "omniroute.abort"  # closes the connection, whatever is not sent yet
LEAVING = "omniroute.leaving"  # takes a function to call, once, when the client leaves; or null


class Disconnected(Exception):
    """The client left."""


class Exchange:
    """A request and its response. `bytes_in` and `bytes_out` count bodies."""

    __slots__ = (
        "_owner", "_receive", "_send", "_watch", "bytes_in", "bytes_out", "client_ip", "common_headers", "disconnected", "first_byte", "granted", "headers", "id", "is_reading", "path", "recorder", "scope", "started", "status", "time",
    )  # fmt: skip

    def __init__(self, scope: Scope, receive: Receive, send: Send, client_ip: str) -> None:
        self.scope, self._receive, self._send = scope, receive, send
        self.started, self.time = monotonic(), time()
        self.id = new_id(self.time)
        name = self.id.encode()
        self.common_headers: Headers = [(b"x-request-id", name), (b"request-id", name)]
        self.path: str = scope["path"]
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.client_ip = client_ip
        self.status = 0
        self.bytes_in = self.bytes_out = 0
        self.first_byte: float | None = None  # monotonic
        self.disconnected = False
        self.granted = ""  # the SHA-256 of the key that a page of ours calls with for its user
        self.is_reading = False  # the body, piece by piece
        self.recorder: Recorder | None = None  # of what is sent, for whoever asks the same again
        self._owner: asyncio.Task[None] | None = None
        self._watch: asyncio.Task[None] | None = None

    @property
    def elapsed_ms(self) -> int:
        return round((monotonic() - self.started) * 1000)

    @property
    def first_byte_ms(self) -> int | None:
        return None if self.first_byte is None else round((self.first_byte - self.started) * 1000)

    def values(self, name: bytes) -> list[bytes]:
        """Of a header that may stand in several lines."""
        if name not in self.headers:
            return []
        return [value for own, value in self.scope["headers"] if own == name]

    def credential(self) -> str | None:
        """The one key that the request carries, wherever it stands; None where there is none.

        Raises:
            KeyRejected: It carries two that differ.
        """
        found: set[bytes] = set()
        for name, value in self.scope["headers"]:
            if name in KEY_HEADERS:
                found.add(value.strip())
            elif name == b"authorization":
                scheme, _, token = value.strip().partition(b" ")
                found.add(token.strip() if scheme.lower() == b"bearer" else value)
        if b"key=" in self.scope["query_string"]:
            for key in parse_qs(self.scope["query_string"]).get(b"key", []):
                found.add(key)
        found.discard(b"")
        if len(found) > 1:
            raise KeyRejected("the request carries two different API keys")
        return found.pop().decode("latin-1") if found else None

    async def read_body(self, max_bytes: int) -> bytes:
        """The whole body.

        Raises:
            TooLarge: It is longer than `max_bytes`; no more than that was read.
            UnsupportedEncoding: It is compressed.
            RequestTimeout: It did not arrive within BODY_TIMEOUT_S.
            Disconnected: The client left before its end.
        """
        self._check_body(max_bytes)
        message = await self._receive_body()
        body: bytes = message.get("body", b"")
        if message.get("more_body"):
            try:
                async with asyncio.timeout(BODY_TIMEOUT_S):
                    body = await self._read_rest(body, max_bytes)
            except TimeoutError:
                raise RequestTimeout("the request body took too long") from None
        if len(body) > max_bytes:
            raise _too_large(max_bytes)
        self.bytes_in = len(body)
        return body

    def begin_body(self, max_bytes: int) -> None:
        """The body is going to be taken by `next_piece`. Raises as `read_body` does before it reads."""
        self._check_body(max_bytes)
        self.is_reading = True

    async def next_piece(self, max_bytes: int, wait_s: float) -> bytes | None:
        """What has arrived of the body since, or null at its end. Nothing is read that nobody asks
        for: meanwhile the client waits.

        Raises: as `read_body`; `Disconnected` in another task than the one that is watched ends
        that one too.
        """
        if not self.is_reading:
            return None
        try:
            async with asyncio.timeout(wait_s):
                message = await self._receive_body()
        except TimeoutError:
            raise RequestTimeout("the request body took too long") from None
        except Disconnected:
            if self._owner is not None and self._owner is not asyncio.current_task():
                self._owner.cancel()
            raise
        piece: bytes = message.get("body", b"")
        self.bytes_in += len(piece)
        if self.bytes_in > max_bytes:
            raise _too_large(max_bytes)
        if not message.get("more_body", False):
            self.is_reading = False
            if self._owner is not None:
                self._begin_watch()
        return piece

    def _check_body(self, max_bytes: int) -> None:
        encoding = self.headers.get(b"content-encoding", b"identity").strip().lower()
        if encoding not in (b"", b"identity"):
            named = encoding[:40].decode("latin-1")
            raise UnsupportedEncoding(f"send the body uncompressed: {named} is not read here")
        declared = self.headers.get(b"content-length", b"0")
        if not declared.isdigit() or int(declared) > max_bytes:
            raise _too_large(max_bytes)

    async def _read_rest(self, first: bytes, max_bytes: int) -> bytes:
        pieces, size, more = [first], len(first), True
        while more:
            message = await self._receive_body()
            pieces.append(message.get("body", b""))
            size += len(pieces[-1])
            if size > max_bytes:
                raise _too_large(max_bytes)
            more = message.get("more_body", False)
        return b"".join(pieces)

    async def _receive_body(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self.disconnected = True
            raise Disconnected
        return message

    def watch(self) -> None:
        """From here until the response is finished: the present task ends if the client leaves.
        While the body is read piece by piece, who reads it sees that."""
        self._owner = asyncio.current_task()
        if not self.is_reading:
            self._begin_watch()

    def _begin_watch(self) -> None:
        tell = self._extension(LEAVING)
        if tell is not None:  # a task that waits for it costs a call a twentieth of its time
            tell(self._left)
        else:
            self._watch = asyncio.get_running_loop().create_task(self._wait_for_disconnect())

    async def _wait_for_disconnect(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._left()

    def _left(self) -> None:
        self.disconnected = True
        if self._owner is not None:
            self._owner.cancel()

    def unwatch(self) -> None:
        """Once; later calls change nothing, so that they do not end the watch of a request that
        follows on the same connection."""
        if self._owner is None:
            return
        self._owner = None
        if self._watch is not None:
            self._watch.cancel()
        elif (tell := self._extension(LEAVING)) is not None:
            tell(None)

    def _extension(self, name: str) -> Callable[..., None] | None:
        """Null under a server that is none of ours."""
        return (self.scope.get("extensions") or {}).get(name)

    def start(self, status: int, headers: Iterable[tuple[bytes, bytes]]) -> Awaitable[None]:
        self.status = status
        return self._send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [*headers, *self.common_headers],
            }
        )

    def write(self, data: bytes) -> Awaitable[None]:
        if self.first_byte is None:
            self.first_byte = monotonic()
        self.bytes_out += len(data)
        if self.recorder is not None:
            self.recorder.add(data)
        return self._send({"type": "http.response.body", "body": data, "more_body": True})

    def finish(self, data: bytes = b"") -> Awaitable[None]:
        if data and self.first_byte is None:
            self.first_byte = monotonic()
        self.bytes_out += len(data)
        if self.recorder is not None:
            self.recorder.add(data)
        self.unwatch()  # who leaves now has what was asked for
        return self._send({"type": "http.response.body", "body": data})

    async def break_off(self) -> None:
        """End an answer that cannot say that it is not whole: the client sees its connection break."""
        self.unwatch()
        abort = self._extension(ABORT)
        if abort is not None:
            abort()
            await asyncio.sleep(0)  # until the server has noticed

    async def pass_on(self, messages: Iterable[Message]) -> None:
        """A response that somebody else has made."""
        for message in messages:
            await self._send(message)

    async def respond(
        self,
        status: int,
        body: bytes,
        headers: Iterable[tuple[bytes, bytes]] = (),
        content_type: bytes = b"application/json",
    ) -> None:
        """A whole response at once."""
        await self.start(
            status,
            [
                (b"content-type", content_type),
                (b"content-length", b"%d" % len(body)),
                *headers,
            ],
        )
        await self.finish(body)


def _too_large(max_bytes: int) -> TooLarge:
    return TooLarge(f"the request body is larger than {max_bytes >> 20} MB (MAX_BODY_MB)")


def peer_address(scope: Scope, trusted: Networks) -> str:
    """Who calls, as far as the peer and the proxies that are trusted can be believed."""
    peer: str = (scope.get("client") or ("",))[0]
    if not trusted:
        return peer
    forwarded = b",".join(value for name, value in scope["headers"] if name == b"x-forwarded-for")
    return client_address(peer, forwarded.decode("latin-1"), trusted)
