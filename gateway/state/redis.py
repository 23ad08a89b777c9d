"""State in Redis: one count for any number of processes and machines.

Each claim is one op of `lua/batch.lua`. What Redis grants is counted in this process's memory too:
when Redis does not answer, that goes on alone, with this process's share of each limit; and when it
answers again, it is told of every call that runs and of all that was spent.
"""

import asyncio
import logging
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from gateway.state import Claim
from gateway.state.budgets import Amounts, Logged
from gateway.state.leases import RedisLease, refusal, told
from gateway.state.limits import CONCURRENCY_WAIT_S, at_once, rate_limited
from gateway.state.line import Away, Line, Op
from gateway.state.memory import MemoryState
from gateway.state.rates import Rate
from gateway.state.server import PREFIX, RECORDS_BYTES, Callback, Server
from gateway.state.shares import Payer, Share, Shares, floats

log = logging.getLogger(__name__)

# A process of which nothing is heard for so long runs no calls any more.
LEASE_S = 10.0
BEAT_S = 1.0
RETRY_S = 0.5
# All processes have stated their parts by so long after one of them has; then the log can tell of
# what nobody has.
RAISE_AFTER_S = 10.0


NOT_YET = "it has not been asked yet"


class RedisState:
    """See `gateway.state.State`.

    Args:
        url: Of the server; with its password, so it is never logged.
        processes: Among how many limits and budgets are divided while Redis is away.
        clock: Seconds that never jump; else Redis's time, and this machine's while it is away.
        wall: Unix seconds, for the calendar.
        lease_s: After how much silence a process is taken for dead.
    """

    is_shared = True

    def __init__(
        self,
        url: str,
        *,
        processes: int = 1,
        clock: Callable[[], float] | None = None,
        wall: Callable[[], float] = time.time,
        lease_s: float = LEASE_S,
        retry_s: float = RETRY_S,
        raise_after_s: float = RAISE_AFTER_S,
        records_bytes: int = RECORDS_BYTES,
    ) -> None:
        self.processes, self.wall, self._clock = processes, wall, clock
        self.clock = clock or time.monotonic
        self.memory = MemoryState(processes=processes, clock=self.clock, wall=wall)
        self._server = Server(url, uuid.uuid4().hex[:16], lease_s, records_bytes=records_bytes)
        self._line = Line(self._exchange, self._closed)
        self._shares = Shares(PREFIX, self.memory.ledger, self._made)
        self._beat_s, self._retry_s = min(BEAT_S, lease_s / 4), retry_s
        self._raise_after_s, self._raise_at = raise_after_s, 0.0
        self._wake = asyncio.Event()
        self._callbacks: dict[str, Callback] = {}
        self._keeping: asyncio.Task[None] | None = None
        self._listening: asyncio.Task[None] | None = None
        self.degraded = NOT_YET

    @property
    def words(self) -> str:
        if self.degraded:
            return f"in memory, this process's share: Redis is away ({self.degraded})"
        return "in Redis"

    # --- The line ----------------------------------------------------------------------------

    async def start(self) -> None:
        await self._join()
        self._keeping = asyncio.create_task(self._keep())

    async def close(self) -> None:
        tasks = [task for task in (self._keeping, self._listening) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._line.is_open:
            self._line.tell(("leave",))
            await self._line.flush()
        await self._server.close()

    async def _keep(self) -> None:
        """Be heard of, or come back."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._beat_s if self._line.is_open else self._retry_s):
                    await self._wake.wait()
            try:
                if self._line.is_open:
                    self.beat()
                else:
                    await self._join()
            except Exception:  # without this task nobody would come back
                log.exception("an error of ours, about Redis")
            self._wake.clear()

    def beat(self) -> None:
        self._shares.drop_ended(self.wall())
        raises = self._shares.raises() if time.monotonic() >= self._raise_at else []
        for op in raises or [("beat",)]:
            self._line.tell(op)

    async def _join(self) -> None:
        """Tell Redis of all that this process runs and has spent; from then on it counts."""
        try:
            await self._server.prepare()
        except Away as error:
            self._announce(str(error))
            return
        self._line.open()
        joined = self._line.ask(("join", self.memory.running()), self._joined)
        for share in self._shares.all():
            self._state(share, joins=True)
        with suppress(Away):  # of which `_closed` has been told
            await joined

    def _joined(self, _: Any) -> None:
        level = logging.INFO if self.degraded == NOT_YET else logging.WARNING
        log.log(level, "Redis is there: limits and budgets are counted in it")
        self.degraded = ""
        self._raise_at = time.monotonic() + self._raise_after_s
        if self._callbacks:
            if self._listening is not None:
                self._listening.cancel()
            self._listening = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        while True:
            with suppress(Away):
                await self._server.listen(self._callbacks)
            await asyncio.sleep(self._retry_s)

    def _made(self, share: Share) -> None:
        if self._line.is_open:
            self._state(share, joins=False)

    def _state(self, share: Share, *, joins: bool) -> None:
        self._line.tell(share.statement(self.wall(), joins=joins), share.stated)

    async def _exchange(self, ops: list[Op]) -> list[Any]:
        return await self._server.exchange(ops, self._clock() if self._clock else None)

    def _closed(self, why: str) -> None:
        self._shares.rebase()
        self._announce(why)
        self._wake.set()

    def _announce(self, why: str) -> None:
        if why != self.degraded:
            log.warning("Redis is away (%s): this process grants its share", why)
        self.degraded = why

    # --- Claims ------------------------------------------------------------------------------

    async def claim(self, claim: Claim) -> RedisLease:
        wall, payer = self.wall(), self._shares.payer
        payers = [payer(subject, limits, wall) for subject, limits in claim.budgets]
        if self._line.is_open:
            answered = partial(self._answered, claim, payers)
            try:
                return await self._line.ask(_op(claim, payers), answered, _give_back)
            except Away:
                pass  # told by now
        return self._lease(claim, payers, await self.memory.claim(claim))

    def _answered(self, claim: Claim, payers: list[Payer], answer: list[Any]) -> RedisLease:
        kind, *details = answer
        if kind == "budget":
            wanted = (claim.picousd, claim.tokens, 1)
            raise refusal(payers, details, wanted, self.wall())
        wait_us, requests_us, tokens_us = details
        now = self.clock()
        rates = Rate(requests_us / 1e6, now), Rate(tokens_us / 1e6, now)
        if kind:
            wait_s = CONCURRENCY_WAIT_S if kind == "concurrency" else wait_us / 1e6
            raise rate_limited(kind, claim.limits, wait_s, told(claim, rates, now))
        return self._lease(claim, payers, self.memory.follow(claim), rates)

    def _lease(self, claim: Claim, payers: list[Payer], *held: Any) -> RedisLease:
        return RedisLease(self._line, self.memory, claim, payers, *held)

    def reserved(self) -> dict[str, Amounts]:
        return self.memory.reserved()

    @property
    def today(self) -> int:
        return self.memory.today

    def load(self, logged: Logged) -> None:
        """Take over what the log says has been spent; from any thread."""
        self.memory.load(logged)

    # --- What is known between calls ---------------------------------------------------------

    async def turn(self, names: Sequence[str], step: int = 1) -> list[int]:
        if self._line.is_open and names:
            with suppress(Away):
                return await self._line.ask(("turn", names, step), list)
        return await self.memory.turn(names, step)

    async def read(self, key: str) -> bytes | None:
        if self._line.is_open:
            with suppress(Away):
                return await self._server.read(key)
        return await self.memory.read(key)

    async def write(self, key: str, value: bytes, ttl_s: float) -> None:
        if self._line.is_open:
            with suppress(Away):
                await self._server.record("write", key, value, ttl_s)
                return
        await self.memory.write(key, value, ttl_s)

    async def take(self, key: str, value: bytes, ttl_s: float) -> bytes | None:
        if self._line.is_open:
            with suppress(Away):
                return await self._server.record("take", key, value, ttl_s)
        return await self.memory.take(key, value, ttl_s)

    async def drop(self, key: str) -> None:
        await self.memory.drop(key)
        if self._line.is_open:
            with suppress(Away):
                await self._server.record("drop", key, b"", 0)

    def broadcast(self, channel: str, data: bytes) -> None:
        self._line.tell(self._server.telling(channel, data))

    def subscribe(self, channel: str, callback: Callable[[bytes], None]) -> None:
        self._callbacks[channel] = callback


def _op(claim: Claim, payers: list[Payer]) -> Op:
    limits = claim.limits
    return (
        "claim",
        claim.subject,
        at_once(limits),
        limits.rpm or 0,
        limits.tpm or 0,
        claim.tokens,
        floats((claim.picousd, claim.tokens, 1)),
        [share for payer in payers for share in payer.op],
    )


def _give_back(lease: RedisLease) -> None:
    """The call was given up while Redis answered."""
    lease.settle(0, 0)
