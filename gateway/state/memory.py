"""State in this process's memory: exact for one process, a share of each limit for several."""

import time
from collections import defaultdict
from collections.abc import Callable, Sequence

from gateway.errors import RateLimited
from gateway.snapshot import Limits
from gateway.state import Claim, Room
from gateway.state.budgets import Account, Amounts, Ledger, Logged
from gateway.state.limits import CONCURRENCY_WAIT_S, LimitName, at_once, rate_limited, rooms
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
        self.at_once = at_once(limits, processes)

    def check(self, tokens: int, now: float) -> None:
        """Raises `RateLimited` where there is no room for one more call of so many tokens."""
        if self.at_once and self.running >= self.at_once:
            raise self._refusal("concurrency", CONCURRENCY_WAIT_S, now)
        if self.rpm and (wait_s := self.requests.wait_s(1, self.rpm, now)):
            raise self._refusal("requests", wait_s, now)
        if self.tpm and (wait_s := self.tokens.wait_s(tokens, self.tpm, now)):
            raise self._refusal("tokens", wait_s, now)

    def take(self, tokens: int, now: float) -> None:
        if self.rpm:
            self.requests.take(1, self.rpm, now)
        if self.tpm:
            self.tokens.take(tokens, self.tpm, now)
        self.running += 1

    def follow(self, tokens: int, now: float) -> None:
        """What a store that all share has let through uses up this share, and leaves no debt."""
        self.take(tokens, now)
        self.requests.forgive(now)
        self.tokens.forgive(now)

    def _refusal(self, name: LimitName, wait_s: float, now: float) -> RateLimited:
        return rate_limited(name, self.limits, wait_s, self.rooms(now))

    def rooms(self, now: float) -> dict[str, Room]:
        requests, tokens = self.requests, self.tokens
        return rooms(self.limits, (self.rpm, requests), (self.tpm, tokens), now)


class MemoryState:
    """See `gateway.state.State`.

    Args:
        processes: Among how many the limits and budgets are divided.
        clock: Seconds that never jump, for what lasts.
        wall: Unix seconds, for the calendar.
        records_bytes: How much room records have.
    """

    is_shared = False

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
        self.ledger = Ledger(processes)

    @property
    def words(self) -> str:
        return "in memory"

    @property
    def degraded(self) -> str:
        return ""

    async def start(self) -> None:
        """There is nothing to wait for."""

    async def close(self) -> None:
        """There is nothing to let go of."""

    async def claim(self, claim: Claim) -> "MemoryLease":
        now, wall = self.clock(), self.wall()
        counters, accounts, wanted = self._find(claim, wall)
        for account in accounts:
            account.check(wanted, wall)
        counters.check(claim.tokens, now)
        # From here on nothing refuses: all of it is taken.
        counters.take(claim.tokens, now)
        for account in accounts:
            account.reserve(wanted)
        return MemoryLease(self, counters, accounts, wanted)

    def follow(self, claim: Claim) -> "MemoryLease":
        """Count what a store that all processes share has granted, whatever share is left here."""
        counters, accounts, wanted = self._find(claim, self.wall())
        counters.follow(claim.tokens, self.clock())
        for account in accounts:
            account.reserve(wanted)
        return MemoryLease(self, counters, accounts, wanted)

    def _find(self, claim: Claim, wall: float) -> tuple[_Counters, tuple[Account, ...], Amounts]:
        counters = self._counters.get(claim.subject)
        if counters is None:
            counters = self._counters[claim.subject] = _Counters()
        if counters.limits is not claim.limits:
            counters.divide(claim.limits, self.processes)
        find = self.ledger.account
        accounts = tuple([find(subject, limits, wall) for subject, limits in claim.budgets])
        return counters, accounts, (claim.picousd, claim.tokens, 1)

    def running(self) -> dict[str, int]:
        """The calls that run now, by subject; none where none do."""
        return {name: c.running for name, c in self._counters.items() if c.running > 0}

    def check(self, accounts: tuple[Account, ...], wanted: Amounts) -> None:
        """Raises `BudgetSpent` where `wanted` does not fit any more."""
        wall = self.wall()
        for account in accounts:
            self.ledger.account(account.subject, account.limits, wall).check(wanted, wall)

    def reserved(self) -> dict[str, Amounts]:
        return self.ledger.reserved()

    @property
    def today(self) -> int:
        return self.ledger.calendar.today

    def load(self, logged: Logged) -> None:
        """Take over what the log says has been spent; from any thread."""
        self.ledger.load(logged)

    async def turn(self, names: Sequence[str], step: int = 1) -> list[int]:
        turns = [self._turns[name] for name in names]
        for name in names:
            self._turns[name] += step
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
        if picousd > self._wanted[0] and self._accounts:
            self._state.check(self._accounts, (picousd - self._wanted[0], 0, 0))
            self.follow(picousd)

    def follow(self, picousd: int) -> None:
        """Reserve so much more, as a store that all processes share has."""
        reserved, tokens, requests = self._wanted
        for account in self._accounts:
            account.reserve((picousd - reserved, 0, 0))
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
