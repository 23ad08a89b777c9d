"""How far a long deed of a page is, told while it goes on, and at the end the page."""

import json
from contextvars import ContextVar
from typing import Any

import pytest
from django.utils.safestring import mark_safe

from omniroute.console import progress
from omniroute.console.progress import Tell

who: ContextVar[str] = ContextVar("who", default="nobody")


async def told(work: Any) -> list[dict[str, Any]]:
    pieces: Any = progress.streamed(work).streaming_content
    return [json.loads(line) async for line in pieces]


async def test_each_step_is_told_and_the_page_comes_last() -> None:
    def work(tell: Tell) -> str:
        for done in (1, 2):
            tell(done, 2)
        return mark_safe("<p>done</p>")  # as a template gives it

    assert await told(work) == [
        {"done": 1, "total": 2},
        {"done": 2, "total": 2},
        {"page": "<p>done</p>"},
    ]


async def test_of_ten_thousand_steps_a_hundred_are_told() -> None:
    def work(tell: Tell) -> str:
        for done in range(1, 10_001):
            tell(done, 10_000)
        return ""

    assert len(await told(work)) == progress.STEPS + 1


async def test_it_is_done_in_the_name_of_who_asked() -> None:
    who.set("ann")
    assert await told(lambda tell: who.get()) == [{"page": "ann"}]


async def test_what_goes_wrong_is_no_page() -> None:
    def work(tell: Tell) -> str:
        raise LookupError("a fault of ours")

    with pytest.raises(LookupError):
        await told(work)
