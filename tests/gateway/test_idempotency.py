"""`Idempotency-Key`: once done, answered as often as it is asked; on loops that skip their waits.

An `Idempotency` is a process's; those that share a state are several processes'. A process that is
killed is a loop that is not run any more.
"""

import asyncio
from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar

import pytest

from gateway.errors import (
    AnswerNotKept,
    BadRequest,
    GatewayError,
    IdempotencyInProgress,
    IdempotencyMismatch,
)
from gateway.idempotency import (
    KEPT_S,
    POLL_S,
    RENEW_S,
    RUNNING_S,
    First,
    Idempotency,
    fingerprint,
    read_key,
)
from gateway.kept import Kept
from gateway.state.memory import MemoryState
from tests.gateway.clocks import SkippingLoop

Value = TypeVar("Value")

DAY_S = 24 * 3600


def kept(body: bytes = b"{}", status: int = 200) -> Kept:
    return Kept(status, "application/json", False, (body,), (), None, 1000.0)


@pytest.fixture
def loop() -> Iterator[SkippingLoop]:
    loop = SkippingLoop()
    yield loop
    loop.close()


@pytest.fixture
def state(loop: SkippingLoop) -> MemoryState:
    return MemoryState(clock=loop.time)


def run(loop: SkippingLoop, work: Coroutine[Any, Any, Value]) -> Value:
    async def bounded() -> Value:
        async with asyncio.timeout(30 * DAY_S):
            return await work

    return loop.run_until_complete(bounded())


async def begin(
    process: Idempotency, tenant: int = 1, body: str = "body", wait_s: float = 60
) -> First | Kept:
    return await process.begin(tenant, "key", body, wait_s=wait_s)


async def begin_first(process: Idempotency, tenant: int = 1) -> First:
    begun = await begin(process, tenant)
    assert isinstance(begun, First)
    return begun


async def refused(process: Idempotency, **asked: Any) -> GatewayError:
    with pytest.raises(GatewayError) as refusal:
        await begin(process, **asked)
    return refusal.value


# --- Duplicates --------------------------------------------------------------------------------


@pytest.mark.parametrize("processes", [1, 5])
def test_of_fifty_at_once_one_runs_and_all_have_its_answer(
    loop: SkippingLoop, state: MemoryState, processes: int
) -> None:
    homes = [Idempotency(state) for _ in range(processes)]
    ran: list[bytes] = []

    async def call(number: int) -> bytes:
        begun = await begin(homes[number % processes])
        if isinstance(begun, Kept):
            return begun.body
        await asyncio.sleep(7)
        ran.append(b"%d" % number)
        await begun.done(kept(ran[-1]))
        return ran[-1]

    async def work() -> list[bytes]:
        return await asyncio.gather(*map(call, range(50)))

    answers = run(loop, work())
    assert len(ran) == 1
    assert answers == ran * 50
    assert all(not home.running for home in homes)


@pytest.mark.parametrize("processes", [1, 5])
def test_where_the_first_fails_the_next_runs_and_the_others_wait_on(
    loop: SkippingLoop, state: MemoryState, processes: int
) -> None:
    homes = [Idempotency(state) for _ in range(processes)]
    ran: list[int] = []

    async def call(number: int) -> str:
        begun = await begin(homes[number % processes])
        if isinstance(begun, Kept):
            return "answered"
        ran.append(number)
        await asyncio.sleep(7)
        await (begun.done(kept()) if len(ran) == 3 else begun.failed())
        return "ran"

    async def work() -> list[str]:
        return await asyncio.gather(*map(call, range(20)))

    outcomes = run(loop, work())
    assert len(ran) == 3
    assert outcomes.count("answered") == 17


@pytest.mark.parametrize("shared", [True, False], ids=["same process", "another process"])
def test_a_duplicate_waits_so_long_and_is_told_to_come_back(
    loop: SkippingLoop, state: MemoryState, shared: bool
) -> None:
    home = Idempotency(state)
    other = home if shared else Idempotency(state)

    async def work() -> None:
        async with await begin_first(home):
            began = loop.time()
            error = await refused(other, wait_s=3)
            assert isinstance(error, IdempotencyInProgress)
            assert error.come_back_s is not None
            assert loop.time() - began == pytest.approx(3)
            assert isinstance(await refused(other, wait_s=0), IdempotencyInProgress)
            assert loop.time() - began == pytest.approx(3)

    run(loop, work())


