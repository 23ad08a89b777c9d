"""The one HTTP client for everything off the hot path; a leaf that any room may import.

It calls only addresses that the rules allow, judged when the connection is made; it reads no proxy
or credential from the environment, and bounds size and time. `send` is for threads and follows no
redirect; a `Fetcher` is for the event loop and judges each hop of one.
"""

import asyncio
import json
import socket
import ssl
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import Any, NamedTuple

import httpcore
import httpx
from httpcore._backends.sync import SyncStream  # for a socket that a proxy has connected
from python_socks import ProxyError
from python_socks.sync import Proxy

from omniroute.addresses import AddressRefused, check_address, host_complaint, literal
from omniroute.proxies import check_proxy

MAX_BYTES = 10 << 20
MAX_REDIRECTS = 3
MAX_FETCHES = 32  # at a time in one process
CONNECT_TIMEOUT_S = 4.0  # one address of a name: the next one has its turn before the time is over
RESOLVER_THREADS = 4


class CallFailed(Exception):
    """No usable answer. The message names neither the address's query nor any header."""


class AnswerTooLarge(CallFailed):
    pass


class _CheckedBackend(httpcore.NetworkBackend):
    """Connects to an address that was checked, and not to a name that could change meanwhile.

    A proxy is asked for that address too: what it would make of the name, nobody has judged.
    """

    def __init__(self, allow_private: bool, proxy: str) -> None:
        self._allow_private, self._proxy = allow_private, proxy
        self._backend = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError:
            raise httpcore.ConnectError("the name cannot be resolved") from None
        address = _checked(found, self._allow_private)[0]
        if self._proxy:
            return self._through_proxy(address, port, timeout)
        return self._backend.connect_tcp(address, port, timeout, local_address, socket_options)

    def _through_proxy(
        self, address: str, port: int, timeout: float | None
    ) -> httpcore.NetworkStream:
        check_proxy(self._proxy)
        try:
            return SyncStream(Proxy.from_url(self._proxy).connect(address, port, timeout=timeout))
        except (ProxyError, OSError):
            raise httpcore.ConnectError("the proxy makes no connection") from None


def _checked(found: Sequence[tuple[Any, ...]], allow_private: bool) -> list[str]:
    """The addresses of a name, as `getaddrinfo` found them. Raises `AddressRefused` for any one."""
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    for text in addresses:
        address = literal(text)
        if address is None:
            raise AddressRefused("the name stands for something that is no IP address")
        check_address(address, allow_private)
    return addresses


