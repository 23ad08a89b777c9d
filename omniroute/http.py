"""The one HTTP client for everything off the hot path; a leaf that any room may import.

It calls only addresses that the rules allow, judged when the connection is made; it follows no
redirect, reads no proxy or credential from the environment, and bounds size and time.
"""

import socket
from collections.abc import Iterable
from typing import Any

import httpcore
import httpx

from omniroute.addresses import AddressRefused, check_address, literal

MAX_BYTES = 10 << 20


class CallFailed(Exception):
    """No usable answer. The message names neither the address's query nor any header."""


class _CheckedBackend(httpcore.NetworkBackend):
    """Connects to an address that was checked, and not to a name that could change meanwhile."""

    def __init__(self, allow_private: bool) -> None:
        self._allow_private = allow_private
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
        addresses = [str(entry[4][0]) for entry in found]
        for text in addresses:
            address = literal(text)
            if address is not None:
                check_address(address, self._allow_private)
        return self._backend.connect_tcp(addresses[0], port, timeout, local_address, socket_options)


def get(
    url: str, headers: dict[str, str], *, allow_private: bool, timeout_s: float = 10.0
) -> tuple[int, bytes]:
    """Status and body of a GET.

    Raises:
        CallFailed: The address is refused, nothing answers in time, or the body is too large.
    """
    transport = httpx.HTTPTransport(trust_env=False)
    # httpx has no parameter for this; its pool is httpcore's, which takes a backend.
    transport._pool = httpcore.ConnectionPool(
        ssl_context=httpx.create_ssl_context(trust_env=False),
        network_backend=_CheckedBackend(allow_private),
    )
    try:
        with (
            httpx.Client(transport=transport, trust_env=False, timeout=timeout_s) as client,
            client.stream("GET", url, headers=headers) as response,
        ):
            return response.status_code, _read(response)
    except AddressRefused as refusal:
        raise CallFailed(str(refusal)) from None
    except httpx.TimeoutException:
        raise CallFailed("no answer within the time limit") from None
    except httpx.ConnectError:
        raise CallFailed("it cannot be reached") from None
    except (httpx.HTTPError, httpx.InvalidURL, ValueError):
        raise CallFailed("the call failed") from None


def _read(response: httpx.Response) -> bytes:
    body = b""
    for piece in response.iter_raw(64 << 10):
        body += piece
        if len(body) > MAX_BYTES:
            raise CallFailed(f"the answer is larger than {MAX_BYTES >> 20} MB")
    return body
