"""Trying: one candidate after the other, or one beside the other, until one answers.

What a failure means says `verdict`; what it does to calls that follow, `Health`. Here is what it
does to this one: who is tried next, and when it is enough.
"""

import asyncio
from collections.abc import Callable, Sequence
from time import monotonic, time

from analytics.costs import cost_picousd, format_usd
from gateway import admission, cooling
from gateway.attempt import Opened, attempt
from gateway.call import Call
from gateway.errors import (
    BudgetSpent,
    CredentialFailed,
    GatewayError,
    NotSupported,
    RateLimited,
    UpstreamFailed,
    UpstreamRefused,
    UpstreamTimeout,
)
from gateway.formats.types import Usage
from gateway.routing import Target
from gateway.runtime import Runtime
from gateway.selection import LIMITS, Choice
from gateway.state import Lease
from gateway.verdict import Failure, Verdict, judge

# A target that failed, and had no successor, is asked once more after about so long.
RETRY_PAUSE_S = 0.2


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
        self._limited: dict[Target, RateLimited] = {}  # by the operator's limits for them
        self._may_wait = False
        self._failures: list[tuple[Target, UpstreamFailed, Verdict]] = []
        self._unfit: NotSupported | BudgetSpent | None = None
        self._stop: UpstreamFailed | None = None
        self._won = False
        self._asked = 0
        self._until = call.exchange.started + call.snapshot.deadline_s

    async def first_answer(self) -> Opened:
        """Try until one answers.

        Raises:
            UpstreamFailed: None did, or one said that the request itself is wrong.
            RateLimited: All are limited.
            NotSupported, BudgetSpent: None could be asked, for this reason.
        """
        opened = await (self._in_turn() if self._hedge_after is None else self._beside())
        if opened is None:
            opened = await self._in_line()
        if opened is None:
            opened = await self._in_time()
        if opened is None:
            raise self._stop or self._exhausted()
        opened.limit.hand_over()
        return opened

    # --- Who is next ----------------------------------------------------------------------

    async def _in_turn(self) -> Opened | None:
        while (target := await self._next()) is not None:
            if (opened := await self._try(target)) is not None:
                return opened
        return None

    async def _beside(self) -> Opened | None:
        """A target that has sent nothing for `hedge_after` gets a rival; the first content wins."""
        running: set[asyncio.Task[Opened | None]] = set()
        winners: list[Opened] = []
        try:
            while not winners:
                if (target := await self._next()) is not None:
                    running.add(asyncio.create_task(self._try(target)))
                if not running:
                    return None
                done, running = await asyncio.wait(
                    running,
                    timeout=self._hedge_after if self._left else None,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                winners = [opened for task in done if (opened := task.result()) is not None]
            self._won = True
            for late in winners[1:]:
                self._lose(late.target, late.began, late.lease)
                late.close()
            return winners[0]
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def _next(self) -> Target | None:
        """The next to try; None when it is enough."""
        if self._is_enough():
            return None
        if (target := await self._once_more(self._repeat)) is not None:
            return target
        while self._left:
            target = self._left.pop(0)
            if not self._is_blocked(target):
                return target
            self._cooling.append(target)  # since a moment ago
        return await self._once_more(self._again)

    def _is_enough(self) -> bool:
        return (
            self._stop is not None
            or monotonic() >= self._until
            or self._asked >= self._call.snapshot.max_attempts
        )

    async def _once_more(self, stumbled: list[Target]) -> Target | None:
        """One that stumbled is asked again after a pause, where retries are not too many."""
        while stumbled:
            target = stumbled.pop(0)
            if not self._is_blocked(target) and self._runtime.retries.take():
                await asyncio.sleep(self._runtime.rng.uniform(0.5, 1.5) * RETRY_PAUSE_S)
                return target
        return None

    def _is_blocked(self, target: Target) -> bool:
        return self._runtime.health.blocked(*target.key, monotonic()) is not None

    async def _in_line(self) -> Opened | None:
        """All that could answer have no room here: wait for a turn where that is allowed."""
        waitable = [t for t in self._limited if t.connection.limits.max_wait]
        if self._stop is not None or not waitable:
            return None
        self._may_wait = True
        return await self._try(waitable[0])

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
        runtime, began, lease = self._runtime, monotonic(), None
        runtime.observed.began(target.key, began)
        probing = runtime.health.take_probe(*target.key, began)
        opened = None
        try:
            lease = await self._admit(target)
            self._call.target = target
            self._asked += 1
            opened = await attempt(self._call, target, runtime, self._until - began)
        except RateLimited as error:  # the account's own limits: it was not asked
            self._call.tried(target, began, None, str(error))
            self._limited[target] = error
        except (BudgetSpent, NotSupported) as error:
            self._call.tried(target, began, None, str(error))
            self._unfit = error
            _settle(lease)
        except UpstreamFailed as error:
            self._call.tried(target, began, error.upstream_status, str(error))
            _settle(lease)
            self._failed(target, error)
        except asyncio.CancelledError:
            if self._won:
                self._lose(target, began, lease)
            else:
                _settle(lease)
            raise
        finally:
            if opened is None:
                runtime.observed.ended(target.key, now=monotonic())
                if probing:  # where it found out nothing of what it was to find out
                    runtime.health.give_back(*target.key, monotonic())
        if opened is None:
            return None
        opened.lease = lease
        now = opened.content_at
        runtime.observed.first_content(target.key, now - began, now)
        runtime.health.succeeded(*target.key, now, began=began)
        return opened

    async def _admit(self, target: Target) -> Lease | None:
        """Take from the account's own limits. Raises `RateLimited`, `BudgetSpent`."""
        call, state = self._call, self._runtime.state
        # It is reserved what the first one may cost; this one may be dearer.
        if call.lease is not None and target.model is not self._choice.order[0].model:
            _, picousd = admission.estimate(
                call.estimated_input, call.format.max_tokens(call.request), target.model.prices
            )
            await call.lease.cover(picousd)
        claim = admission.of_connection(target.connection, call.estimated_input)
        if claim is None:
            return None
        if self._may_wait:
            return await self._runtime.lines.claim(claim, call.principal.name)
        return await state.claim(claim)

    def _failed(self, target: Target, error: UpstreamFailed) -> None:
        call, now = self._call, monotonic()
        failure = Failure(
            status=401 if isinstance(error, CredentialFailed) else error.upstream_status,
            message=str(error),
            is_timeout=isinstance(error, UpstreamTimeout),
            hint_s=error.retry_after_s,
        )
        verdict = judge(call.snapshot.rules, target.provider.slug, failure)
        self._runtime.health.failed(*target.key, verdict, now)
        # Its traceback holds what was read of the answer, and this frame, which holds it.
        self._failures.append((target, error.with_traceback(None), verdict))
        is_first = sum(target.key == (a.connection, a.model) for a in call.attempts) == 1
        match verdict.action:
            case "stop":
                self._stop = error
            case "retry" if is_first:
                self._repeat.append(target)
            case "next_target":
                self._keep(lambda other: _is_other(other, target, verdict))
            case _:
                self._keep(lambda other: not _shares(other, target, verdict))
        stumbled = verdict.kind == "server" and not failure.is_timeout
        if stumbled and is_first and verdict.action != "retry":
            self._again.append(target)

    def _keep(self, is_worth_asking: Callable[[Target], bool]) -> None:
        self._left = [target for target in self._left if is_worth_asking(target)]
        self._cooling = [target for target in self._cooling if is_worth_asking(target)]

    def _lose(self, target: Target, began: float, lease: Lease | None) -> None:
        """Another answered first. The provider has read the prompt all the same."""
        usage = Usage(input_tokens=self._call.estimated_input)
        cost = cost_picousd(usage, target.model.prices)
        self._call.lost_picousd += cost or 0
        told = None if cost is None else format_usd(cost)
        self._call.tried(target, began, None, "another target answered first", told)
        if lease is not None:
            lease.settle(usage.input_tokens, cost or 0)

    # --- Nobody ---------------------------------------------------------------------------

    def _exhausted(self) -> GatewayError:
        """What the client is told when no candidate answered; see the contract's table."""
        failures = [error for _, error, _ in self._failures]
        if not failures and not self._limited:
            return self._unfit or UpstreamTimeout("no attempt was possible within the time limit")
        if all(verdict.kind in LIMITS for _, _, verdict in self._failures) and all(
            each.why == "limit" for each in self._choice.excluded if each.left_s
        ):
            return self._all_limited()
        return _all_failed(self._call, failures)

    def _all_limited(self) -> RateLimited:
        hints = [self._back_s(target, error) for target, error, _ in self._failures]
        hints += [error.retry_after_s for error in self._limited.values()]
        hints += [each.left_s for each in self._choice.excluded if each.left_s]
        told = [hint for hint in hints if hint is not None]
        return RateLimited(
            "every account that could answer is limited, by its provider or here",
            retry_after_s=min(told, default=5.0),
        )

    def _back_s(self, target: Target, error: UpstreamFailed) -> float | None:
        """When the target may be asked again, as it says itself or as it cools down."""
        if error.retry_after_s is not None:
            return error.retry_after_s
        block = self._runtime.health.blocked(*target.key, monotonic())
        return None if block is None else max(block.until - time(), 0.0)


def _settle(lease: Lease | None) -> None:
    """The account did nothing for this call."""
    if lease is not None:
        lease.settle(0, 0)


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


def _all_failed(call: Call, failures: Sequence[UpstreamFailed]) -> UpstreamFailed:
    tried = [
        {"model": a.model, "connection": a.connection, "status": a.status, "error": a.error}
        for a in call.attempts
    ]
    last = call.attempts[-1]
    words = f"{last.model} at {last.connection}: {last.error}"
    if len(tried) > 1:
        words = f"all {len(tried)} attempts failed; the last, {words}"
    if all(isinstance(error, UpstreamTimeout) for error in failures):
        return UpstreamTimeout(words, details={"attempts": tried})
    # Too long for the one with the largest window: that is the client's to know, in its words.
    if isinstance(failures[-1], UpstreamRefused) and failures[-1].is_clients_fault:
        return failures[-1]
    return UpstreamFailed(words, details={"attempts": tried})