def parse(text: bytes | str) -> Any:
    """JSON that somebody else has written. Raises `ValueError`, whatever is wrong with it."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def get(
    url: str,
    headers: Mapping[str, str],
    *,
    allow_private: bool,
    proxy: str = "",
    timeout_s: float = 10.0,
) -> tuple[int, bytes]:
    """Status and body of a GET; see `send`."""
    return send("GET", url, headers, allow_private=allow_private, proxy=proxy, timeout_s=timeout_s)


def send(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes = b"",
    *,
    allow_private: bool,
    proxy: str = "",
    timeout_s: float = 10.0,
) -> tuple[int, bytes]:
    """Status and body of what answers.

    Args:
        proxy: `http://` or `socks5://`, empty for none. The rules hold for the target all the same.
        timeout_s: For connecting, for any one read, and about so for the whole of it.

    Raises:
        CallFailed: The address is refused, nothing answers in time, or the body is too large.
    """
    transport = httpx.HTTPTransport(trust_env=False)
    # httpx has no parameter for this; its pool is httpcore's, which takes a backend.
    transport._pool = httpcore.ConnectionPool(
        ssl_context=httpx.create_ssl_context(trust_env=False),
        network_backend=_CheckedBackend(allow_private, proxy),
    )
    try:
        with (
            httpx.Client(transport=transport, trust_env=False, timeout=timeout_s) as client,
            client.stream(method, url, headers=dict(headers), content=body or None) as response,
        ):
            return response.status_code, _read(response, monotonic() + timeout_s)
    except AddressRefused as refusal:
        raise CallFailed(str(refusal)) from None
    except httpx.TimeoutException:
        raise CallFailed("no answer within the time limit") from None
    except httpx.ConnectError:
        raise CallFailed("it cannot be reached") from None
    except (httpx.HTTPError, httpx.InvalidURL, ValueError):
        raise CallFailed("the call failed") from None


def _read(response: httpx.Response, until: float) -> bytes:
    body = b""
    for piece in response.iter_raw(64 << 10):
        body += piece
        if len(body) > MAX_BYTES:
            raise AnswerTooLarge(f"the answer is larger than {MAX_BYTES >> 20} MB")
        if monotonic() > until:
            raise CallFailed("no answer within the time limit")
    return body


# --- For the event loop, and for addresses that strangers name ---------------------------------


class Fetched(NamedTuple):
    """The body of an answer, and the `content-type` it came with."""

    content_type: str
    data: bytes


class Allowance:
    """How many bytes may still be read, by one fetch or by several that share it."""

    def __init__(self, size: int) -> None:
        self._size = self._left = size

    def check(self, count: int) -> None:
        """Raises `AnswerTooLarge` where `count` is more than is left."""
        if count > self._left:
            raise AnswerTooLarge(f"the answer is larger than {self._size >> 20} MB")

    def take(self, count: int) -> None:
        self.check(count)
        self._left -= count


class Fetcher:
    """Fetches what a URL names; one instance a process, its `get` for the event loop.

    A fetch has connections of its own: nothing that one host says (a cookie, a redirect to
    remember) reaches the fetch of anybody else. `tls` and `network` are for tests.
    """

    def __init__(
        self,
        *,
        allow_private: bool = False,
        tls: ssl.SSLContext | None = None,
        network: httpcore.AsyncNetworkBackend | None = None,
    ) -> None:
        self._tls = tls or httpx.create_ssl_context(trust_env=False)
        self._slots = asyncio.Semaphore(MAX_FETCHES)
        # Not asyncio's own threads: a name server that hangs would keep providers' names waiting.
        self._threads = ThreadPoolExecutor(RESOLVER_THREADS, "fetched-names")
        self._network = _AsyncCheckedBackend(
            allow_private, self._threads, network or httpcore.AnyIOBackend()
        )

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def get(self, url: str, within: Sequence[Allowance], timeout_s: float = 10.0) -> Fetched:
        """The body of a GET that is answered with 200, after at most MAX_REDIRECTS redirects.

        Raises:
            AnswerTooLarge: The body is larger than one of `within` has left.
            CallFailed: The URL, or one redirected to, is refused, or there is no answer in time.
        """
        try:
            async with asyncio.timeout(timeout_s), self._slots:
                return await self._follow(_parse(url), within)
        except AddressRefused as refusal:
            raise CallFailed(str(refusal)) from None
        except (TimeoutError, httpcore.TimeoutException):
            raise CallFailed("no answer within the time limit") from None
        except _CLIENT_ERRORS:
            raise CallFailed("the call failed") from None

    async def _follow(self, url: httpx.URL, within: Sequence[Allowance]) -> Fetched:
        for _ in range(MAX_REDIRECTS + 1):
            found = await self._ask(url, within)
            if isinstance(found, Fetched):
                return found
            target = _parse(str(url.join(found)))
            if url.scheme == "https" and target.scheme != "https":
                raise CallFailed("a redirect leaves TLS")
            url = target
        raise CallFailed(f"there are more than {MAX_REDIRECTS} redirects")

    async def _ask(self, url: httpx.URL, within: Sequence[Allowance]) -> Fetched | str:
        """The answer, or where it redirects to."""
        address = httpcore.URL(
            scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
        )
        headers = [(b"host", url.netloc), *_HEADERS]
        async with (
            httpcore.AsyncConnectionPool(self._tls, network_backend=self._network) as pool,
            pool.stream("GET", address, headers=headers) as answer,
        ):
            told = {name.lower(): value for name, value in answer.headers}
            if answer.status in _REDIRECTS and b"location" in told:
                return told[b"location"].decode(errors="replace")
            if answer.status != 200:
                raise CallFailed(f"it answers {answer.status}")
            if told.get(b"content-encoding", b"identity").lower() != b"identity":
                raise CallFailed("it answers with a compressed body, which was not asked for")
            content_type = told.get(b"content-type", b"").decode(errors="replace")
            return Fetched(content_type, await _read_within(answer, told, within))


_HEADERS = [
    (b"user-agent", b"OmniRoute"),  # many hosts refuse who gives no name
    (b"accept", b"*/*"),
    (b"accept-encoding", b"identity"),
    (b"connection", b"close"),
]
_REDIRECTS = frozenset([301, 302, 303, 307, 308])
_CLIENT_ERRORS = (
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.UnsupportedProtocol,
    httpcore.ConnectionNotAvailable,
    httpx.InvalidURL,
    OSError,
    ValueError,
)


def _parse(text: str) -> httpx.URL:
    """A URL to fetch. What its host resolves to is judged when the connection is made.

    Raises:
        AddressRefused: It is no http or https URL, has a credential, or a host that no person writes.
    """
    if any(char.isspace() or not char.isprintable() for char in text):
        raise AddressRefused("the URL has a space or a control character")
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, ValueError):
        raise AddressRefused("this is not a URL") from None
    if url.scheme not in {"http", "https"} or not url.raw_host:
        raise AddressRefused("a URL that begins with http:// or https:// is expected")
    if url.userinfo:
        raise AddressRefused("a credential does not belong in the URL")
    if complaint := host_complaint(url.raw_host.decode("ascii", "replace")):
        raise AddressRefused(complaint)
    if url.port is not None and not 0 < url.port < 1 << 16:
        raise AddressRefused("there is no such port")
    return url


async def _read_within(
    answer: httpcore.Response, headers: dict[bytes, bytes], within: Sequence[Allowance]
) -> bytes:
    declared = headers.get(b"content-length", b"")
    for allowance in within if declared.isdigit() else ():
        allowance.check(int(declared[:20]))
    body = bytearray()  # and no list: a piece can be a single byte
    async for piece in answer.aiter_stream():
        for allowance in within:
            allowance.take(len(piece))
        body += piece
    return bytes(body)


class _AsyncCheckedBackend(httpcore.AsyncNetworkBackend):
    """As `_CheckedBackend`; a name's addresses have their turns until one answers."""

    def __init__(
        self,
        allow_private: bool,
        threads: ThreadPoolExecutor,
        network: httpcore.AsyncNetworkBackend,
    ) -> None:
        self._allow_private, self._threads, self._network = allow_private, threads, network

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - as httpcore calls it
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        failure: Exception = httpcore.ConnectError("the name has no address")
        for address in await self._resolve(host, port):
            try:
                return await self._network.connect_tcp(
                    address, port, CONNECT_TIMEOUT_S, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    async def _resolve(self, host: str, port: int) -> list[str]:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(
                self._threads, socket.getaddrinfo, host, port, 0, socket.SOCK_STREAM
            )
        except (OSError, ValueError):
            raise httpcore.ConnectError("the name cannot be resolved") from None
        return _checked(found, self._allow_private)
