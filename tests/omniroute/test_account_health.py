"""The state of accounts as the API and Admin tell it: joined from probes, tokens and blocks."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts import keys, roles
from gateway.state.blocks import Block
from gateway.state.health import Entry
from omniroute.console import health
from omniroute.console.connections import quota_words
from providers import quotas, states
from providers.models import Connection, ConnectionState, Quota, Token
from providers.quotas import Known
from tests.factories import ConnectionFactory, ProviderFactory, UserFactory

pytestmark = pytest.mark.django_db

HOSTILE = "402: <script>alert(1)</script>\x1b[31m\u202e"
LISTING = reverse("admin:providers_connection_changelist")


@pytest.fixture
def account() -> Connection:
    return ConnectionFactory(name="mine", provider=ProviderFactory(slug="acme"), api_key="sk-1")


@pytest.fixture
def blocks(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Entry]]:
    """What a gateway process would know."""
    found: dict[str, list[Entry]] = {}
    monkeypatch.setattr(health, "blocks", lambda: found)
    return found


def entry(kind: Any, cause: str, model: str = "") -> Entry:
    now = timezone.now().timestamp()
    block = Block("mine", model, kind, cause, now, now + 60)
    return Entry(block, "blocked", 60, needs_attention=False)


def state() -> tuple[str, str]:
    [account] = health.accounts()
    return account.state, account.cause


def test_nothing_known_is_ok(account: Connection) -> None:
    assert state() == ("ok", "")


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ([entry("rate_limit", "429: slow")], ("cooling", "429: slow")),
        ([entry("reserve", "20% left")], ("cooling", "20% left")),
        ([entry("rate_limit", "429", "acme/m")], ("cooling", "acme/m: 429")),
        ([entry("server", "500: broken", "acme/m")], ("degraded", "acme/m: 500: broken")),
        ([entry("model", "404", "acme/m")], ("degraded", "acme/m: 404")),
        ([entry("quota", "402", "acme/m")], ("degraded", "acme/m: 402")),
        ([entry("quota", "402: spent")], ("out_of_credit", "402: spent")),
        ([entry("credential", "401: no")], ("needs_login", "401: no")),
        ([entry("rate_limit", "429"), entry("quota", "402")], ("out_of_credit", "402")),
    ],
)
def test_a_block_is_a_state(
    account: Connection,
    blocks: dict[str, list[Entry]],
    told: list[Entry],
    expected: tuple[str, str],
) -> None:
    blocks["mine"] = told
    assert state() == expected


def test_what_a_probe_found_is_a_state_and_the_worst_counts(
    account: Connection, blocks: dict[str, list[Entry]]
) -> None:
    states.report({"mine": ("degraded", "it answered 500")})
    assert state() == ("degraded", "it answered 500")
    blocks["mine"] = [entry("rate_limit", "429")]
    assert state() == ("cooling", "429")
    Token.objects.create(
        connection=account, changed=timezone.now(), needs_login=True, cause="sign in again"
    )
    assert state() == ("needs_login", "sign in again")
    account.active = False
    account.save()
    assert state() == ("off", "")


def test_a_new_window_has_nothing_known_of_it(account: Connection) -> None:
    now = timezone.now().timestamp()
    quotas.store({"mine": [Known("5h", now - 60, limit=100, remaining=3, resets_at=now - 1)]})
    [told] = health.accounts()[0].quotas
    assert (told.limit, told.remaining) == (100, None)
    assert health.quota_as_json(told)["stale"] is True


@pytest.mark.parametrize(
    ("known", "words"),
    [
        (
            Known("requests", 0, "acme/m", "requests", 100, 40, 3600, 60),
            "acme/m, requests: 40 of 100, whole again at 1970-01-01 01:00 UTC",
        ),
        (Known("credit", 0, unit="USD", remaining=9.5), "credit: 9.5 USD"),
        (Known("5h", 0, unit="%", limit=100), "5h: a new window, nothing known"),
    ],
)
def test_a_quota_in_words(known: Known, words: str) -> None:
    assert quota_words(known) == f"{words}, as of 1970-01-01 00:00 UTC, which is long ago"


def test_a_time_of_today_is_told_without_the_day() -> None:
    now = timezone.now()
    words = quota_words(Known("credit", now.timestamp(), unit="USD", remaining=9.5))
    assert words == f"credit: 9.5 USD, as of {now:%H:%M} UTC"


# --- The API -----------------------------------------------------------------------------------------


def client_of(role: str) -> Client:
    owner = UserFactory(role=role)
    row, key = keys.mint(name=role, owner=owner, scope="manage")
    row.save()
    return Client(headers={"authorization": f"Bearer {key}", "host": "localhost"})


def test_the_api_tells_state_and_quotas(account: Connection) -> None:
    states.report({"mine": ("out_of_credit", "402: spent")})
    quotas.store({"mine": [Known("credit", timezone.now().timestamp(), limit=10, remaining=0)]})
    client = client_of(roles.VIEWER)
    told = client.get("/api/connections/mine").json()
    assert told["state"]["status"] == "out_of_credit"
    assert told["state"]["cause"] == "402: spent"
    assert told["quotas"][0] | {"observed": ""} == {
        "name": "credit", "model": None, "unit": "", "limit": 10, "remaining": 0,
        "window_s": None, "resets_at": None, "observed": "", "stale": False,
    }  # fmt: skip
    assert client.get("/api/connections").json()["items"][0]["state"] == told["state"]
    [of_health] = client.get("/api/health").json()["accounts"]
    assert (of_health["connection"], of_health["provider"]) == ("mine", "acme")
    assert of_health["quotas"] == told["quotas"]


def test_a_switch_is_set_by_the_api_and_state_is_not(account: Connection) -> None:
    client = client_of(roles.ADMINISTRATOR)
    patched = client.patch(
        "/api/connections/mine", {"probe": False}, content_type="application/json"
    )
    assert (patched.status_code, patched.json()["probe"]) == (200, False)
    assert Connection.objects.get().probe is False
    refused = client.patch("/api/connections/mine", {"state": {}}, content_type="application/json")
    assert refused.status_code == 400


@pytest.mark.parametrize("path", ["/api/health", "/api/connections", "/api/connections/mine"])
def test_a_member_is_told_nothing(account: Connection, path: str) -> None:
    assert client_of(roles.MEMBER).get(path).status_code == 403


def queries(client: Client, path: str) -> int:
    with CaptureQueriesContext(connection) as made:
        assert client.get(path).status_code == 200
    return len(made)


@pytest.mark.parametrize("path", ["/api/health", "/api/connections", LISTING])
def test_many_accounts_cost_as_many_queries_as_few(account: Connection, path: str) -> None:
    if path == LISTING:
        client = Client(headers={"host": "localhost"})
        client.force_login(UserFactory(role=roles.ADMINISTRATOR))
    else:
        client = client_of(roles.ADMINISTRATOR)
    fill("mine")
    client.get(path)
    few = queries(client, path)
    for number in range(20):
        ConnectionFactory(name=f"c{number}", provider=account.provider, api_key="sk-1")
        fill(f"c{number}")
    assert queries(client, path) == few


def fill(name: str) -> None:
    states.report({name: ("degraded", "it answered 500")})
    quotas.store({name: [Known("requests", timezone.now().timestamp(), limit=10, remaining=4)]})


# --- Admin ---------------------------------------------------------------------------------------------


def test_admin_shows_states_and_quotas_and_nothing_in_them_runs(account: Connection) -> None:
    states.report({"mine": ("out_of_credit", HOSTILE)})
    quotas.store(
        {"mine": [Known("requests", timezone.now().timestamp(), model=HOSTILE, limit=9, remaining=4)]}
    )  # fmt: skip
    client = Client(headers={"host": "localhost"})
    client.force_login(UserFactory(role=roles.VIEWER))
    change = reverse("admin:providers_connection_change", args=[account.pk])
    for path in (LISTING, change):
        page = client.get(path).content.decode()
        assert re.search(r"bg-red-100[^>]*>\s*out of credit\s*</span>", page)
        assert "4 of 9" in page
        assert "<script>alert" not in page
        assert "\x1b" not in page
        assert "\u202e" not in page


def test_what_is_told_of_an_account_goes_with_it(account: Connection) -> None:
    fill("mine")
    account.delete()
    assert not ConnectionState.objects.exists()
    assert not Quota.objects.exists()


def test_an_account_that_was_asked_says_when(account: Connection) -> None:
    checked = timezone.now() - timedelta(minutes=5)
    fill("mine")
    ConnectionState.objects.update(checked=checked)
    assert health.accounts()[0].checked == checked
