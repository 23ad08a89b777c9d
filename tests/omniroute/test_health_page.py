"""Health: what the page tells of processes and connections, and who may clear what keeps calls away."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import roles
from analytics.models import GatewayProcess
from gateway.state.blocks import Block
from gateway.state.health import Entry
from omniroute.console import health
from providers import states
from providers.models import Clearing, Connection, Quota
from tests.factories import ConnectionFactory, ProviderFactory, UserFactory

pytestmark = pytest.mark.django_db

HOSTILE = "429: <script>alert(1)</script>\x1b[31m\u202e"


def signed_in(role: str) -> Client:
    client = Client()
    client.force_login(UserFactory(role=role))
    return client


def blocked(name: str) -> Entry:
    now = timezone.now().timestamp()
    return Entry(Block(name, "", "rate_limit", HOSTILE, now, now + 60), "blocked", 60, False)


@pytest.fixture
def blocks(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Entry]]:
    """What a gateway process would know."""
    found: dict[str, list[Entry]] = {}
    monkeypatch.setattr(health, "blocks", lambda: found)
    return found


def process(pid: int, **fields: Any) -> None:
    now = timezone.now()
    told = {"host": "one", "version": "0.1.0", "started": now, "seen": now} | fields
    GatewayProcess.objects.create(id=f"p{pid}", pid=pid, **told)


def names(page: Any) -> list[str]:
    return [row.account.connection for row in page.context["rows"]]


def test_those_that_need_somebody_come_first_and_the_page_is_harmless(
    blocks: dict[str, list[Entry]],
) -> None:
    for name in ("a-well", "b-blocked", "c-spent"):
        ConnectionFactory(name=name)
    ConnectionFactory(name="a-off", active=False)
    states.report({"c-spent": ("out_of_credit", "402: spent")})
    blocks["b-blocked"] = [blocked("b-blocked")]
    viewer = signed_in(roles.VIEWER)
    page = viewer.get("/health/")
    assert names(page) == ["b-blocked", "c-spent", "a-well", "a-off"]
    assert names(viewer.get("/health/?only=attention")) == ["b-blocked", "c-spent"]
    assert names(viewer.get("/health/?search=spent")) == ["c-spent"]
    text = page.content.decode()
    assert "<script>alert" not in text
    assert not {"\x1b", "\u202e"} & set(text)


def test_a_connection_that_needs_no_key_has_none() -> None:
    ConnectionFactory(name="open", auth_type=Connection.Auth.NONE, credential="")
    page = signed_in(roles.VIEWER).get("/health/").content.decode()
    assert "none needed" in page
    assert "a key" not in page.partition('id="health"')[2]


def test_a_process_that_is_silent_is_told_of() -> None:
    process(1, active=3)
    process(2, draining=True)
    process(3, seen=timezone.now() - timedelta(seconds=90))
    text = signed_in(roles.VIEWER).get("/health/").content.decode()
    assert "draining" in text
    assert "silent for 9" in text


def test_many_connections_cost_no_more_queries_than_few(blocks: dict[str, list[Entry]]) -> None:
    client, owner = signed_in(roles.OPERATOR), ProviderFactory()

    def queries() -> int:
        with CaptureQueriesContext(connection) as made:
            assert client.get("/health/").status_code == 200
        return len(made)

    def add(count: int) -> None:
        for _ in range(count):
            row = ConnectionFactory(provider=owner)
            Quota.objects.create(connection=row, name="requests", observed=timezone.now())
            blocks[row.name] = [blocked(row.name)]

    add(2)
    queries()
    few = queries()
    add(60)
    assert queries() == few


def test_clearing_is_for_who_may_change_connections() -> None:
    ConnectionFactory(name="mine")
    assert signed_in(roles.MEMBER).get("/health/").status_code == 403
    viewer = signed_in(roles.VIEWER)
    assert viewer.post("/health/clear/", {"connection": "mine"}).status_code == 403
    assert "Clear all" not in viewer.get("/health/").content.decode()
    assert not Clearing.objects.exists()


def test_all_are_cleared_only_after_a_question() -> None:
    operator = signed_in(roles.OPERATOR)
    assert b"Clear every cooldown" in operator.get("/health/clear/").content
    assert not Clearing.objects.exists()
    operator.post("/health/clear/", {"connection": "mine"})
    operator.post("/health/clear/")
    assert list(Clearing.objects.values_list("connection", flat=True)) == ["mine", ""]


def test_a_form_of_another_site_clears_nothing() -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(UserFactory(role=roles.OPERATOR))
    assert client.post("/health/clear/").status_code == 403
