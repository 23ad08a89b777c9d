"""A task is looked at only where its provider is: the credential goes there."""

from typing import Any, cast

import pytest
from msgspec import Struct

from gateway import tasks
from gateway.errors import UpstreamFailed
from gateway.formats.images import bfl
from gateway.routing import Target
from gateway.upstream import Upstreams


class Place(Struct):
    base_url: str
    format: Any = bfl


class Answer(Struct):
    data: bytes
    status: int = 200

    async def read(self) -> bytes:
        return self.data

    def close(self) -> None:
        """There is nothing to close."""


class Provider:
    def __init__(self, *answers: Answer) -> None:
        self.answers, self.asked = list(answers), list[str]()

    async def open(self, target: Any, body: bytes, url: Any, **_: Any) -> Answer:
        self.asked.append(str(url))
        return self.answers.pop(0)


def task(url: object) -> bytes:
    return b'{"id": "1", "polling_url": "%s"}' % str(url).encode()


async def look(answer: bytes, *answers: Answer, at: str = "https://api.bfl.ai/v1") -> list[str]:
    provider = Provider(*answers)
    target = cast(Target, Place(at))
    await tasks.outcome(target, answer, cast(Upstreams, provider))
    return provider.asked


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "FIRST_PAUSE_S", 0)


async def test_it_is_looked_at_until_it_is_done() -> None:
    waits = Answer(b'{"status": "Pending"}')
    url = "https://api.eu.bfl.ai/v1/get_result?id=1"
    assert await look(task(url), waits, Answer(b'{"status": "Ready"}')) == [url, url]


@pytest.mark.parametrize(
    ("at", "place"),
    [
        ("https://api.bfl.ai/v1", "https://bfl.ai.evil.example/x"),
        ("https://api.bfl.ai/v1", "http://api.bfl.ai/x"),
        ("https://api.bfl.ai/v1", "https://api.bfl.ai:8443/x"),
        ("https://api.bfl.ai/v1", "//x"),
        ("https://api.bfl.ai/v1", "http://[::1"),
        ("http://10.0.0.1/v1", "http://10.9.0.1/x"),
        ("http://[fd00::1]/v1", "http://[fd00::2]/x"),
    ],
)
async def test_another_place_is_not_looked_at(at: str, place: str) -> None:
    with pytest.raises(UpstreamFailed, match="not its provider's"):
        await look(task(place), at=at)


async def test_a_look_that_is_refused_is_a_failure() -> None:
    with pytest.raises(UpstreamFailed, match="gone"):
        await look(task("https://api.bfl.ai/x"), Answer(b'{"detail": "gone"}', 404))
