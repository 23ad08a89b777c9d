"""The only importer of an HTTP client on the hot path: opens a call, maps its errors to ours.

aiohttp and not httpx: relays were measured with both, and it is the faster (docs/performance.md).
"""

import asyncio
import socket
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Protocol

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from yarl import URL

from gateway import demo
from gateway.errors import CredentialFailed, UpstreamFailed, UpstreamTimeout
from gateway.proxied import ProxiedConnector
from gateway.routing import Target
from gateway.upload import Sending
from omniroute.addresses import AddressRefused, check_address, literal
from omniroute.proxies import check_proxy
from providers.credentials import CredentialUnreadable, resolve

# A provider that closes idle connections must not do so while we choose one: below the usual 60 s.
KEEPALIVE_S = 15.0
RESOLVE_TIMEOUT_S = 5.0
MAX_ANSWER_BYTES = 64 << 20
MAX_ERROR_BYTES = 64 << 10


class Answer(Protocol):
    """An upstream's response, its body not read yet."""

    status: int

    @property
    def headers(self) -> Mapping[str, str]: ...
    def header(self, name: str) -> str: ...
    async def read(self) -> bytes: ...
    async def piece(self) -> bytes: ...
    def close(self) -> None: ...


class Reader(aiohttp.StreamReader):
    """aiohttp's reader, which takes what has arrived as one and not chunk by chunk.

    A stream makes a chunk a token. Under load dozens wait by the time they are read, and aiohttp
    does its bookkeeping for each: a seventh of what a stream costs a process.
    """

    __slots__ = ()

    def _read_nowait(self, n: int) -> bytes:
        if n == -1 and len(self._buffer) > 1 and not self._buffer_offset:
            whole = b"".join(self._buffer)
            self._buffer.clear()
            self._buffer.append(whole)
        return super()._read_nowait(n)


class HttpAnswer:
    """An answer over HTTP. Closing it before its end closes its connection."""

    __slots__ = ("_response", "status")

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        if type(response.content) is aiohttp.StreamReader:  # and not that of an empty body
            response.content.__class__ = Reader
        self._response = response
        self.status = response.status

    @property
    def headers(self) -> Mapping[str, str]:
        """By their names in any case; they outlive the answer."""
        return self._response.headers

    def header(self, name: str) -> str:
        return self._response.headers.get(name, "")

    async def read(self) -> bytes:
        """The whole body; of an error as much as is worth reading.

        Raises:
            UpstreamFailed: It is longer than MAX_ANSWER_BYTES, or broke off.
        """
        limit = MAX_ANSWER_BYTES if self.status < 400 else MAX_ERROR_BYTES
        pieces, size = [], 0
        while not self._response.content.at_eof():
            piece = await self.piece()
            pieces.append(piece)
            size += len(piece)
            if size > limit:
                if self.status >= 400:
                    break
                raise UpstreamFailed(
                    f"the answer is larger than {limit >> 20} MB", upstream_status=self.status
                )
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def piece(self) -> bytes:
        """What has arrived; empty at the end.

        Raises:
            UpstreamFailed: The connection broke.
        """
        try:
            return await self._response.content.readany()
        except (aiohttp.ClientError, OSError) as error:
            raise _failed(error, self.status) from None

    def close(self) -> None:
        # At the end of the body the connection has been given back.
        if not self._response.content.at_eof():
            self._response.close()


class Upstreams:
    """The connections to providers, kept alive between calls; one instance a process.

    Two pools: one that refuses private addresses at connect time, one for providers whose row
    allows them; and two for each proxy. None reads proxies or credentials from the environment.
    """

    def __init__(self) -> None:
        self._sessions: dict[tuple[bool, str], aiohttp.ClientSession] = {}

    async def open(
        self,
        target: Target,
        body: bytes | Sending,
        url: URL,
        headers: Mapping[str, str] = {},
        content_type: str = "application/json",
        method: str = "POST",
    ) -> Answer:
        """Send `body` to `url` of the target's provider, with further `headers`; returns when the
        status line and headers of the answer are there.

        Raises:
            UpstreamFailed: No connection, a refused address, a redirect, or a broken response.
            UpstreamTimeout: The connection was not made in time.
            CredentialFailed: The credential is not there.
        """
        if url.scheme == demo.SCHEME:
            return demo.answer(body if isinstance(body, bytes) else b"{}")
        private = target.provider.allow_private_network
        _check_literal(url.host or "", private)
        try:
            proxy = target.connection.proxy and resolve(target.connection.proxy)
            session = self._sessions.get((private, proxy)) or self._new_session(private, proxy)
            signed = body if isinstance(body, bytes) else b""
            own = target.request_headers(url, signed, content_type, method)
            response = await session.request(
                method,
                url,
                data=_data(body),
                headers={**headers, **own, **_length(body)},
                allow_redirects=False,
                timeout=_timeout(target.connection.timeouts.connect),
            )
        except CredentialUnreadable as error:
            raise CredentialFailed(f"the credential cannot be used: {error}") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _failed(error, None) from None
        answer = HttpAnswer(response)
        if 300 <= response.status < 400:
            answer.close()
            raise UpstreamFailed("the upstream redirects", upstream_status=response.status)
        if response.headers.get("content-encoding", "identity") != "identity":
            # Asked for without: what unpacks to gigabytes is refused with the honest rest.
            answer.close()
            raise UpstreamFailed(
                "the upstream sent a compressed body, which was not asked for",
                upstream_status=response.status,
            )
        return answer

    def _new_session(self, private: bool, proxy: str) -> aiohttp.ClientSession:
        session = aiohttp.ClientSession(
            connector=_connector(private, proxy),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            skip_auto_headers=("user-agent", "accept"),
            read_bufsize=64 << 10,
        )
        self._sessions[private, proxy] = session
        return session

    async def close(self) -> None:
        for session in self._sessions.values():
            await session.close()


