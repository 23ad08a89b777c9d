"""Redis stops, hangs, or forgets everything, while calls run: they run on, and nothing is lost."""

import asyncio
import logging
import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis.asyncio

from gateway.errors import BudgetSpent, RateLimited
from gateway.snapshot import Limits
from gateway.state import Claim, Lease
from gateway.state.budgets import Logged, calendar
from gateway.state.redis import RedisState
from tests.gateway.state.conftest import RedisStore
from tests.gateway.state.own_redis import OwnRedis
from tests.services import require

USD = 10**12
SOON_S = 2.0


@pytest.fixture
def server() -> Iterator[OwnRedis]:
    server = OwnRedis()
    require(server.start(), "Redis")
    yield server
    server.stop()


@pytest.fixture
async def store(server: OwnRedis) -> Any:
    store = RedisStore(server.url)
    yield store
    for state in store.states:
        await state.close()


@pytest.fixture
async def two(store: RedisStore) -> tuple[RedisState, RedisState]:
    options: dict[str, Any] = {"processes": 2, "retry_s": 0.02, "raise_after_s": 9999}
    return await store.state(**options), await store.state(**options)


async def claim(
    state: RedisState, limits: Limits, budgets: dict[str, float] | None = None, usd: float = 0
) -> Lease:
    paying = (("key:laptop", budgets),) if budgets else ()
    return await state.claim(Claim("key:laptop", limits, paying, 1, round(usd * USD)))


async def fits(state: RedisState, limits: Limits, budgets: dict[str, float] | None = None) -> int:
    """How many more calls at 1 USD are let in; all of them keep running."""
    for count in range(100):
        try:
            await claim(state, limits, budgets, 1)
        except (RateLimited, BudgetSpent):
            return count
    raise AssertionError("nothing refuses")


async def back(*states: RedisState) -> None:
    """Until all of them are. One that was idle may not have noticed that it was away."""
    async with asyncio.timeout(SOON_S):
        for state in states:
            await state.turn(["notices"])
            while state.degraded:  # noqa: ASYNC110  # it tells only people
                await asyncio.sleep(0.005)


async def forget(server: OwnRedis) -> None:
    async with redis.asyncio.Redis.from_url(server.url) as client:
        await client.flushall()


FREE = Limits()
AT_ONCE = Limits(concurrency=10)


async def test_without_redis_a_process_starts_and_grants_its_share() -> None:
    state = RedisState(OwnRedis().url, processes=2)
    await state.start()
    assert state.degraded == "ConnectionError"
    assert await fits(state, AT_ONCE) == 5
    assert await state.turn(["a"]) == [0]
    await state.write("answer", b"yes", 60)
    assert await state.read("answer") == b"yes"
    assert await state.take("answer", b"no", 60) == b"yes"
    state.broadcast("health", b"nobody hears it")
    await state.close()


async def test_while_redis_is_stopped_each_grants_its_share_and_both_say_so(
    two: tuple[RedisState, RedisState], server: OwnRedis, caplog: pytest.LogCaptureFixture
) -> None:
    held = await claim(two[0], AT_ONCE)
    server.stop()
    with caplog.at_level(logging.WARNING):
        # The one that runs already is a part of its share.
        assert [await fits(state, AT_ONCE) for state in two] == [4, 5]
    assert all(state.degraded for state in two)
    assert all(state.words.startswith("in memory, this process's share") for state in two)
    assert [record.message for record in caplog.records].count(
        "Redis is away (ConnectionError): this process grants its share"
    ) == 2
    held.settle(0, 0)
    assert await fits(two[0], AT_ONCE) == 1


async def test_when_it_is_back_all_that_runs_is_counted_together_again(
    two: tuple[RedisState, RedisState], server: OwnRedis, caplog: pytest.LogCaptureFixture
) -> None:
    before = await claim(two[0], AT_ONCE)
    server.stop()
    during = await claim(two[1], AT_ONCE)
    gone = await claim(two[1], AT_ONCE)
    gone.settle(0, 0)
    with caplog.at_level(logging.WARNING):
        server.start()
        await back(*two)
    assert "Redis is there" in caplog.text
    assert await fits(two[0], AT_ONCE) == 8
    before.settle(0, 0)
    during.settle(0, 0)
    assert await fits(two[0], AT_ONCE) == 1
    await asyncio.sleep(0.02)
    assert await fits(two[1], AT_ONCE) == 1


