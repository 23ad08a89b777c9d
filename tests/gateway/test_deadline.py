"""A limit that moves, on a loop whose clock is the test's."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.deadline import Deadline
from gateway.errors import UpstreamTimeout
from tests.gateway.clocks import SkippingLoop


@pytest.fixture
def loop() -> Iterator[SkippingLoop]:
    loop = SkippingLoop()
    yield loop
    loop.close()


def run(loop: SkippingLoop, work: Any) -> tuple[str, int]:
    """What became of `work`, and how many seconds it took on the loop's clock."""
    began = loop.time()
    try:
        loop.run_until_complete(work)
    except UpstreamTimeout as error:
        return str(error), round(loop.time() - began)
    return "done", round(loop.time() - began)


def test_what_is_in_time_is_left_alone(loop: SkippingLoop) -> None:
    async def work() -> None:
        limit = Deadline(10)
        with limit:
            limit.expect(5, "response")
            await asyncio.sleep(4)
        limit.stop()

    assert run(loop, work()) == ("done", 4)


def test_a_phase_that_takes_too_long_is_named(loop: SkippingLoop) -> None:
    async def work() -> None:
        with Deadline(10) as limit:
            limit.expect(2, "response")
            await asyncio.sleep(60)

    assert run(loop, work()) == (
        "no response within the time limit",
        2,
    )


def test_each_sign_of_life_renews_the_phase(loop: SkippingLoop) -> None:
    async def work() -> None:
        with Deadline(100) as limit:
            limit.expect(2, "further content")
            for _ in range(20):
                await asyncio.sleep(1.5)
                limit.renew(2)
            await asyncio.sleep(60)

    assert run(loop, work()) == (
        "no further content within the time limit",
        32,
    )


def test_no_renewal_goes_past_the_total(loop: SkippingLoop) -> None:
    async def work() -> None:
        with Deadline(10) as limit:
            limit.expect(2, "further content")
            while True:
                await asyncio.sleep(1)
                limit.renew(2)

    assert run(loop, work())[1] == 10


def test_a_longer_phase_after_a_shorter_one_has_its_time(loop: SkippingLoop) -> None:
    async def work() -> None:
        with Deadline(100) as limit:
            limit.expect(1, "response")
            await asyncio.sleep(0.5)
            limit.expect(30, "content")
            await asyncio.sleep(20)
        limit.stop()

    assert run(loop, work())[0] == "done"


def test_a_cancellation_from_outside_stays_one(loop: SkippingLoop) -> None:
    async def work() -> None:
        with Deadline(100):
            await asyncio.sleep(60)

    async def cancel() -> None:
        task = asyncio.ensure_future(work())
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    assert run(loop, cancel())[0] == "done"


def test_a_stopped_limit_cancels_nothing(loop: SkippingLoop) -> None:
    async def work() -> None:
        limit = Deadline(5)
        limit.stop()
        await asyncio.sleep(60)

    assert run(loop, work())[0] == "done"


def test_between_its_blocks_a_limit_cancels_nothing(loop: SkippingLoop) -> None:
    async def work() -> None:
        limit = Deadline(100)
        limit.expect(2, "further content")
        await asyncio.sleep(30)  # a client that reads slowly
        with limit:
            limit.renew(2)
            await asyncio.sleep(1)
        await asyncio.sleep(30)
        with limit:
            limit.renew(2)
            await asyncio.sleep(60)

    assert run(loop, work()) == ("no further content within the time limit", 63)
