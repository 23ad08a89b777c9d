"""A time limit that moves: one timer an attempt, however often the limit is renewed.

`asyncio.timeout().reschedule()` makes a timer each time, and a stream renews its limit at every
chunk. Here a renewal writes a number, and the timer, when it fires, looks whether it was renewed.
"""

import asyncio
import math
from types import TracebackType

from gateway.errors import UpstreamTimeout


class Deadline:
    """Guards the awaits of an attempt, in one or several `with` blocks, until `stop`.

    Leaving a block raises `UpstreamTimeout`, which names the phase, where time ran out in it.
    Between blocks nothing is cancelled: there the call waits for its client, not for an upstream.
    """

    __slots__ = (
        "_at", "_end", "_guarding", "_loop", "_phase", "_task", "_timer", "_timer_at", "expired",
    )  # fmt: skip

    def __init__(self, total_s: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        self._end = self._at = self._loop.time() + total_s
        self._phase = "end of the answer"
        self._guarding = self.expired = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = math.inf

    def expect(self, seconds: float, phase: str) -> None:
        """From now on: give up after `seconds`, unless this is called again before."""
        self._phase = phase
        self.renew(seconds)
        if self._at < self._timer_at:
            self.stop()
            self._arm()

    def renew(self, seconds: float) -> None:
        """The same phase again, from now; `seconds` as `expect` was given them."""
        self._at = min(self._loop.time() + seconds, self._end)
        if self._timer_at == math.inf:
            self._arm()

    def hand_over(self) -> None:
        """The attempt goes on in the task that calls this."""
        self._task = asyncio.current_task()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _arm(self) -> None:
        self._timer_at = self._at
        self._timer = self._loop.call_at(self._at, self._look)

    def _look(self) -> None:
        if self._loop.time() < self._at:
            self._arm()
        elif not self._guarding:
            self._timer_at = math.inf  # a renewal arms it again
        elif self._task is not None:
            self.expired = True
            self._task.cancel()

    def __enter__(self) -> "Deadline":
        self._guarding = True
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._guarding = False
        # As in asyncio.timeout: the cancellation is ours alone only if no other one waits.
        if (
            kind is asyncio.CancelledError
            and self.expired
            and self._task is not None
            and self._task.uncancel() == 0
        ):
            raise UpstreamTimeout(f"no {self._phase} within the time limit") from None
