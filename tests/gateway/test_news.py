"""That the log has new rows is told, and waited for no longer than it may be lost."""

import asyncio
from collections.abc import Callable

from gateway import channels, news
from gateway.news import News
from gateway.state.memory import MemoryState


class Shared(MemoryState):
    """Remembers what is told, and lets a test tell in another process's place."""

    is_shared = True

    def __init__(self) -> None:
        super().__init__()
        self.told: list[str] = []
        self.others: dict[str, Callable[[bytes], None]] = {}

    def broadcast(self, channel: str, data: bytes) -> None:
        self.told.append(channel)

    def subscribe(self, channel: str, callback: Callable[[bytes], None]) -> None:
        self.others[channel] = callback


async def test_own_rows_are_told_to_the_others_and_wake_who_waits_here() -> None:
    state = Shared()
    told = News(state)
    waiting = asyncio.create_task(told.wait(told.next))
    await asyncio.sleep(0)
    told.tell()
    await waiting
    assert state.told == [channels.LOG]


async def test_what_others_tell_wakes_too_and_is_not_told_on() -> None:
    state = Shared()
    told = News(state)
    event = told.next
    state.others[channels.LOG](b"")
    await told.wait(event)
    assert state.told == []


async def test_what_comes_while_the_log_is_read_is_not_missed() -> None:
    told = News(MemoryState())
    event = told.next
    told.tell()
    assert event.is_set()
    assert not told.next.is_set()


def test_who_is_told_looks_seldom_and_who_is_not_every_second() -> None:
    assert News(Shared()).patience_s == news.TOLD_S
    assert News(MemoryState()).patience_s == news.ALONE_S
