"""What a gateway process writes down for alerts, and for how long it says that a breaker is open."""

from datetime import UTC, datetime

import pytest

from analytics.alerts import processes
from analytics.models import ProcessTrouble
from gateway import troubles
from gateway.state.health import Health
from gateway.troubles import Troubles
from gateway.verdict import Kind, Policy, Verdict
from tests.gateway.clocks import Clock

pytestmark = pytest.mark.django_db

POLICY = Policy(breaker_failures=2, breaker_open_s=30)


class Process:
    """A gateway process, as far as alerts go."""

    def __init__(self, clock: Clock) -> None:
        self.clock, self.waiting = clock, 0
        self.health = Health(POLICY, wall=lambda: clock.wall)
        self.troubles = Troubles(lambda: self.health.entries(clock.mono), lambda: self.waiting)

    def fails(self, kind: Kind = "server", cause: str = "500: broken") -> None:
        verdict = Verdict("next_connection", kind, "model", cause=cause)
        self.health.failed("mine", "acme/m", verdict, self.clock.mono)

    def open_since(self) -> list[float]:
        self.troubles.turn()
        at = datetime.fromtimestamp(self.clock.wall, UTC)
        return [each.since for each in processes.breakers(at)]


@pytest.fixture
def process(monkeypatch: pytest.MonkeyPatch) -> Process:
    clock = Clock()
    monkeypatch.setattr(troubles, "time", lambda: clock.wall)
    return Process(clock)


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


def test_what_waits_is_told_and_a_process_that_ends_says_nothing_more(process: Process) -> None:
    process.waiting = 12
    process.troubles.turn()
    assert ProcessTrouble.objects.get().journal_bytes == 12
    process.troubles.close()
    assert not ProcessTrouble.objects.exists()