def test_an_answer_reaches_another_process_with_the_next_look(
    loop: SkippingLoop, state: MemoryState
) -> None:
    async def work() -> None:
        first = await begin_first(Idempotency(state))
        waiting = asyncio.ensure_future(begin(Idempotency(state)))
        await asyncio.sleep(2)
        await first.done(kept(b"late"))
        done = loop.time()
        assert await waiting == kept(b"late")
        assert loop.time() - done <= POLL_S * 1.01

    run(loop, work())


@pytest.mark.parametrize("shared", [True, False], ids=["same process", "another process"])
def test_another_body_under_the_same_key_is_refused_before_and_after_the_answer(
    loop: SkippingLoop, state: MemoryState, shared: bool
) -> None:
    home = Idempotency(state)
    other = home if shared else Idempotency(state)

    async def work() -> None:
        first = await begin_first(home)
        for _ in range(2):
            error = await refused(other, body="another")
            assert isinstance(error, IdempotencyMismatch)
            assert (error.status, error.param) == (422, "Idempotency-Key")
            await first.done(kept())
        assert await begin(other) == kept()

    run(loop, work())


def test_each_api_key_has_keys_of_its_own(loop: SkippingLoop, state: MemoryState) -> None:
    async def work() -> None:
        home = Idempotency(state)
        for tenant in (1, 2):
            await (await begin_first(home, tenant)).done(kept(b"%d" % tenant))
        assert [await begin(home, tenant) for tenant in (1, 2)] == [kept(b"1"), kept(b"2")]

    run(loop, work())


# --- Answers -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "is_kept"),
    [(status, True) for status in (200, 201, 299, 400, 404, 413, 422)]
    + [(status, False) for status in (300, 401, 402, 403, 408, 409, 429, 499, 500, 502, 503, 504)],
)
def test_what_a_retry_would_not_change_is_its_answer(
    loop: SkippingLoop, state: MemoryState, status: int, is_kept: bool
) -> None:
    async def work() -> None:
        home = Idempotency(state)
        await (await begin_first(home)).done(kept(status=status))
        again = await begin(home)
        assert isinstance(again, Kept) is is_kept

    run(loop, work())


def test_an_answer_is_given_again_for_a_day(loop: SkippingLoop, state: MemoryState) -> None:
    async def work() -> None:
        home = Idempotency(state)
        await (await begin_first(home)).done(kept())
        await asyncio.sleep(DAY_S - 1)
        assert await begin(home) == kept()
        await asyncio.sleep(1)
        await (await begin_first(home)).failed()

    run(loop, work())
    assert KEPT_S == DAY_S


@pytest.mark.parametrize("shared", [True, False], ids=["same process", "another process"])
def test_an_answer_that_is_too_large_is_not_asked_for_again(
    loop: SkippingLoop, state: MemoryState, shared: bool
) -> None:
    home = Idempotency(state)
    other = home if shared else Idempotency(state)

    async def work() -> None:
        first = await begin_first(home)
        waiting = asyncio.ensure_future(refused(other))
        await asyncio.sleep(1)
        await first.done(None)
        for error in (await waiting, await refused(home), await refused(other)):
            assert isinstance(error, AnswerNotKept)
            assert (error.status, error.come_back_s) == (409, None)
            assert "too large" in str(error)

    run(loop, work())


def test_the_first_end_is_the_end(loop: SkippingLoop, state: MemoryState) -> None:
    async def work() -> None:
        home = Idempotency(state)
        async with await begin_first(home) as first:
            await first.done(kept(b"one"))
            await first.done(kept(b"two"))
            await first.failed()
        assert await begin(home) == kept(b"one")

    run(loop, work())


# --- Clients and processes that go -------------------------------------------------------------


def test_a_first_whose_client_leaves_has_failed(loop: SkippingLoop, state: MemoryState) -> None:
    home = Idempotency(state)

    async def call() -> None:
        async with await begin_first(home):
            await asyncio.sleep(60)

    async def work() -> None:
        first = asyncio.ensure_future(call())
        await asyncio.sleep(1)
        waiting = asyncio.ensure_future(begin_first(home))
        await asyncio.sleep(1)
        first.cancel()
        began = loop.time()
        await (await waiting).failed()
        assert loop.time() == began
        assert first.cancelled()

    run(loop, work())


def test_a_duplicate_whose_client_leaves_takes_nothing_with_it(
    loop: SkippingLoop, state: MemoryState
) -> None:
    async def work() -> None:
        home = Idempotency(state)
        first = await begin_first(home)
        leaving, staying = (asyncio.ensure_future(begin(home)) for _ in range(2))
        await asyncio.sleep(1)
        leaving.cancel()
        await asyncio.sleep(1)
        await first.done(kept())
        assert await staying == kept()

    run(loop, work())


