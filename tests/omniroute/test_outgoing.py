"""How uvicorn's responses leave: as few packets as they can be."""

from types import SimpleNamespace
from typing import Any

import pytest

from omniroute.serving.uvicorn import Outgoing


class Transport:
    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.is_closed = False

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def close(self) -> None:
        self.is_closed = True

    def is_closing(self) -> bool:
        return self.is_closed


@pytest.fixture
def transport() -> Transport:
    return Transport()


def outgoing(transport: Transport, method: str = "POST", started: bool = True) -> Any:
    cycle: Any = SimpleNamespace(scope={"method": method}, response_started=started)
    return Outgoing(cycle, transport)  # type: ignore[arg-type]


def test_the_head_leaves_with_the_first_of_the_body(transport: Transport) -> None:
    response = outgoing(transport)
    for piece in (b"head ", b"one ", b"two"):
        response.write(piece)
    assert transport.written == [b"head one ", b"two"]


def test_an_empty_body_sends_the_head(transport: Transport) -> None:
    response = outgoing(transport)
    response.write(b"head")
    response.write(b"")
    assert transport.written == [b"head"]


def test_a_head_that_nothing_follows_leaves_at_once(transport: Transport) -> None:
    outgoing(transport, "HEAD").write(b"head")
    assert transport.written == [b"head"]


def test_that_the_body_may_come_is_said_at_once(transport: Transport) -> None:
    outgoing(transport, started=False).write(b"100 Continue")
    assert transport.written == [b"100 Continue"]


def test_an_application_that_breaks_off_loses_no_head(transport: Transport) -> None:
    response = outgoing(transport)
    response.write(b"head")
    response.close()
    assert transport.written == [b"head"]
    assert transport.is_closed
