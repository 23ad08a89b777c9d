"""For how long a process says that a breaker is open."""

import pytest

from gateway.open_breakers import OpenBreakers
from gateway.state.health import Health
from gateway.verdict import Kind, Policy, Verdict
from tests.gateway.clocks import Clock

POLICY = Policy(breaker_failures=2, breaker_open_s=30)


class Process:
    """A gateway process, as far as its breakers go."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.health = Health(POLICY, wall=lambda: self.clock.wall)
        self.breakers = OpenBreakers()

    def fails(self, kind: Kind = "server", cause: str = "500: broken") -> None:
        verdict = Verdict("next_connection", kind, "model", cause=cause)
        self.health.failed("mine", "acme/m", verdict, self.clock.mono)

    def open_since(self) -> list[float]:
        return [each["since"] for each in self.breakers.of(self.health.entries(self.clock.mono))]


@pytest.fixture
def process() -> Process:
    return Process()


def test_a_breaker_is_open_since_it_first_opened_until_a_call_succeeds(process: Process) -> None:
    process.fails()
    assert process.open_since() == []
    process.fails()
    began = process.clock.wall
    assert process.open_since() == [began]
    for _ in range(3):
        process.clock.advance(31)
        process.fails()  # the call that tries
        assert process.open_since() == [began]
    process.clock.advance(31)
    now = process.clock.mono
    process.health.succeeded("mine", "acme/m", now, began=now)
    assert process.open_since() == []


def test_what_is_no_breaker_is_not_told(process: Process) -> None:
    process.fails("rate_limit", "429: slow")
    process.fails("model", "404: no such model")
    assert process.open_since() == []