def test_a_long_run_keeps_its_key(loop: SkippingLoop, state: MemoryState) -> None:
    async def work() -> None:
        first = await begin_first(Idempotency(state))
        began = loop.time()
        assert isinstance(await refused(Idempotency(state), wait_s=600), IdempotencyInProgress)
        await first.done(kept())
        assert loop.time() - began == pytest.approx(600)
        await asyncio.sleep(2 * RUNNING_S)  # nothing renews a run that is over
        assert await begin(Idempotency(state)) == kept()

    run(loop, work())


def test_a_run_whose_record_was_lost_is_found_in_its_own_process(
    loop: SkippingLoop, state: MemoryState
) -> None:
    async def work() -> None:
        home = Idempotency(state)
        first = await begin_first(home)
        for name in list(state._records._records):  # other records needed the room
            await state.drop(name)
        waiting = asyncio.ensure_future(begin(home))
        await asyncio.sleep(1)
        await first.done(kept())
        assert await waiting == kept()

    run(loop, work())


def test_a_killed_process_blocks_its_keys_for_seconds(
    loop: SkippingLoop, state: MemoryState
) -> None:
    killed = SkippingLoop()
    run(killed, begin_first(Idempotency(state)))
    began = loop.time()
    run(loop, begin_first(Idempotency(state)))
    assert loop.time() - began == pytest.approx(RUNNING_S, abs=2 * POLL_S)
    killed.close()


@pytest.mark.parametrize("ends", ["done", "failed"])
def test_a_process_that_hung_leaves_the_key_to_whoever_took_it(
    loop: SkippingLoop, state: MemoryState, ends: str
) -> None:
    hung = SkippingLoop()
    late = run(hung, begin_first(Idempotency(state)))
    first = run(loop, begin_first(Idempotency(state)))
    hung.skipping.now = loop.time()

    async def wake() -> None:
        await asyncio.sleep(0)  # its renewal is overdue
        await (late.done(kept(b"late")) if ends == "done" else late.failed())

    async def work() -> None:
        waiting = asyncio.ensure_future(begin(Idempotency(state)))
        await asyncio.sleep(1)
        await first.done(kept(b"in time"))
        assert await waiting == kept(b"in time")

    run(hung, wake())
    run(loop, work())
    hung.close()


def test_a_process_that_hung_while_nobody_asked_keeps_its_answer(
    loop: SkippingLoop, state: MemoryState
) -> None:
    async def work() -> None:
        home = Idempotency(state)
        first = await begin_first(home)
        loop.skipping.now += 2 * RUNNING_S  # the loop was busy: no timer fired
        await first.done(kept())
        assert await begin(home) == kept()

    run(loop, work())


# --- The store ---------------------------------------------------------------------------------


class Slow(MemoryState):
    """What it is told to write it writes a second later; cancelled or not."""

    async def write(self, key: str, value: bytes, ttl_s: float) -> None:
        await asyncio.sleep(1)
        await super().write(key, value, ttl_s)


def test_an_end_waits_for_the_renewal_that_is_under_way(loop: SkippingLoop) -> None:
    async def work() -> None:
        state = Slow(clock=loop.time)
        first = await begin_first(Idempotency(state))
        await asyncio.sleep(RENEW_S + 0.5)
        await first.failed()
        await asyncio.sleep(3 * RENEW_S)  # nor does another one follow
        began = loop.time()
        await (await begin_first(Idempotency(state))).failed()
        assert loop.time() == began

    run(loop, work())


class Away(MemoryState):
    """A store that works until it is `away`, which takes a moment to find out."""

    away = True

    async def _reach(self) -> None:
        await asyncio.sleep(0)
        if self.away:
            raise ConnectionError

    async def read(self, key: str) -> bytes | None:
        await self._reach()
        return await super().read(key)

    async def write(self, key: str, value: bytes, ttl_s: float) -> None:
        await self._reach()
        await super().write(key, value, ttl_s)

    async def take(self, key: str, value: bytes, ttl_s: float) -> bytes | None:
        await self._reach()
        return await super().take(key, value, ttl_s)


def test_without_a_store_requests_run_and_wait_for_each_other_in_their_process(
    loop: SkippingLoop,
) -> None:
    async def work() -> None:
        home = Idempotency(Away(clock=loop.time))
        first = await begin_first(home)
        waiting = asyncio.ensure_future(begin(home))
        await asyncio.sleep(3 * RUNNING_S)
        await first.done(kept())
        assert await waiting == kept()
        await (await begin_first(home)).failed()  # nobody remembers

    run(loop, work())


