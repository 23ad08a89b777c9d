"""Much work in a thread beside the event loop, so that the loop's turn comes at once.

Two threads of Python share one lock. Whoever asks for it waits until the other has had its interval
(5 ms as Python sets it), and the loop asks at every read and write: a stream would go at a tenth of
its speed for as long as the work takes.
"""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from time import perf_counter, sleep
from typing import TypeVar

WORK_S = 0.002
PAUSE_S = 0.0001  # above zero: the lock is then given away, and not only put down
INTERVAL_S = 0.0005

Item = TypeVar("Item")


def paced(items: Iterable[Item]) -> Iterator[Item]:
    """The items, with a pause every WORK_S of what is done with them."""
    until = perf_counter() + WORK_S
    for item in items:
        yield item
        if perf_counter() > until:
            sleep(PAUSE_S)
            until = perf_counter() + WORK_S


@contextmanager
def short_turns() -> Iterator[None]:
    """While it lasts, no thread of the process keeps another one waiting for long."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(min(usual, INTERVAL_S))
    try:
        yield
    finally:
        sys.setswitchinterval(usual)
