"""Waiting for accounts that their provider limits for a moment.

A 429 often takes an account away for a second. Where nobody else is left to ask, a call waits as
long and is not refused: its client would come back no earlier than that.
"""

import asyncio
from collections.abc import Sequence
from time import monotonic, time

from gateway.routing import Target
from gateway.runtime import Runtime

WAIT_S = 2.0
# All that have waited for an account need not ask it at the same moment.
JITTER_S = 0.1


async def first_back(targets: Sequence[Target], runtime: Runtime, until: float) -> Target | None:
    """Wait for the one of `targets` that may be asked first.

    Args:
        until: On the monotonic clock.

    Returns:
        Null where none may be asked by then; that is known at once.
    """
    while targets:
        left_s, target = min(((_left_s(each, runtime), each) for each in targets), key=_first)
        if left_s <= 0:
            return target
        if monotonic() + left_s > until:
            return None
        await asyncio.sleep(left_s + runtime.rng.uniform(0, JITTER_S))
    return None


def _first(pair: tuple[float, Target]) -> float:
    return pair[0]


def _left_s(target: Target, runtime: Runtime) -> float:
    """For how long a target may not be asked; how a block of another kind ends, time cannot say."""
    block = runtime.health.blocked(*target.key, monotonic())
    if block is None:
        return 0.0
    is_timed = block.kind in {"rate_limit", "reserve"}
    return max(block.until - time(), 0.001) if is_timed else float("inf")
