"""When so much of what a model on a connection is asked for fails that asking it only costs time."""

from collections import deque

from gateway.verdict import Policy

# Of a window so many calls are remembered.
MAX_CALLS = 100


class Breaker:
    """The latest calls of one model on one connection, from the first that failed on.

    What always works is not counted: it costs nothing, and when it breaks down no earlier success
    delays the breaker. That the last calls have all failed is asked for beside their share: at the
    beginning the share is chance, and what fails three times in ten would open one time in three.
    """

    __slots__ = ("_calls",)

    def __init__(self) -> None:
        self._calls: deque[tuple[float, bool]] = deque(maxlen=MAX_CALLS)  # when, and if it failed

    def count(self, failed: bool, now: float, policy: Policy) -> None:
        calls = self._calls
        while calls and calls[0][0] <= now - policy.breaker_window_s:
            calls.popleft()
        if failed or calls:
            calls.append((now, failed))

    def has_failed(self) -> bool:
        return any(failed for _, failed in self._calls)

    def trips(self, policy: Policy) -> bool:
        calls = [failed for _, failed in self._calls]
        last = calls[-policy.breaker_failures :]
        return (
            len(last) == policy.breaker_failures
            and all(last)
            and sum(calls) >= policy.breaker_share * len(calls)
        )
