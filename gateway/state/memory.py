"""State in this process's memory: exact for one process, a share of each limit for several."""

import time
from collections import defaultdict
from collections.abc import Callable, Sequence

from gateway.errors import RateLimited
from gateway.snapshot import Limits
from gateway.state import Claim, Room
from gateway.state.budgets import Account, Amounts, Ledger, Logged
from gateway.state.rates import Rate
from gateway.state.records import Records

RECORDS_BYTES = 64 << 20


class _Counters:
    """What is counted for one subject, and this process's share of its limits."""

    __slots__ = ("at_once", "limits", "requests", "rpm", "running", "tokens", "tpm")

    def __init__(self) -> None:
        self.limits = Limits()
        self.rpm = self.tpm = self.at_once = 0.0  # 0: no limit
        self.requests, self.tokens = Rate(), Rate()
        self.running = 0

    def divide(self, limits: Limits, processes: int) -> None:
        self.limits = limits
        self.rpm = (limits.rpm or 0) / processes
        self.tpm = (limits.tpm or 0) / processes
        at_once = limits.concurrency or 0
        # A share below one call would be none at all.
        self.at_once = max(at_once // processes, 1) if at_once else 0

    def check(self, tokens: int, now: float) -> None:
        """Raises `RateLimited` where there is no room for one more call of so many tokens."""
        if self.at_once and self.running >= self.at_once:
            raise self._refusal("concurrency", self.limits.concurrency, 1.0, now)
        if self.rpm and (wait_s := self.requests.wait_s(1, self.rpm, now)):
            raise self._refusal("requests", self.limits.rpm, wait_s, now)
        if self.tpm and (wait_s := self.tokens.wait_s(tokens, self.tpm, now)):
            raise self._refusal("tokens", self.limits.tpm, wait_s, now)

    def _refusal(self, name: str, limit: float | None, wait_s: float, now: float) -> RateLimited:
        words = (
            f"{limit:g} {name} a minute" if name != "concurrency" else f"{limit:g} calls at once"
        )
        error = RateLimited(f"the limit of {words} is reached", retry_after_s=wait_s, limit=name)
        error.rooms = self.rooms(now)
        return error

    def rooms(self, now: float) -> dict[str, Room]:
        return {
            name: Room(int(limit), rate.remaining(share, now), rate.used_s(now))
            for name, limit, share, rate in (
                ("requests", self.limits.rpm, self.rpm, self.requests),
                ("tokens", self.limits.tpm, self.tpm, self.tokens),
            )
            if limit
        }


class MemoryState:
    """See `gateway.state.State`.

    Args:
        processes: Among how many the limits and budgets are divided.
        clock: Seconds that never jump, for what lasts.
        wall: Unix seconds, for the calendar.
        records_bytes: How much room records have.
    """

    def __init__(
        self,
        *,
        processes: int = 1,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        records_bytes: int = RECORDS_BYTES,
    ) -> None:
        self.processes, self.clock, self.wall = processes, clock, wall
        self._counters: dict[str, _Counters] = {}
        self._turns: defaultdict[str, int] = defaultdict(int)
        self._records = Records(records_bytes)
        self._ledger = Ledger(processes)

    @property
    def degraded(self) -> str:
        return ""

    async def start(self) -> None:
        """There is nothing to wait for."""

    async def close(self) -> None:
        """There is nothing to let go of."""

    async def claim(self, claim: Claim) -> "MemoryLease":
        now = self.clock()
        counters = self._counters.get(claim.subject)
        if counters is None:
            counters = self._counters[claim.subject] = _Counters()
        if counters.limits is not claim.limits:
            counters.divide(claim.limits, self.processes)
        wanted = (claim.picousd, claim.tokens, 1)
        accounts = self._accounts(claim, wanted) if claim.budgets else ()
        counters.check(claim.tokens, now)
        # From here on nothing refuses: all of it is taken.
        if counters.rpm:
            counters.requests.take(1, counters.rpm, now)
        if counters.tpm:
            counters.tokens.take(claim.tokens, counters.tpm, now)
        counters.running += 1
        for account in accounts:
            account.reserve(wanted)
        return MemoryLease(self, counters, accounts, wanted)

    def _accounts(self, claim: Claim, wanted: Amounts) -> tuple[Account, ...]:
        wall, find = self.wall(), self._ledger.account
        accounts = tuple([find(subject, limits, wall) for subject, limits in claim.budgets])
        for account in accounts:
            account.check(wanted, wall)
        return accounts

    def check(self, accounts: tuple[Account, ...], wanted: Amounts) -> None:
        """Raises `BudgetSpent` where `wanted` does not fit any more."""
        wall = self.wall()
        for account in accounts:
            self._ledger.account(account.subject, account.limits, wall).check(wanted, wall)

    @property
    def today(self) -> int:
        return self._ledger.calendar.today

    def load(self, logged: Logged) -> None:
        """Take over what the log says has been spent; from any thread."""
        self._ledger.load(logged)

    async def turn(self, names: Sequence[str]) -> list[int]:
        turns = [self._turns[name] for name in names]
        for name in names:
            self._turns[name] += 1
        return turns

    async def read(self, key: str) -> bytes | None:
        return self._records.read(key, self.clock())

    async def write(self, key: str, value: bytes, ttl_s: float) -> None:
        self._records.write(key, value, self.clock() + ttl_s)

    async def take(self, key: str, value: bytes, ttl_s: float) -> bytes | None:
        now = self.clock()
        found = self._records.read(key, now)
        if found is None:
            self._records.write(key, value, now + ttl_s)
        return found

    async def drop(self, key: str) -> None:
        self._records.drop(key)

    def broadcast(self, channel: str, data: bytes) -> None:
        """No other process hears of what is in this one's memory."""

    def subscribe(self, channel: str, callback: Callable[[bytes], None]) -> None:
        """Nobody broadcasts."""


class MemoryLease:
    """See `gateway.state.Lease`."""

    __slots__ = (
        "_accounts", "_counters", "_day", "_settled", "_state", "_took_tokens", "_wanted",
    )  # fmt: skip

    def __init__(
        self,
        state: MemoryState,
        counters: _Counters,
        accounts: tuple[Account, ...],
        wanted: Amounts,
    ) -> None:
        self._state, self._counters, self._accounts = state, counters, accounts
        self._wanted = wanted
        self._took_tokens = counters.tpm > 0
        self._day = state.today  # a call is paid for on the day on which it began, as in the log
        self._settled = False

    async def cover(self, picousd: int) -> None:
        reserved, tokens, requests = self._wanted
        if picousd <= reserved or not self._accounts:
            return
        more = (picousd - reserved, 0, 0)
        self._state.check(self._accounts, more)
        for account in self._accounts:
            account.reserve(more)
        self._wanted = (picousd, tokens, requests)

    def settle(self, tokens: int, picousd: int) -> None:
        if self._settled:
            return
        self._settled = True
        counters, now = self._counters, self._state.clock()
        counters.running -= 1
        if self._took_tokens and counters.tpm:
            counters.tokens.correct(tokens - self._wanted[1], counters.tpm, now)
        for account in self._accounts:
            account.settle(self._wanted, (picousd, tokens, 1), self._day, now)

    def rooms(self) -> dict[str, Room]:
        return self._counters.rooms(self._state.clock())
