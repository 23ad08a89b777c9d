"""Who waits for a limit's turn, and for how long."""

import asyncio
from collections.abc import Callable

import pytest

from gateway.errors import RateLimited
from gateway.snapshot import Limits
from gateway.state import Claim
from gateway.state.memory import MemoryState
from gateway.state.waiting import Lines


@pytest.fixture
def lines() -> Lines:
    return Lines(MemoryState())


def one_at_once(max_wait: float = 5) -> Claim:
    return Claim("connection:main", Limits(concurrency=1, max_wait=max_wait))


async def test_without_a_wait_a_full_limit_refuses_at_once(lines: Lines) -> None:
    await lines.claim(one_at_once(0), "laptop")
    with pytest.raises(RateLimited):
        await lines.claim(one_at_once(0), "laptop")


async def test_whoever_waits_has_its_turn_when_a_call_ends(lines: Lines) -> None:
    running = await lines.claim(one_at_once(), "laptop")
    waiting = asyncio.create_task(lines.claim(one_at_once(), "laptop"))
    await asyncio.sleep(0)
    assert not waiting.done()
    running.settle(0, 0)
    async with asyncio.timeout(0.05):  # and is not looked for every tenth of a second
        await waiting


async def test_after_its_time_it_is_refused(lines: Lines) -> None:
    await lines.claim(one_at_once(), "laptop")
    with pytest.raises(RateLimited, match="1 calls at once"):
        await lines.claim(one_at_once(0.01), "laptop")


async def test_a_rate_that_is_whole_too_late_is_not_waited_for(lines: Lines) -> None:
    claim = Claim("key:laptop", Limits(rpm=1, max_wait=5))
    await lines.claim(claim, "laptop")
    with pytest.raises(RateLimited) as refused:
        async with asyncio.timeout(0.05):
            await lines.claim(claim, "laptop")
    assert refused.value.retry_after_s == pytest.approx(60, abs=1)


async def test_keys_have_their_turns_one_after_the_other(lines: Lines) -> None:
    served: list[str] = []

    async def call(who: str) -> None:
        lease = await lines.claim(one_at_once(), who)
        served.append(who)
        await asyncio.sleep(0)
        lease.settle(0, 0)

    first = await lines.claim(one_at_once(), "first")
    calls = [asyncio.create_task(call(who)) for who in ["greedy"] * 4 + ["modest"] * 2]
    await asyncio.sleep(0)
    first.settle(0, 0)
    await asyncio.gather(*calls)
    assert served == ["greedy", "modest", "greedy", "modest", "greedy", "greedy"]


async def test_nobody_passes_those_who_wait(lines: Lines) -> None:
    running = await lines.claim(one_at_once(), "first")
    order: list[str] = []

    def served(who: str) -> Callable[[asyncio.Task[object]], None]:
        return lambda _: order.append(who)

    early = asyncio.create_task(lines.claim(one_at_once(), "early"))
    early.add_done_callback(served("early"))
    await asyncio.sleep(0)
    running.settle(0, 0)
    late = asyncio.create_task(lines.claim(one_at_once(), "late"))
    late.add_done_callback(served("late"))
    (await early).settle(0, 0)
    await late
    assert order == ["early", "late"]


async def test_who_leaves_the_line_holds_nobody_up(lines: Lines) -> None:
    running = await lines.claim(one_at_once(), "first")
    gone = asyncio.create_task(lines.claim(one_at_once(), "gone"))
    stays = asyncio.create_task(lines.claim(one_at_once(), "stays"))
    await asyncio.sleep(0)
    gone.cancel()
    running.settle(0, 0)
    async with asyncio.timeout(0.05):
        await stays
