"""`/api/models`: everything that is defined, what it costs today, and whether it can be called."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import roles
from combos.models import Alias
from providers.models import Connection, Provider, Token
from tests.factories import ConnectionFactory, ProviderFactory, ProviderModelFactory
from tests.omniroute.test_api import client_of, send

pytestmark = pytest.mark.django_db


@pytest.fixture
def viewer() -> Client:
    return client_of(roles.VIEWER)


def acme(**fields: Any) -> Provider:
    row: Provider = ProviderFactory(slug="acme", **fields)
    return row


def told(client: Client, query: str = "") -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in send(client, "get", f"/models{query}").json()["items"]}


def test_a_model_is_told_with_its_aliases_and_its_price_of_today(
    viewer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = acme()
    ConnectionFactory(provider=row)
    ProviderModelFactory(
        provider=row, name="m-1", input_price=1, output_price=2,
        price_changes=[{"from": "2026-06-01", "input": 3, "output": 4}, {"from": "2027-06-01", "input": 9}],
    )  # fmt: skip
    for alias, model in (("smart", "acme/m-1"), ("x-*", "acme/m-1"), ("y-*", "acme/*"),
                         ("y-m-*", "acme/m-2"), ("z-*", "acme/m-*")):  # fmt: skip
        Alias.objects.create(alias=alias, model=model)
    for now, price in (
        (datetime(2026, 5, 31, tzinfo=UTC), {"input": 1.0, "output": 2.0, "since": None}),
        (datetime(2026, 6, 1, tzinfo=UTC), {"input": 3.0, "output": 4.0, "since": "2026-06-01"}),
    ):
        monkeypatch.setattr(timezone, "now", lambda now=now: now)
        shown = told(viewer)["acme/m-1"]
        assert shown["price"] == price
        assert shown["aliases"] == ["smart", "x-*", "z-*"]  # y-m-1 is the more specific one's
    assert send(viewer, "get", "/models/acme/m-1").json() == shown


def test_without_a_price_it_is_unpriced_and_never_free(viewer: Client) -> None:
    ProviderModelFactory(provider=acme(), name="m")
    assert told(viewer)["acme/m"]["price"] is None


STATES: list[tuple[str, dict[str, Any], dict[str, Any], dict[str, Any], str]] = [
    ("ready", {}, {}, {}, ""),
    ("no_connection", {}, {}, {"active": False}, "no active connection"),
    ("no_connection", {}, {}, {"model_names": ["another"]}, "no active connection"),
    ("off", {}, {"active": False}, {}, "switched off"),
    ("retired", {}, {"active": False, "retired_on": date(2026, 1, 2)}, {}, "since 2026-01-02"),
    ("retired", {"status": "retired"}, {}, {}, "acme is retired"),
    ("unsupported", {}, {"kind": "transcription"}, {}, "no address for its kind"),
    ("vanished", {}, {"vanished_on": date(2026, 1, 2)}, {}, "does not list it since 2026-01-02"),
    ("ready", {}, {"vanished_on": date(2026, 1, 2)}, {"model_names": ["m"]}, ""),
]


@pytest.mark.parametrize(("state", "provider", "model", "account", "why"), STATES)
def test_it_says_whether_it_can_be_called_and_why_not(
    viewer: Client, state: str, provider: Any, model: Any, account: Any, why: str
) -> None:
    row = acme(**provider)
    ConnectionFactory(provider=row, **account)
    ProviderModelFactory(provider=row, name="m", **model)
    shown = told(viewer)["acme/m"]
    assert (shown["state"], shown["callable"]) == (state, state == "ready")
    assert why in shown["why"]
    assert [*told(viewer, "?callable=true")] == (["acme/m"] if state == "ready" else [])


def test_an_account_to_be_signed_in_again_is_told(viewer: Client) -> None:
    row = acme()
    account: Connection = ConnectionFactory(provider=row, name="mine")
    ProviderModelFactory(provider=row, name="m")
    Token.objects.create(connection=account, sealed="x", changed=timezone.now(), needs_login=True)
    shown = told(viewer)["acme/m"]
    assert (shown["state"], shown["why"]) == ("needs_login", "mine has to be signed in again")
    ConnectionFactory(provider=row)
    assert told(viewer)["acme/m"]["state"] == "ready"


def test_they_come_in_pages_and_all_at_once(viewer: Client) -> None:
    first, second = acme(), ProviderFactory(slug="beta")
    for provider, name in ((second, "a"), (first, "b"), (first, "a"), (second, "c/d")):
        ProviderModelFactory(provider=provider, name=name)
    whole = ["acme/a", "acme/b", "beta/a", "beta/c/d"]
    assert [*told(viewer)] == whole
    seen, after = [], ""
    while True:
        page = send(viewer, "get", f"/models?limit=3&after={after}").json()
        seen += [row["id"] for row in page["items"]]
        after = page["next"]
        if after is None:
            break
    assert seen == whole


def test_filters(viewer: Client) -> None:
    own, shipped = acme(), ProviderFactory(slug="shipped", alias="sh", builtin=True)
    ProviderModelFactory(provider=own, name="own", input_price=1)
    ProviderModelFactory(provider=own, name="found", discovered_on=date(2026, 1, 1))
    ProviderModelFactory(provider=shipped, name="known", kind="embedding")
    for query, expect in (
        ("origin=operator", ["acme/own"]),
        ("origin=discovery", ["acme/found"]),
        ("origin=catalogue", ["sh/known"]),
        ("provider=shipped", ["sh/known"]),
        ("provider=sh", ["sh/known"]),
        ("kind=embedding", ["sh/known"]),
        ("search=OW", ["acme/own", "sh/known"]),
        ("priced=true", ["acme/own"]),
        ("priced=false&origin=discovery", ["acme/found"]),
    ):
        assert [*told(viewer, f"?{query}")] == expect, query


@pytest.mark.parametrize("query", ["limit=0", "limit=5001", "origin=nowhere", "callable=perhaps"])
def test_a_wrong_question_is_refused(viewer: Client, query: str) -> None:
    assert send(viewer, "get", f"/models?{query}").status_code == 400


def test_a_member_may_not_read_them() -> None:
    assert send(client_of(roles.MEMBER), "get", "/models").status_code == 403


def test_many_cost_as_many_queries_as_few(viewer: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as made:
            assert send(viewer, "get", "/models").status_code == 200
        return len(made)

    def add(number: int) -> None:
        row = ProviderFactory(slug=f"p{number}")
        ConnectionFactory(provider=row)
        ProviderModelFactory(provider=row)
        Alias.objects.create(alias=f"a{number}", model="x/y")

    add(0)
    few = queries()
    for number in range(1, 6):
        add(number)
    assert queries() == few