def test_without_a_store_one_of_many_at_once_runs(loop: SkippingLoop) -> None:
    home = Idempotency(Away(clock=loop.time))

    async def call() -> bool:
        begun = await begin(home)
        if isinstance(begun, First):
            await asyncio.sleep(1)
            await begun.done(kept())
        return isinstance(begun, First)

    async def work() -> list[bool]:
        return await asyncio.gather(*(call() for _ in range(20)))

    assert run(loop, work()).count(True) == 1


class Crossing(MemoryState):
    """The second taker is on its way for 2 seconds; who drops hears 2 seconds later that it did."""

    takers = 0

    async def take(self, key: str, value: bytes, ttl_s: float) -> bytes | None:
        self.takers += 1
        await asyncio.sleep(2 if self.takers == 2 else 0)
        return await super().take(key, value, ttl_s)

    async def drop(self, key: str) -> None:
        await super().drop(key)
        await asyncio.sleep(2)


def test_who_takes_a_key_while_it_is_given_back_has_it(loop: SkippingLoop) -> None:
    async def work() -> None:
        home = Idempotency(Crossing(clock=loop.time))
        taking = asyncio.ensure_future(begin_first(home)), asyncio.ensure_future(begin_first(home))
        first = await taking[0]
        await asyncio.sleep(1)
        await first.failed()
        began = loop.time()
        async with await taking[1]:
            assert loop.time() == began
            await asyncio.sleep(RUNNING_S)
            other = Idempotency(home.state)
            assert isinstance(await refused(other, wait_s=0), IdempotencyInProgress)

    run(loop, work())


class Counting(MemoryState):
    reads = 0

    async def read(self, key: str) -> bytes | None:
        self.reads += 1
        return await super().read(key)


def test_a_run_that_is_renewed_in_time_need_not_ask_whose_it_is(loop: SkippingLoop) -> None:
    async def work() -> int:
        state = Counting(clock=loop.time)
        first = await begin_first(Idempotency(state))
        await asyncio.sleep(10 * RUNNING_S)
        await first.done(kept())
        return state.reads

    assert run(loop, work()) == 0


def test_a_store_that_comes_back_has_the_key_renewed(loop: SkippingLoop) -> None:
    async def work() -> None:
        state = Away(clock=loop.time)
        state.away = False
        first = await begin_first(Idempotency(state))
        state.away = True
        await asyncio.sleep(2 * RUNNING_S)
        state.away = False
        await asyncio.sleep(RENEW_S)
        assert isinstance(await refused(Idempotency(state), wait_s=1), IdempotencyInProgress)
        await first.done(kept())
        assert await begin(Idempotency(state)) == kept()

    run(loop, work())


def test_a_record_that_cannot_be_read_is_replaced(loop: SkippingLoop, state: MemoryState) -> None:
    async def work() -> None:
        home = Idempotency(state)
        await (await begin_first(home)).done(kept())
        (name,) = state._records._records
        await state.write(name, b"\x93\x01", DAY_S)
        first = await begin_first(home)
        assert isinstance(await refused(Idempotency(state), wait_s=0), IdempotencyInProgress)
        await first.done(kept(b"new"))
        assert await begin(home) == kept(b"new")

    run(loop, work())


# --- Header and fingerprint --------------------------------------------------------------------


@pytest.mark.parametrize("header", [b"a", b"stainless-python-retry-1 ~", b"x" * 255])
def test_a_key_is_read(header: bytes) -> None:
    assert read_key(header) == header.decode()


def test_no_header_is_no_key() -> None:
    assert read_key(None) is None


@pytest.mark.parametrize("header", [b"", b"x" * 256, b"caf\xe9", b"a\tb", b"a\x7f", b"\x00"])
def test_a_key_that_cannot_be_one_is_refused_by_its_name(header: bytes) -> None:
    with pytest.raises(BadRequest, match="Idempotency-Key") as refusal:
        read_key(header)
    assert (refusal.value.status, refusal.value.param) == (400, "Idempotency-Key")


def test_the_same_request_is_the_same_bytes_for_the_same_address() -> None:
    asked = ("/v1beta/models/m:streamGenerateContent", "text/event-stream", b'{"a":1}')
    others = [
        ("/v1beta/models/n:streamGenerateContent", "text/event-stream", b'{"a":1}'),
        ("/v1beta/models/m:streamGenerateContent", "application/json", b'{"a":1}'),
        ("/v1beta/models/m:streamGenerateContent", "text/event-stream", b'{"a": 1}'),
    ]
    assert fingerprint(*asked) == fingerprint(*asked)
    assert fingerprint(*asked) not in {fingerprint(*other) for other in others}
