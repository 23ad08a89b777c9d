"""Several processes on one Redis: they agree, none takes what a dead one held, and none stops."""

import asyncio
import multiprocessing
import random
import time
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection

import pytest
import redis.asyncio

from gateway.errors import BudgetSpent, RateLimited
from gateway.snapshot import Limits
from gateway.state import Claim, Lease
from gateway.state.budgets import Logged, calendar
from gateway.state.redis import RedisState
from tests.gateway.state.conftest import RedisStore

USD = 10**12
AGREE_S = 0.1


async def claim(
    state: RedisState,
    limits: Limits = Limits(),  # noqa: B008  # frozen
    budgets: dict[str, float] | None = None,
    usd: float = 0,
) -> Lease:
    paying = (("key:laptop", budgets),) if budgets else ()
    return await state.claim(Claim("key:laptop", limits, paying, 1, round(usd * USD)))


async def within(seconds: float, deed: Callable[[], Awaitable[object]]) -> None:
    """Until `deed` is not refused any more."""
    until = time.monotonic() + seconds
    while True:
        try:
            await deed()
            return
        except (RateLimited, BudgetSpent):
            assert time.monotonic() < until, "refused for too long"
            await asyncio.sleep(0.002)


@pytest.fixture
async def two(redis_store: RedisStore) -> tuple[RedisState, RedisState]:
    return await redis_store.state(), await redis_store.state()


# --- They agree --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "budgets", "refused"),
    [
        (Limits(rpm=1), None, RateLimited),
        (Limits(tpm=1), None, RateLimited),
        (Limits(concurrency=1), None, RateLimited),
        (Limits(), {"daily_usd": 1}, BudgetSpent),
        (Limits(), {"monthly_requests": 1}, BudgetSpent),
    ],
    ids=str,
)
async def test_what_one_takes_the_other_has_not(
    two: tuple[RedisState, RedisState],
    limits: Limits,
    budgets: dict[str, float] | None,
    refused: type[Exception],
) -> None:
    await claim(two[0], limits, budgets, 1)
    with pytest.raises(refused):
        await claim(two[1], limits, budgets, 1)


async def test_what_one_gives_back_the_other_has_within_100_ms(
    two: tuple[RedisState, RedisState],
) -> None:
    limits, budgets = Limits(concurrency=1, tpm=1), {"daily_usd": 1.0}
    lease = await claim(two[0], limits, budgets, 1)
    lease.settle(0, 0)
    await within(AGREE_S, lambda: claim(two[1], limits, budgets, 1))


async def test_turns_and_records_are_everybodys(two: tuple[RedisState, RedisState]) -> None:
    assert [await state.turn(["combo"]) for state in (*two, *two)] == [[0], [1], [2], [3]]
    await two[0].write("answer", b"\x00\xff", 60)
    assert await two[1].read("answer") == b"\x00\xff"
    assert await two[1].take("answer", b"mine", 60) == b"\x00\xff"
    await two[1].drop("answer")
    assert await two[0].read("answer") is None


async def test_what_one_broadcasts_the_others_hear_and_nobody_else_calls_it(
    redis_store: RedisStore,
) -> None:
    heard: list[tuple[str, bytes]] = []
    states = []
    for name in "abc":
        state = await redis_store.state(start=False)
        state.subscribe("health", lambda data, name=name: heard.append((name, data)))  # type: ignore[misc]
        await state.start()
        states.append(state)

    async def all_hear() -> None:
        states[0].broadcast("health", b"\x00down")
        states[0].broadcast("other", b"no")
        await asyncio.sleep(0.01)
        if {name for name, _ in heard} != {"b", "c"}:
            raise RateLimited("not yet", retry_after_s=0)

    await within(2, all_hear)
    assert {data for _, data in heard} == {b"\x00down"}


async def test_a_claim_that_nobody_waits_for_any_more_is_given_back(
    two: tuple[RedisState, RedisState],
) -> None:
    limits, budgets = Limits(concurrency=1), {"daily_usd": 1.0}
    asked = asyncio.create_task(claim(two[0], limits, budgets, 1))
    await asyncio.sleep(0)  # it has been sent
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    await within(AGREE_S, lambda: claim(two[1], limits, budgets, 1))


async def test_room_for_records_is_bounded_and_who_ends_first_makes_it(
    redis_store: RedisStore,
) -> None:
    state = await redis_store.state(records_bytes=3_000)
    await state.write("long", bytes(1_000), 3600)
    for number in range(20):
        await state.write(f"short{number}", bytes(1_000), 60)
    assert await state.read("long") == bytes(1_000)
    assert await state.read("short0") is None
    assert await state.read("short19") == bytes(1_000)
    await state.write("short19", bytes(4_000), 60)
    assert await state.read("short19") is None


