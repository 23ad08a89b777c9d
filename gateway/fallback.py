"""Trying: one candidate after the other, or one beside the other, until one answers.

What a failure means says `verdict`; what it does to calls that follow, `Health`. Here is what it
does to this one: who is tried next, and when it is enough.
"""

import asyncio
from collections.abc import Callable
from time import monotonic

from analytics.costs import cost_picousd, format_usd
from gateway import admission, cooling
from gateway.attempt import Opened, attempt
from gateway.call import Call
from gateway.choice import Choice
from gateway.errors import (
    BudgetSpent,
    CredentialFailed,
    NotSupported,
    RateLimited,
    UpstreamFailed,
    UpstreamTimeout,
)
from gateway.retries import PAUSE_S
from gateway.routing import Target
from gateway.runtime import Runtime
from gateway.setbacks import Setbacks
from gateway.state import Lease
from gateway.state.blocks import Block
from gateway.verdict import Failure, Verdict, judge


class Fallback:
    """The candidates of one call, and what became of them."""

    def __init__(
        self, call: Call, choice: Choice, runtime: Runtime, hedge_after: float | None
    ) -> None:
        self._call, self._choice, self._runtime = call, choice, runtime
        self._hedge_after = hedge_after
        self._left = list(choice.order)
        self._cooling = list(choice.cooling)
        self._repeat: list[Target] = []  # that a rule says to ask once more
        self._again: list[Target] = []  # that may be asked once more when nobody is left
        self._stumbled: set[Target] = set()  # that failed once
        self._met = Setbacks()
        self._stop: UpstreamFailed | None = None
        self._opened: list[Opened] = []
        self._at_stake: dict[Target, int] = {}  # what those asked now may cost, in 10⁻¹² USD
        self._won = False
        self._asked = 0
        self._until = call.exchange.started + call.snapshot.deadline_s
        self._queue_until = 0.0

    async def first_answer(self) -> Opened:
        """Try until one answers.

        Raises:
            UpstreamFailed: None did, or one said that the request itself is wrong.
            RateLimited: All are limited.
            Unavailable: None could be asked: breakers have opened meanwhile.
            NotSupported, BudgetSpent: None could be asked, for this reason.
        """
        given = None
        try:
            given = await (self._in_turn() if self._hedge_after is None else self._beside())
            if given is None:
                given = await self._in_line()
            if given is None:
                given = await self._in_time()
            if given is None:
                raise self._stop or self._met.refusal(
                    self._call, self._choice, self._runtime.health
                )
            return given
        finally:
            for opened in self._opened:
                if opened is not given:
                    self._let_go(opened)

    # --- Who is next ----------------------------------------------------------------------

    async def _in_turn(self) -> Opened | None:
        while (target := self._next()) is not None:
            if (opened := await self._try(target)) is not None:
                return opened
        return None

    async def _beside(self) -> Opened | None:
        """A target that has sent nothing for `hedge_after` gets a rival; the first content wins."""
        running: set[asyncio.Task[Opened | None]] = set()
        try:
            while True:
                if (target := self._next(is_alone=not running)) is not None:
                    running.add(asyncio.create_task(self._try(target)))
                if not running:
                    return None
                done, running = await asyncio.wait(
                    running,
                    timeout=self._hedge_after if self._left else None,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if winners := [opened for task in done if (opened := task.result()) is not None]:
                    self._won = True
                    winner = min(winners, key=lambda opened: opened.content_at)
                    winner.limit.hand_over()  # from the task that tried
                    return winner
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    def _next(self, is_alone: bool = True) -> Target | None:
        """The next to try; None when it is enough, or while others still run."""
        if self._is_enough():
            return None
        if (target := self._once_more(self._repeat)) is not None:
            return target
        while self._left:
            target = self._left.pop(0)
            if (block := self._block(target)) is None:
                return target
            self._met.blocked.append(block)
            self._cooling.append(target)  # since a moment ago
            self._call.tried(target, monotonic(), None, f"not asked: {block.cause}")
        return self._once_more(self._again) if is_alone else None

    def _is_enough(self) -> bool:
        return (
            self._stop is not None
            or monotonic() >= self._until
            or self._asked >= self._call.snapshot.max_attempts
        )

    def _once_more(self, stumbled: list[Target]) -> Target | None:
        """One that stumbled is asked again where retries are not too many."""
        while stumbled:
            target = stumbled.pop(0)
            if self._block(target) is None and self._runtime.retries.take():
                return target
        return None

    def _block(self, target: Target) -> Block | None:
        return self._runtime.health.blocked(*target.key, monotonic())

    async def _in_line(self) -> Opened | None:
        """All that could answer have no room here: wait for a turn where that is allowed."""
        limited = self._met.limited
        soonest = sorted(limited, key=lambda target: limited[target].come_back_s or 0)
        self._left = [target for target in soonest if target.connection.limits.max_wait]
        waits = [target.connection.limits.max_wait for target in self._left]
        self._queue_until = monotonic() + max(waits, default=0)
        return await self._in_turn()

    async def _in_time(self) -> Opened | None:
        """All others have failed: wait for those that are limited for a moment."""
        until = min(monotonic() + cooling.WAIT_S, self._until)
        while not self._is_enough():
            target = await cooling.first_back(self._cooling, self._runtime, until)
            if target is None:
                return None
            self._cooling.remove(target)
            opened = await self._try(target) or await self._in_turn()
            if opened is not None:
                return opened
        return None

    # --- One try --------------------------------------------------------------------------

    async def _try(self, target: Target) -> Opened | None:
        """None where it does not answer; what follows from that is noted."""
        if target in self._stumbled:
            await asyncio.sleep(self._runtime.rng.uniform(0.5, 1.5) * PAUSE_S)
        call, runtime, began = self._call, self._runtime, monotonic()
        opened, lease, is_asked = None, None, False
        runtime.observed.began(target.key, began)
        probing = runtime.health.take_probe(*target.key, began)
        try:
            lease = await self._admit(target)
            began = monotonic()
            if began >= self._until:  # it waited too long
                return None
            call.target, is_asked = target, True
            self._asked += 1
            opened = await attempt(call, target, runtime, self._until - began)
        except RateLimited as error:  # the account's own limits: it was not asked
            call.tried(target, began, None, str(error))
            self._met.limited[target] = error
        except (BudgetSpent, NotSupported) as error:
            call.tried(target, began, None, str(error))
            self._met.unfit = error
        except UpstreamFailed as error:
            call.tried(target, began, error.upstream_status, str(error))
            self._failed(target, error, began)
        except asyncio.CancelledError:
            if is_asked:
                self._lose(target, began, lease)
            raise
        finally:
            if opened is None:
                self._at_stake.pop(target, None)
                runtime.observed.ended(target.key, now=monotonic())
                if lease is not None:
                    lease.settle(0, 0)
                if probing:  # where it found out nothing of what it was to find out
                    runtime.health.give_back(*target.key, monotonic())
        if opened is not None:
            opened.lease = lease
            self._opened.append(opened)
            self._answers(opened)
        return opened

    async def _admit(self, target: Target) -> Lease | None:
        """Take from the account's own limits. Raises `RateLimited`, `BudgetSpent`."""
        call, lines = self._call, self._runtime.lines
        if call.lease is not None:  # this may be dearer than what was reserved, or one of two
            _, self._at_stake[target] = call.estimate(target)
            await call.lease.cover(sum(self._at_stake.values()))
        claim = admission.of_connection(target.connection, call.estimated_input)
        if claim is None:
            return None
        if monotonic() < self._queue_until:
            return await lines.claim(claim, call.principal.name)
        return await lines.claim_at_once(claim)

    def _answers(self, opened: Opened) -> None:
        """There is content; whether a stream of it comes to its end is another matter."""
        runtime, key, now = self._runtime, opened.target.key, opened.content_at
        runtime.observed.first_content(key, now - opened.began, now)
        runtime.health.has_content(*key, now, began=opened.began)

    def _failed(self, target: Target, error: UpstreamFailed, began: float) -> None:
        now = monotonic()
        failure = Failure(
            status=401 if isinstance(error, CredentialFailed) else error.upstream_status,
            message=str(error),
            is_timeout=isinstance(error, UpstreamTimeout),
            hint_s=error.retry_after_s,
        )
        verdict = judge(self._call.snapshot.rules, target.provider.slug, failure)
        # Its traceback holds what was read of the answer, and this frame, which holds it.
        self._met.failures.append((target, error.with_traceback(None), verdict))
        if failure.is_timeout:  # at least so long
            self._runtime.observed.first_content(target.key, now - began, now)
        if now < self._until:  # else it was the call's time that was over
            self._runtime.health.failed(*target.key, verdict, now)
        is_first = target not in self._stumbled
        self._stumbled.add(target)
        match verdict.action:
            case "stop":
                self._stop = error
            case "next_target":
                self._keep(lambda other: _is_other(other, target, verdict))
            case _:
                self._keep(lambda other: not _shares(other, target, verdict))
        if not is_first:
            return
        if verdict.action == "retry":
            self._repeat.append(target)
        elif verdict.kind == "server" and not failure.is_timeout:
            self._again.append(target)

    def _keep(self, is_worth_asking: Callable[[Target], bool]) -> None:
        self._left = [target for target in self._left if is_worth_asking(target)]
        self._cooling = [target for target in self._cooling if is_worth_asking(target)]

    # --- Asked in vain --------------------------------------------------------------------

    def _let_go(self, opened: Opened) -> None:
        """It answered, and so did another."""
        self._lose(opened.target, opened.began, opened.lease)
        self._runtime.observed.ended(opened.target.key, now=monotonic())
        opened.close()

    def _lose(self, target: Target, began: float, lease: Lease | None) -> None:
        """Its answer is not wanted any more. The provider has read the prompt all the same."""
        call, now = self._call, monotonic()
        usage = call.expected
        cost = cost_picousd(usage, target.model.prices) or 0
        if lease is not None:
            lease.settle(usage.input_tokens, cost)
        why = call.why_it_ends
        if self._won:
            why = "another target answered first"
            self._runtime.observed.first_content(target.key, now - began, now)  # at least so long
        if self._won or target is not call.target:  # whose cost is in the row
            call.lost_picousd += cost
        told = None if target.model.prices is None else format_usd(cost)
        call.tried(target, began, None, why, told)


def _shares(other: Target, target: Target, verdict: Verdict) -> bool:
    """Would `other` meet the same failure? By what is at fault: the account, or a model on it."""
    if other.connection.name != target.connection.name:
        return False
    return verdict.scope == "connection" or other.model.id == target.model.id


def _is_other(other: Target, target: Target, verdict: Verdict) -> bool:
    """Is `other` another target of the combo, and after an overflow one that takes more?"""
    if other.model.id == target.model.id or _shares(other, target, verdict):
        return False
    mine, theirs = target.model.context_window, other.model.context_window
    return verdict.kind != "context_overflow" or not mine or not theirs or theirs > mine