def _data(body: bytes | Sending) -> Any:
    return (body or None) if isinstance(body, bytes) else body.pieces()


def _length(body: bytes | Sending) -> dict[str, str]:
    """Of a file that is still on its way, where it is known; else it goes in chunks."""
    if isinstance(body, bytes) or body.size is None:
        return {}
    return {"content-length": str(body.size)}


def _connector(private: bool, proxy: str) -> aiohttp.TCPConnector:
    options: dict[str, Any] = {
        "limit": 0, "keepalive_timeout": KEEPALIVE_S, "ttl_dns_cache": 30,
    }  # fmt: skip
    resolver = CheckedResolver(private)
    if not proxy:
        return aiohttp.TCPConnector(resolver=resolver, **options)
    try:
        check_proxy(proxy)
    except AddressRefused as refusal:
        raise UpstreamFailed(str(refusal)) from None
    return ProxiedConnector(proxy, resolver=resolver, **options)


class CheckedResolver(AbstractResolver):
    """Resolves a name, and refuses it when any of its addresses may not be called."""

    def __init__(self, private: bool) -> None:
        self._private = private
        self._resolver = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        async with asyncio.timeout(RESOLVE_TIMEOUT_S):
            found = await self._resolver.resolve(host, port, family)
        for entry in found:
            _check_literal(entry["host"], self._private)
        return found

    async def close(self) -> None:
        await self._resolver.close()


@lru_cache(maxsize=4096)  # an address does not change its nature; a refusal is not cached
def _check_literal(host: str, private: bool) -> None:
    address = literal(host)
    if address is None:
        return
    try:
        check_address(address, private)
    except AddressRefused as refusal:
        raise UpstreamFailed(f"the provider's address is refused: {refusal}") from None


_timeouts: dict[float, aiohttp.ClientTimeout] = {}


def _timeout(connect_s: float) -> aiohttp.ClientTimeout:
    """Connecting only: every other limit is `gateway.deadline`'s."""
    if connect_s not in _timeouts:
        _timeouts[connect_s] = aiohttp.ClientTimeout(total=None, sock_connect=connect_s)
    return _timeouts[connect_s]


# What the client library says, in words of ours: its texts may hold addresses and headers.
_WORDS: tuple[tuple[type[BaseException], str], ...] = (
    (aiohttp.ClientProxyConnectionError, "the proxy makes no connection to the upstream"),
    (aiohttp.ClientConnectorCertificateError, "the upstream's certificate is not valid"),
    (aiohttp.ClientSSLError, "no TLS connection to the upstream"),
    (aiohttp.ClientConnectorDNSError, "the upstream's name cannot be resolved"),
    (aiohttp.ClientConnectorError, "the upstream cannot be reached"),
    (aiohttp.ServerDisconnectedError, "the upstream closed the connection without an answer"),
    (aiohttp.ClientPayloadError, "the upstream broke off its answer"),
    (aiohttp.ClientResponseError, "the upstream's answer is not HTTP"),
    (ValueError, "the request has a header or address that cannot be sent"),
    (OSError, "the connection to the upstream broke"),
    (aiohttp.ClientError, "the call to the upstream failed"),
)


def _failed(error: BaseException, status: int | None) -> UpstreamFailed:
    _let_go(error)
    if isinstance(error, TimeoutError):
        return UpstreamTimeout("no connection to the upstream within the time limit")
    words = next(words for kind, words in _WORDS if isinstance(error, kind))
    return UpstreamFailed(words, upstream_status=status)


def _let_go(error: BaseException | None) -> None:
    """Drop the tracebacks. The client library's frames hold the error that holds them, and so the
    request's body would stay until the collector of cycles comes by."""
    while error is not None:
        error.__traceback__ = None
        error = error.__cause__ or error.__context__
