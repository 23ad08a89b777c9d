"""What kept each candidate of a call from answering, and what the client is told when all were."""

from collections.abc import Iterator
from time import monotonic, time

from gateway.call import Call
from gateway.choice import LIMITS, Choice
from gateway.errors import (
    DEFAULT_RETRY_AFTER_S,
    BudgetSpent,
    GatewayError,
    NotSupported,
    RateLimited,
    Unavailable,
    UpstreamFailed,
    UpstreamRefused,
    UpstreamTimeout,
)
from gateway.routing import Target
from gateway.state.blocks import Block
from gateway.state.health import Health
from gateway.verdict import Verdict


class Setbacks:
    """`limited` are by the operator's limits for their accounts, and `blocked` since the choice
    was made: neither was asked."""

    __slots__ = ("blocked", "failures", "limited", "unfit")

    def __init__(self) -> None:
        self.failures: list[tuple[Target, UpstreamFailed, Verdict]] = []
        self.limited: dict[Target, RateLimited] = {}
        self.blocked: list[Block] = []
        self.unfit: NotSupported | BudgetSpent | None = None

    def refusal(self, call: Call, choice: Choice, health: Health) -> GatewayError:
        """What the client is told; see the contract's table."""
        if not self.failures and not self.limited and not self.blocked:
            return self.unfit or UpstreamTimeout("no attempt was possible within the time limit")
        cooling = [] if call.controls.no_fallback else [e for e in choice.excluded if e.left_s]
        back_s = min(
            (*self._back_s(health), *(each.left_s for each in cooling)),
            default=DEFAULT_RETRY_AFTER_S,
        )
        kinds = {verdict.kind for _, _, verdict in self.failures}
        kinds |= {block.kind for block in self.blocked}
        if kinds <= LIMITS and all(each.why == "limit" for each in cooling):
            return RateLimited(
                "every account that could answer is limited, by its provider or here",
                retry_after_s=back_s,
            )
        if self.failures:
            return self._all_failed(call)
        return Unavailable("no account can be asked now", retry_after_s=back_s)

    def _back_s(self, health: Health) -> Iterator[float]:
        """When each may be asked again: as it says itself, or as it cools down."""
        now, wall = monotonic(), time()
        for target, error, _ in self.failures:
            if error.retry_after_s is not None:
                yield error.retry_after_s
            elif (block := health.blocked(*target.key, now)) is not None:
                yield max(block.until - wall, 0.0)
        for refusal in self.limited.values():
            if refusal.retry_after_s is not None:
                yield refusal.retry_after_s
        for block in self.blocked:
            yield max(block.until - wall, 0.0)

    def _all_failed(self, call: Call) -> UpstreamFailed:
        tried = [
            {"model": a.model, "connection": a.connection, "status": a.status, "error": a.error}
            for a in call.attempts
        ]
        target, last, _ = self.failures[-1]
        words = f"{target.model.id} at {target.connection.name}: {last}"
        if len(self.failures) > 1:
            words = f"all {len(self.failures)} attempts failed; the last, {words}"
        if all(isinstance(error, UpstreamTimeout) for _, error, _ in self.failures):
            return UpstreamTimeout(words, details={"attempts": tried})
        # Too long for the one with the largest window: that is the client's to know, in its words.
        if isinstance(last, UpstreamRefused) and last.is_clients_fault:
            return last
        return UpstreamFailed(words, details={"attempts": tried})
