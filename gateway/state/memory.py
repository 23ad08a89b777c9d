"""State in this process's memory: exact for one process, a share of each limit for several."""

import time
from collections import defaultdict
from collections.abc import Callable

from gateway.errors import RateLimited
from gateway.snapshot import Limits
from gateway.state import Claim, Room
from gateway.state.budgets import Ledger, Logged, Spending
from gateway.state.rates import Rate


class _Counters:
    """What is counted for one subject."""

    __slots__ = ("requests", "running", "tokens")

    def __init__(self) -> None:
        self.requests, self.tokens = Rate(), Rate()
        self.running = 0


class MemoryState:
    """See `gateway.state.State`.

    Args:
        processes: Among how many the limits and budgets are divided.
        clock: Unix seconds.
    """

    def __init__(self, *, processes: int = 1, clock: Callable[[], float] = time.time) -> None:
        self._processes, self.clock = processes, clock
        self._counters: defaultdict[str, _Counters] = defaultdict(_Counters)
        self.ledger = Ledger(processes)

    async def claim(self, claim: Claim) -> "MemoryLease":
        now = self.clock()
        wanted = Spending(claim.picousd, claim.tokens, 1)
        for subject, budgets in claim.budgets:
            self.ledger.check(subject, budgets, wanted, now)
        counters = self._counters[claim.subject]
        limits = self._share(claim.limits)
        self._check(counters, limits, claim.tokens, now)
        if limits.rpm:
            counters.requests.take(1, limits.rpm, now)
        if limits.tpm:
            counters.tokens.take(claim.tokens, limits.tpm, now)
        counters.running += 1
        for subject, _ in claim.budgets:
            self.ledger.reserve(subject, wanted)
        return MemoryLease(self, claim, counters, limits, wanted)

    def load(self, logged: Logged, known_until: float) -> None:
        self.ledger.load(logged, known_until)

    def _share(self, limits: Limits) -> Limits:
        if self._processes == 1:
            return limits
        at_once = limits.concurrency
        return Limits(
            rpm=limits.rpm and limits.rpm / self._processes,
            tpm=limits.tpm and limits.tpm / self._processes,
            # A share below one call would be none at all.
            concurrency=at_once and max(at_once // self._processes, 1),
        )

    def _check(self, counters: _Counters, limits: Limits, tokens: int, now: float) -> None:
        if limits.concurrency and counters.running >= limits.concurrency:
            raise RateLimited(
                f"{limits.concurrency:g} calls at once are running already",
                retry_after_s=1,
                limit="concurrency",
            )
        for name, rate, amount, limit in (
            ("requests", counters.requests, 1, limits.rpm),
            ("tokens", counters.tokens, tokens, limits.tpm),
        ):
            wait_s = rate.wait_s(amount, limit, now) if limit else 0
            # A clock's rounding is no reason to refuse.
            if wait_s > 1e-6:
                raise RateLimited(
                    f"the limit of {limit:g} {name} a minute is reached",
                    retry_after_s=wait_s,
                    limit=name,
                )


class MemoryLease:
    """See `gateway.state.Lease`."""

    __slots__ = ("_claim", "_counters", "_limits", "_settled", "_state", "_wanted")

    def __init__(
        self,
        state: MemoryState,
        claim: Claim,
        counters: _Counters,
        limits: Limits,
        wanted: Spending,
    ) -> None:
        self._state, self._claim, self._counters = state, claim, counters
        self._limits, self._wanted = limits, wanted
        self._settled = False

    def settle(self, tokens: int, picousd: int) -> None:
        if self._settled:
            return
        self._settled = True
        self._counters.running -= 1
        if self._limits.tpm:
            self._counters.tokens.correct(tokens - self._claim.tokens, self._limits.tpm)
        spent = Spending(picousd, tokens, 1)
        now = self._state.clock()
        for subject, _ in self._claim.budgets:
            self._state.ledger.settle(subject, self._wanted, spent, now)

    def rooms(self) -> dict[str, Room]:
        now = self._state.clock()
        return {
            name: Room(int(limit), int(rate.remaining(limit, now)), rate.reset_s(now))
            for name, rate, limit in (
                ("requests", self._counters.requests, self._limits.rpm),
                ("tokens", self._counters.tokens, self._limits.tpm),
            )
            if limit
        }
