"""Redis as this process reaches it: scripts, records, and what others broadcast.

Whatever it does wrong, or does not do in time, is `Away`: the caller has an answer of its own.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from gateway.channels import channel
from gateway.state.line import Away, Op

log = logging.getLogger(__name__)

TIMEOUT_S = 0.25
RECORDS_BYTES = 256 << 20
RECORD_CONNECTIONS = 16

# One hash tag in every key, so that a cluster keeps them on one node.
PREFIX = "{omniroute}:"
_LUA = Path(__file__).with_name("lua")
BATCH, RECORDS = ((_LUA / name).read_text() for name in ("batch.lua", "records.lua"))

Callback = Callable[[bytes], None]


class Server:
    """Args:
    process: 16 letters, which no other process has.
    lease_s: After how much silence a process is taken for dead.
    """

    def __init__(self, url: str, process: str, lease_s: float, *, records_bytes: int) -> None:
        self._url, self.process, self._lease_us = url, process, lease_s * 1e6
        self._records_bytes = str(records_bytes)
        # One connection for the line. Nothing is tried twice: what was told may have been heard.
        options: dict[str, Any] = {
            "socket_connect_timeout": TIMEOUT_S,
            "socket_timeout": None,
            "socket_keepalive": True,
            "retry": Retry(NoBackoff(), 0),
        }
        self._redis = Redis.from_url(url, **options)
        pool = BlockingConnectionPool.from_url(
            url, max_connections=RECORD_CONNECTIONS, timeout=TIMEOUT_S, **options
        )
        self._records = Redis(connection_pool=pool)
        own = f"{PREFIX}process:{process}"
        self._keys = (f"{PREFIX}processes", own, f"{PREFIX}running", f"{PREFIX}turns")
        self._number = 0
        self._batch = self._record = ""  # the scripts' hashes

    async def prepare(self) -> None:
        """Before a line is opened. Raises `Away`."""
        async with _answering():
            self._batch = await self._redis.script_load(BATCH)
            self._record = await self._redis.script_load(RECORDS)
        self._number += 1

    async def exchange(self, ops: list[Op], now: float | None) -> list[Any]:
        """What each of batch.lua's ops comes to. `now` is in seconds; Redis's own without.

        Raises:
            Away: Also where Redis knows nothing (any more) of this process.
        """
        now_us = 0 if now is None else round(now * 1e6)
        request = (PREFIX, self.process, self._number, now_us, self._lease_us, ops)
        async with _answering():
            reply = await self._redis.evalsha(
                self._batch, len(self._keys), *self._keys, _encode(request)
            )
        results = msgspec.msgpack.decode(reply)
        if results is False:
            raise Away("it has forgotten this process")
        return list(results)

    # --- Records -----------------------------------------------------------------------------

    async def read(self, key: str) -> bytes | None:
        async with _answering():
            found: Any = await self._records.get(_record(key))
        return None if found is None else bytes(found)

    async def record(self, deed: str, key: str, value: bytes, ttl_s: float) -> bytes | None:
        """`write`, `take` or `drop`; see records.lua."""
        keys = (_record(key), f"{PREFIX}records:sizes", f"{PREFIX}records:ends")
        ttl_ms = max(round(ttl_s * 1000), 1)
        async with _answering():
            found: bytes | None = await self._records.evalsha(
                self._record, len(keys), *keys, deed, value, str(ttl_ms), self._records_bytes
            )
        return found

    # --- Between processes -------------------------------------------------------------------

    def telling(self, name: str, data: bytes) -> Op:
        # Redis's MessagePack has no bytes, and its text is UTF-8 as ours is.
        return ("tell", channel(self._url, name), self.process + data.decode("latin-1"))

    async def listen(self, callbacks: Mapping[str, Callback]) -> None:
        """Call back with what others tell, until cancelled. Raises `Away`."""
        names = {channel(self._url, name).encode(): call for name, call in callbacks.items()}
        own = self.process.encode()
        try:
            async with self._records.pubsub(ignore_subscribe_messages=True) as pubsub:
                await pubsub.subscribe(*names)
                async for message in pubsub.listen():
                    sender, data = message["data"][:16], message["data"][16:]
                    if sender != own:
                        _call(names[message["channel"]], data.decode().encode("latin-1"))
        except (RedisError, OSError) as error:
            raise Away(_words(error)) from error

    async def close(self) -> None:
        await self._redis.aclose()
        await self._records.aclose()
        await self._records.connection_pool.disconnect()


_encode: Callable[[Any], bytes] = msgspec.msgpack.Encoder().encode


def _record(key: str) -> str:
    return f"{PREFIX}record:{key}"


def _call(callback: Callback, data: bytes) -> None:
    try:
        callback(data)
    except Exception:
        log.exception("what another process told cannot be used")


@asynccontextmanager
async def _answering() -> AsyncIterator[None]:
    """Redis answers within the time, or is away."""
    try:
        async with asyncio.timeout(TIMEOUT_S):
            yield
    except (RedisError, OSError, TimeoutError) as error:
        raise Away(_words(error)) from error


def _words(error: Exception) -> str:
    """Never with the address, which may hold a password."""
    if isinstance(error, TimeoutError):
        return f"no answer within {TIMEOUT_S * 1000:.0f} ms"
    return str(error)[:100] if isinstance(error, ResponseError) else type(error).__name__
