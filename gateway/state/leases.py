"""A claim that Redis has granted, or this process while Redis was away."""

from contextlib import suppress
from functools import partial
from typing import Any

from gateway.errors import BudgetSpent
from gateway.state import Claim, Room
from gateway.state.budgets import Amounts
from gateway.state.limits import rooms
from gateway.state.line import Away, Line
from gateway.state.memory import MemoryLease, MemoryState
from gateway.state.rates import Rate
from gateway.state.shares import Payer, floats, minus, plus


class RedisLease:
    """See `gateway.state.Lease`. `rates` is what was used of a minute's limits, told by Redis."""

    __slots__ = (
        "_claim", "_line", "_local", "_memory", "_payers", "_rates", "_settled", "_shares", "_wanted",
    )  # fmt: skip

    def __init__(
        self,
        line: Line,
        memory: MemoryState,
        claim: Claim,
        payers: list[Payer],
        local: MemoryLease,
        rates: tuple[Rate, Rate] | None = None,
    ) -> None:
        self._line, self._memory, self._local = line, memory, local
        self._claim, self._payers = claim, payers
        self._rates, self._settled = rates, False
        self._wanted: Amounts = (claim.picousd, claim.tokens, 1)
        self._shares = [share for payer in payers for share in payer.shares]
        for share in self._shares:
            share.grant(self._wanted)

    async def cover(self, picousd: int) -> None:
        more = (picousd - self._wanted[0], 0, 0)
        if more[0] <= 0 or not self._shares:
            return
        if self._line.is_open:
            op = ("cover", floats(more), [share for payer in self._payers for share in payer.op])
            with suppress(Away):
                await self._line.ask(op, partial(self._covered, more))
                return
        await self._local.cover(picousd)
        self._reserve(more)

    def _covered(self, more: Amounts, refused: list[Any] | bool) -> None:
        if isinstance(refused, list):
            raise refusal(self._payers, refused, more, self._memory.wall())
        if self._settled:  # the call was given up while Redis answered
            back = floats((-more[0], 0, 0))
            self._line.tell(("charge", back, [share.key for share in self._shares]))
            return
        self._local.follow(self._wanted[0] + more[0])
        self._reserve(more)

    def _reserve(self, more: Amounts) -> None:
        self._wanted = plus(self._wanted, more)
        for share in self._shares:
            share.grant(more)

    def settle(self, tokens: int, picousd: int) -> None:
        if self._settled:
            return
        self._settled = True
        self._local.settle(tokens, picousd)
        wanted, spent = self._wanted, (picousd, tokens, 1)
        for share in self._shares:
            share.settle(wanted, spent)
        subject, more_tokens, tpm = self._claim.subject, tokens - wanted[1], 0.0
        if self._rates is not None and self._claim.limits.tpm:  # else Redis has taken no tokens
            tpm = self._claim.limits.tpm
            self._rates[1].correct(more_tokens, tpm, self._memory.clock())
        keys = [share.key for share in self._shares]
        back = floats(minus(spent, wanted))
        self._line.tell(("settle", subject, tpm, more_tokens, back, keys))

    def rooms(self) -> dict[str, Room]:
        if self._rates is None:
            return self._local.rooms()
        return told(self._claim, self._rates, self._memory.clock())


def told(claim: Claim, rates: tuple[Rate, Rate], now: float) -> dict[str, Room]:
    limits, (requests, tokens) = claim.limits, rates
    return rooms(limits, (limits.rpm or 0, requests), (limits.tpm or 0, tokens), now)


def refusal(payers: list[Payer], place: list[Any], wanted: Amounts, now: float) -> BudgetSpent:
    """Of the budget that batch.lua names: its share, its place in it, and what is spent of it."""
    share, budget, spent = place
    for payer in payers:
        if share < len(payer.shares):
            return payer.refusal(share, budget, spent, wanted, now)
        share -= len(payer.shares)
    raise AssertionError(f"no budget at {place}")