async def test_every_key_has_the_one_hash_tag_that_keeps_it_on_one_node_of_a_cluster(
    two: tuple[RedisState, RedisState], redis_store: RedisStore
) -> None:
    async with redis.asyncio.Redis.from_url(redis_store.url, decode_responses=True) as client:
        before = set(await client.keys())
        (await claim(two[0], Limits(rpm=9, tpm=9), {"daily_usd": 5}, 1)).settle(2, USD)
        await claim(two[1])
        await two[0].write("answer", b"yes", 60)
        await two[0].turn(["a"])
        made = {str(key) for key in set(await client.keys()) - before}
    assert len(made) >= 6
    assert all(key.startswith("{omniroute}:") for key in made)


# --- Processes that die ------------------------------------------------------------------------

fork = multiprocessing.get_context("fork")


def hold(url: str, limits: Limits, budgets: dict[str, float], told: Connection) -> None:
    """A process that takes a call and never ends it."""

    async def run() -> None:
        state = RedisState(url, lease_s=0.3)
        await state.start()
        await claim(state, limits, budgets, 1)
        told.send("held")
        await asyncio.sleep(60)

    asyncio.run(run())


async def test_a_killed_process_holds_no_calls_but_its_budget_stays_spent(
    redis_store: RedisStore,
) -> None:
    limits, budgets = Limits(concurrency=1), {"daily_usd": 3.0}
    here, there = fork.Pipe()
    process = fork.Process(target=hold, args=(redis_store.url, limits, budgets, there))
    process.start()
    assert await asyncio.to_thread(here.poll, 10)
    state = RedisState(redis_store.url, lease_s=0.3)
    await state.start()
    with pytest.raises(RateLimited):
        await claim(state, limits, budgets, 1)
    process.kill()
    await asyncio.to_thread(process.join)
    with pytest.raises(RateLimited):
        await claim(state, limits, budgets, 1)
    await within(1, lambda: claim(state, limits, budgets, 1))
    with pytest.raises(BudgetSpent, match="1 USD left, too little"):
        await claim(state, Limits(), budgets, 1.5)
    await state.close()


def spend(url: str, seed: int, told: Connection) -> None:
    """16 clients, until each has been refused; tells what all of it cost."""
    random.seed(seed)

    async def client(state: RedisState) -> int:
        cost = 0
        while True:
            try:
                lease = await claim(state, budgets={"daily_usd": 1.0}, usd=0.0012)
            except BudgetSpent:
                return cost
            await asyncio.sleep(0)
            cost += (spent := random.randint(USD * 8 // 10_000, USD * 12 // 10_000))
            lease.settle(1, spent)

    async def run() -> None:
        state = RedisState(url, processes=4)
        await state.start()
        told.send("ready")
        await asyncio.to_thread(told.recv)
        told.send(sum(await asyncio.gather(*(client(state) for _ in range(16)))))
        await state.close()

    asyncio.run(run())


async def test_64_clients_of_4_processes_spend_a_budget_and_not_more(
    redis_store: RedisStore,
) -> None:
    pipes = [fork.Pipe() for _ in range(4)]
    processes = [
        fork.Process(target=spend, args=(redis_store.url, seed, there))
        for seed, (_, there) in enumerate(pipes)
    ]
    for process in processes:
        process.start()
    for here, _ in pipes:
        assert await asyncio.to_thread(here.recv) == "ready"
    for here, _ in pipes:
        here.send("go")
    costs = [await asyncio.to_thread(here.recv) for here, _ in pipes]
    for process in processes:
        await asyncio.to_thread(process.join)
    assert all(costs)
    assert 0.95 * USD <= sum(costs) <= USD


# --- What the log says -------------------------------------------------------------------------


async def test_what_only_the_log_knows_counts_too(redis_store: RedisStore) -> None:
    state = await redis_store.state(raise_after_s=0)
    (await claim(state, budgets={"daily_usd": 10}, usd=1)).settle(1, USD)
    day = calendar(redis_store.clock.wall)
    state.load(Logged(day, {("key:laptop", "daily"): (4 * USD, 0, 0)}))
    state.beat()
    with pytest.raises(BudgetSpent, match="6 USD left, too little"):
        await claim(state, budgets={"daily_usd": 10}, usd=7)
    await claim(state, budgets={"daily_usd": 10}, usd=6)


async def test_who_comes_later_adds_nothing_that_the_log_and_redis_both_have(
    two: tuple[RedisState, RedisState], redis_store: RedisStore
) -> None:
    (await claim(two[0], budgets={"daily_usd": 10}, usd=4)).settle(1, 4 * USD)
    day = calendar(redis_store.clock.wall)
    two[1].load(Logged(day, {("key:laptop", "daily"): (4 * USD, 0, 0)}))
    await claim(two[1], budgets={"daily_usd": 10}, usd=6)
