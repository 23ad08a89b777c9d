"""Connections to upstreams through a proxy, HTTP (CONNECT) or SOCKS5, to an address that was checked.

python-socks and not aiohttp-socks, which is built on it: that leaves names to the proxy, or checks a
certificate against the address instead of the name.
"""

import asyncio
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler
from python_socks import ProxyConnectionError, ProxyError
from python_socks.async_.asyncio import Proxy


class ProxiedConnector(aiohttp.TCPConnector):
    """The proxy is asked for what this connector's own resolver has found and allowed; TLS, where
    there is any, is with the name."""

    def __init__(self, proxy: str, **options: Any) -> None:
        super().__init__(**options)
        self._proxy = Proxy.from_url(proxy)

    async def _wrap_create_connection(
        self,
        *args: Any,
        addr_infos: list[Any],
        req: aiohttp.ClientRequest,
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - as aiohttp calls it
        client_error: type[Exception] = aiohttp.ClientConnectorError,
        **kwargs: Any,
    ) -> tuple[asyncio.Transport, ResponseHandler]:
        address, port = addr_infos[0][4][:2]
        try:
            async with asyncio.timeout(timeout.sock_connect):
                connected = await self._proxy.connect(address, port)
        except (ProxyError, ProxyConnectionError):
            failure = OSError("the proxy makes no connection")
            raise aiohttp.ClientProxyConnectionError(req.connection_key, failure) from None
        return await self._wrap_existing_connection(
            *args, req=req, timeout=timeout, client_error=client_error, sock=connected, **kwargs
        )