async def test_what_was_spent_and_reserved_is_known_to_a_redis_that_has_lost_everything(
    two: tuple[RedisState, RedisState], server: OwnRedis, store: RedisStore
) -> None:
    budgets = {"daily_usd": 20.0, "monthly_usd": 30.0}
    (await claim(two[0], FREE, budgets, 3)).settle(1, 2 * USD)
    running = await claim(two[1], FREE, budgets, 4)
    server.stop()
    (await claim(two[1], FREE, budgets, 1)).settle(1, USD)
    server.start()
    await back(*two)
    assert await fits(two[0], FREE, budgets) == 13  # of 20 without 2, 4 and 1
    running.settle(1, 3 * USD)
    await two[1].turn(["after it"])
    assert await fits(two[0], FREE, budgets) == 1


async def test_what_the_log_has_by_then_counts_once(
    two: tuple[RedisState, RedisState], server: OwnRedis, store: RedisStore
) -> None:
    budgets = {"daily_usd": 20.0}
    for state in two:
        (await claim(state, FREE, budgets, 3)).settle(1, 3 * USD)
    store.clock.advance(1)
    day = calendar(store.clock.wall)
    for state in two:
        sums = {("key:laptop", "daily"): (6 * USD, 2, 2)}
        state.load(Logged(day, sums, {}, known_until=store.clock.mono))
    await forget(server)
    await back(*two)
    assert await fits(two[0], FREE, budgets) == 14


async def test_a_redis_that_only_was_out_of_reach_is_told_what_it_missed(
    two: tuple[RedisState, RedisState], server: OwnRedis
) -> None:
    budgets = {"daily_usd": 20.0}
    lease = await claim(two[0], AT_ONCE, budgets, 3)
    server.hang()
    began = time.monotonic()
    (await claim(two[0], AT_ONCE, budgets, 2)).settle(1, 2 * USD)
    assert 0.2 < time.monotonic() - began < 0.5
    began = time.monotonic()
    lease.settle(1, USD)
    await claim(two[0], AT_ONCE, budgets, 4)
    assert time.monotonic() - began < 0.02  # nobody waits for it twice
    server.go_on()
    await back(two[0])
    # What it did of the batch that nobody waited for is put right.
    await asyncio.sleep(0.05)
    assert await fits(two[1], FREE, budgets) == 13
    assert await fits(two[1], Limits(concurrency=15)) == 1


async def test_a_redis_that_forgets_is_told_again_by_everybody(
    two: tuple[RedisState, RedisState], server: OwnRedis
) -> None:
    held = [await claim(state, AT_ONCE) for state in two for _ in range(4)]
    await forget(server)
    await back(*two)
    assert await fits(two[0], AT_ONCE) == 2
    for lease in held:
        lease.settle(0, 0)
    for state in two:
        await state.turn(["after it"])
    assert await fits(two[1], AT_ONCE) == 8


async def test_a_budget_is_not_overrun_by_an_outage_in_the_middle(
    two: tuple[RedisState, RedisState], server: OwnRedis
) -> None:
    budgets = {"daily_usd": 10.0}
    running, let_in = 0, 0

    async def client(state: RedisState) -> None:
        nonlocal running, let_in
        for _ in range(60):
            try:
                lease = await claim(state, FREE, budgets, 0.1)
            except BudgetSpent:
                continue
            let_in += 1
            await asyncio.sleep(0.001)
            lease.settle(1, USD // 10)

    async def outage() -> None:
        await asyncio.sleep(0.02)
        server.stop()
        await asyncio.sleep(0.1)
        server.start()

    await asyncio.gather(outage(), *(client(state) for state in two for _ in range(3)))
    await back(*two)
    await client(two[0])
    assert let_in == 100
