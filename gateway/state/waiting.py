"""Lines before a limit: who waits for a turn, and whose turn it is.

A line is fair among keys: one that sends a hundred calls at once stands there with one at a time,
and the rest of its calls behind those of the others.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Coroutine
from contextlib import suppress
from time import monotonic
from typing import Any

from gateway.errors import RateLimited
from gateway.state import Claim, Lease, Room, State

# A limit that several processes share may get room without anybody telling this one.
LOOK_EVERY_S = 0.1


class _Line:
    """The calls that wait for one subject, by whose they are. The first of the first asks."""

    __slots__ = ("_waiting", "room")

    def __init__(self) -> None:
        self.room = asyncio.Event()  # a call of this process has ended
        self._waiting: OrderedDict[str, deque[asyncio.Event]] = OrderedDict()

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def join(self, who: str) -> asyncio.Event:
        """Set when it is one's turn to ask."""
        turn = asyncio.Event()
        self._waiting.setdefault(who, deque()).append(turn)
        self._call()
        return turn

    def leave(self, who: str, turn: asyncio.Event) -> None:
        """Served, or tired of waiting; whoever's call it was, others' are next."""
        own = self._waiting[who]
        own.remove(turn)
        if own:
            self._waiting.move_to_end(who)
        else:
            del self._waiting[who]
        self._call()

    def _call(self) -> None:
        if self._waiting:
            next(iter(self._waiting.values()))[0].set()


class Lines:
    """The lines of this process; `claim` is `State.claim` for those who may wait."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._lines: dict[str, _Line] = {}

    def claim(self, claim: Claim, who: str) -> Coroutine[Any, Any, Lease]:
        """Take what is claimed, at once or within the limits' `max_wait`.

        `who` is the key whose call it is.

        Nobody passes those who wait already.

        Raises:
            BudgetSpent, RateLimited: As `State.claim`; a limit had no room all the while.
        """
        if not claim.limits.max_wait:
            return self._state.claim(claim)
        return self._claim_in_line(claim, who)

    async def _claim_in_line(self, claim: Claim, who: str) -> Lease:
        until = monotonic() + claim.limits.max_wait
        line = self._lines.get(claim.subject)
        if line is None:
            try:
                return _Watched(await self._state.claim(claim), self, claim.subject)
            except RateLimited as refusal:
                if not _is_worth_waiting(refusal, until):
                    raise
            line = self._lines.setdefault(claim.subject, _Line())
        turn = line.join(who)
        try:
            lease = await self._wait(claim, line, turn, until)
            return _Watched(lease, self, claim.subject)
        finally:
            line.leave(who, turn)
            if not line:
                self._lines.pop(claim.subject, None)

    async def claim_at_once(self, claim: Claim) -> Lease:
        """The same for a call that has somebody else to ask. It passes nobody who waits either.

        Raises:
            BudgetSpent, RateLimited: As `State.claim`; and where others wait.
        """
        if claim.subject in self._lines:
            raise RateLimited(
                "others wait for their turn already",
                retry_after_s=LOOK_EVERY_S,
                limit="concurrency",
            )
        lease = await self._state.claim(claim)
        return _Watched(lease, self, claim.subject) if claim.limits.max_wait else lease

    def notice(self, subject: str) -> None:
        """A call of the subject's has ended: there may be room."""
        if (line := self._lines.get(subject)) is not None:
            line.room.set()

    async def _wait(self, claim: Claim, line: _Line, turn: asyncio.Event, until: float) -> Lease:
        try:
            async with asyncio.timeout_at(_loop_time(until)):
                await turn.wait()
        except TimeoutError:
            return await self._state.claim(claim)  # which says why, and what is left
        while True:
            line.room.clear()
            try:
                return await self._state.claim(claim)
            except RateLimited as refusal:
                if not _is_worth_waiting(refusal, until):
                    raise
                pause_s = _pause_s(refusal, until)
            with suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await line.room.wait()


class _Watched:
    """A lease whose end is told to those who wait."""

    __slots__ = ("_lease", "_lines", "_subject")

    def __init__(self, lease: Lease, lines: Lines, subject: str) -> None:
        self._lease, self._lines, self._subject = lease, lines, subject

    async def cover(self, picousd: int) -> None:
        await self._lease.cover(picousd)

    def settle(self, tokens: int, picousd: int) -> None:
        self._lease.settle(tokens, picousd)
        self._lines.notice(self._subject)

    def rooms(self) -> dict[str, Room]:
        return self._lease.rooms()


def _loop_time(until: float) -> float:
    return asyncio.get_running_loop().time() + until - monotonic()


def _is_worth_waiting(refusal: RateLimited, until: float) -> bool:
    """Will there be room in time? When a call ends, nobody knows."""
    left_s = until - monotonic()
    return left_s > 0 and (refusal.limit == "concurrency" or (refusal.retry_after_s or 0) <= left_s)


def _pause_s(refusal: RateLimited, until: float) -> float:
    told_s = LOOK_EVERY_S if refusal.limit == "concurrency" else refusal.retry_after_s or 0
    return max(min(told_s, LOOK_EVERY_S, until - monotonic()), 0.001)
