"""What a gateway process tells the database of its accounts, and what it learns there."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from gateway import reporting, snapshot
from gateway.formats import openai_chat
from gateway.quotas import Quotas
from gateway.reporting import Reporter
from gateway.routing import resolve
from gateway.state.health import Health
from gateway.verdict import Kind, Verdict
from providers import clearings, quotas, states
from providers.models import Connection, ConnectionState, Quota
from providers.quotas import Known
from providers.states import Finding
from tests.factories import ConnectionFactory, ProviderFactory
from tests.gateway.clocks import Clock

pytestmark = pytest.mark.django_db

HEADERS = {"x-ratelimit-limit-requests": "10", "x-ratelimit-remaining-requests": "2"}


def on_loop(deed: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(deed)


CLOCK = Clock()


@pytest.fixture(autouse=True)
def _by_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reporting, "monotonic", lambda: CLOCK.mono)
    monkeypatch.setattr(reporting, "time", lambda: CLOCK.wall)


class Process:
    """A gateway process, as far as its accounts go."""

    def __init__(self) -> None:
        self.clock = CLOCK
        self.health = Health(wall=lambda: self.clock.wall)
        self.quotas = Quotas(self.health)
        self.snapshot = snapshot.build()
        self.reporter = Reporter(self.health, self.quotas, lambda: self.snapshot, on_loop)

    def meets(self, kind: Kind, cause: str = "402: no credit", model: str = "") -> None:
        scope: Any = "model" if model else "connection"
        verdict = Verdict("next_connection", kind, scope, cooldown_s=3600, cause=cause)
        self.health.failed("mine", model, verdict, self.clock.mono)

    def is_blocked(self) -> bool:
        return self.health.blocked("mine", "acme/m", self.clock.mono) is not None

    def hears(self, headers: dict[str, str]) -> None:
        principal = self.snapshot.anyone
        route = resolve(self.snapshot, principal, "acme/m", openai_chat.NAME)
        self.quotas.hear(route.targets[0], headers, self.clock.mono, self.clock.wall)


@pytest.fixture
def account() -> Connection:
    owner = ProviderFactory(slug="acme", rate_limit_headers=list(HEADERS))
    return ConnectionFactory(name="mine", provider=owner, api_key="sk-1", headroom=0.3)


@pytest.fixture
def process(account: Connection) -> Process:
    return Process()


def found() -> tuple[str, str, bool]:
    row = ConnectionState.objects.get()
    return row.status, row.cause, row.reported


@pytest.mark.parametrize(("kind", "status"), [("quota", "out_of_credit"), ("credential", "needs_login")])  # fmt: skip
def test_trouble_that_a_call_meets_is_told(process: Process, kind: Kind, status: str) -> None:
    process.meets(kind)
    process.reporter.turn()
    assert found() == (status, "402: no credit", True)


def test_what_passes_by_itself_is_not(process: Process) -> None:
    process.meets("rate_limit")
    process.meets("model", model="acme/m")
    process.reporter.turn()
    assert not ConnectionState.objects.exists()


def test_a_call_that_gets_an_answer_ends_it(process: Process) -> None:
    process.meets("quota")
    process.reporter.turn()
    process.health.clear(process.clock.mono, "mine")
    process.reporter.turn()
    assert found() == ("ok", "", False)


def test_what_an_operator_clears_is_over_in_every_process_and_what_follows_stays(
    account: Connection,
) -> None:
    processes = [Process(), Process()]
    for one in processes:
        one.clock.wall = timezone.now().timestamp() - 1
        one.meets("rate_limit")
    clearings.note("mine", None)
    for one in processes:
        one.reporter.turn()
        assert not one.is_blocked()
        one.clock.wall = timezone.now().timestamp() + 1
        one.meets("rate_limit")
        one.reporter.turn()
        assert one.is_blocked()


def test_a_top_up_that_a_probe_finds_ends_the_block_in_every_process(account: Connection) -> None:
    processes = [Process(), Process()]
    for one in processes:
        one.meets("quota")
        one.reporter.turn()
        one.reporter.turn()
        assert one.is_blocked()
    row = ConnectionState.objects.get()
    states.settle(row, row.holder, Finding("ok", has_credit=True), row.next_at)
    for one in processes:
        one.reporter.turn()
        assert not one.is_blocked()
        one.reporter.turn()
    assert found() == ("ok", "", False)


def test_another_block_of_it_is_told_anew(process: Process) -> None:
    process.meets("quota")
    process.reporter.turn()
    states.recovered(["mine"])
    process.clock.advance(3700)
    process.meets("quota", "402: still none")
    process.reporter.turn()
    assert found() == ("out_of_credit", "402: still none", True)
    assert process.is_blocked()


def test_a_process_that_starts_knows_of_it_and_lets_one_call_try(process: Process) -> None:
    process.meets("quota")
    process.reporter.turn()
    another = Process()
    another.reporter.load()
    another.health.recall(another.reporter._told.values(), another.clock.mono)
    assert not another.is_blocked()
    assert another.health.take_probe("mine", "acme/m", another.clock.mono)
    assert another.is_blocked()
    another.clock.advance(1)
    another.health.succeeded("mine", "acme/m", another.clock.mono, began=another.clock.mono - 0.5)
    another.reporter.turn()
    assert found() == ("ok", "", False)


def test_quotas_of_answers_are_kept(process: Process) -> None:
    process.hears(HEADERS | {"x-ratelimit-remaining-requests": "9"})
    process.reporter.turn()
    row = Quota.objects.get()
    assert (row.connection.name, row.model, row.name) == ("mine", "acme/m", "requests")
    assert (row.limit, row.remaining, row.window_s) == (10, 9, 60)


def test_any_provider_may_tell_in_the_headers_of_the_draft(account: Connection) -> None:
    account.provider.rate_limit_headers = []
    account.provider.save()
    process = Process()
    process.hears({"ratelimit": '"api";r=0;t=189', "ratelimit-policy": '"api";q=500;w=300'})
    process.reporter.turn()
    row = Quota.objects.get()
    assert (row.name, row.model, row.limit, row.remaining, row.window_s) == ("api", "", 500, 0, 300)
    assert process.is_blocked()  # a share of it is its owner's


def test_a_provider_that_names_ever_new_limits_fills_no_table(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quotas, "MAX_ROWS", 10)
    for number in range(20):
        process.clock.advance(1)
        process.hears({"ratelimit": f'"limit-{number}";r=1, "stays";r={number}'})
        process.reporter.turn()
    assert Quota.objects.count() == 10
    assert Quota.objects.get(name="stays").remaining == 19


@pytest.mark.parametrize("told", ["1e18", "9" * 300, "1e308", "-1e18", "9999-12-31T23:59:59-23:59"])
def test_a_reset_beyond_every_calendar_keeps_nothing_else_from_being_told(
    account: Connection, told: str
) -> None:
    names = [*HEADERS, "x-ratelimit-reset-requests", "x-codex-primary-used-percent"]
    names += ["x-codex-primary-window-minutes"]
    account.provider.rate_limit_headers = names
    account.provider.save()
    process = Process()
    process.hears(HEADERS | {"x-ratelimit-reset-requests": told})
    process.reporter.turn()
    window = {"x-codex-primary-used-percent": "5", "x-codex-primary-window-minutes": told}
    process.hears(HEADERS | window | {"x-ratelimit-remaining-requests": told})
    process.reporter.turn()
    assert Quota.objects.filter(name="primary", remaining=95).exists()


def test_what_cannot_be_written_now_is_written_later(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*_: object) -> None:
        raise OperationalError

    process.hears(HEADERS)
    with monkeypatch.context() as patch:
        patch.setattr(quotas, "store", locked)
        with pytest.raises(OperationalError):
            process.reporter.turn()
    process.reporter.turn()
    assert Quota.objects.get().remaining == 2


def test_a_reserve_holds_by_what_a_probe_has_seen(process: Process) -> None:
    observed = process.clock.wall
    quotas.store({"mine": [Known("credit", observed, limit=100, remaining=25)]})
    process.reporter.turn()
    assert process.is_blocked()
    observed += 1
    quotas.store({"mine": [Known("credit", observed, limit=200, remaining=125)]})
    process.reporter.turn()
    assert not process.is_blocked()


def test_a_connection_that_is_gone_is_no_trouble(process: Process, account: Connection) -> None:
    process.meets("quota")
    account.delete()
    process.reporter.turn()
    process.reporter.turn()
    assert not ConnectionState.objects.exists()
