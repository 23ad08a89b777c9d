"""One test for both stores: `store` makes states that share it, and moves their time."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import redis.asyncio

from gateway.state.memory import MemoryState
from gateway.state.redis import RedisState
from tests.gateway.clocks import Clock

State = MemoryState | RedisState


class MemoryStore:
    def __init__(self) -> None:
        self.clock = Clock()

    async def state(self, **options: Any) -> State:
        return MemoryState(clock=lambda: self.clock.mono, wall=lambda: self.clock.wall, **options)

    async def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)

    async def close(self) -> None:
        pass


class RedisStore:
    """Claims go by the test's clock, which each names; records by Redis's own, which is not ours
    to move: what it would have forgotten by then is made to be forgotten now."""

    def __init__(self, url: str) -> None:
        self.url, self.clock = url, Clock()
        self.states: list[RedisState] = []

    async def state(self, *, start: bool = True, **options: Any) -> RedisState:
        clock = self.clock
        defaults: dict[str, Any] = {"clock": lambda: clock.mono, "lease_s": 3600}
        options = defaults | options
        state = RedisState(self.url, wall=lambda: clock.wall, **options)
        self.states.append(state)
        if start:
            await state.start()
            assert state.degraded == ""
        return state

    async def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)
        async with redis.asyncio.Redis.from_url(self.url) as client:
            async for key in client.scan_iter(match="{omniroute}:record:*"):
                await client.pexpire(key, await client.pttl(key) - round(seconds * 1000))

    async def close(self) -> None:
        for state in self.states:
            await state.close()
        async with redis.asyncio.Redis.from_url(self.url, socket_connect_timeout=30) as client:
            if keys := [key async for key in client.scan_iter(match="{omniroute}:*")]:
                await client.delete(*keys)


Store = MemoryStore | RedisStore


@pytest.fixture(params=["memory", "redis"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    name = request.param
    store = RedisStore(request.getfixturevalue("redis_url")) if name == "redis" else MemoryStore()
    yield store
    await store.close()


@pytest.fixture
async def redis_store(redis_url: str) -> AsyncIterator[RedisStore]:
    store = RedisStore(redis_url)
    yield store
    await store.close()


@pytest.fixture
async def state(store: Store) -> State:
    return await store.state()


@pytest.fixture
def clock(store: Store) -> Clock:
    return store.clock
