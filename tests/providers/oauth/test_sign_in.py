"""Signing in: through the API, at a real authorization server that verifies what it is told."""

import base64
import json
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from django.test import Client

from accounts import keys, roles
from accounts.models import User
from providers.models import Connection, Provider, SignIn
from providers.oauth import device
from tests.factories import ProviderFactory, UserFactory
from tests.providers.oauth.conftest import Clock
from tests.providers.oauth.server import CLIENT, AuthorizationServer

pytestmark = pytest.mark.django_db


def signed_in(role: str = roles.ADMINISTRATOR) -> Client:
    client = Client(headers={"host": "localhost"})
    client.force_login(UserFactory(role=role))
    return client


@pytest.fixture
def admin() -> Client:
    return signed_in()


def post(client: Client, path: str, body: Any = None) -> Any:
    return client.post(f"/api/oauth/{path}", json.dumps(body or {}), "application/json")


def begun(client: Client, **wish: Any) -> dict[str, Any]:
    answer = post(client, "acme/authorize", wish)
    assert answer.status_code == 200, answer.content
    told: dict[str, Any] = answer.json()
    return told


def agree(url: str) -> tuple[str, dict[str, str]]:
    """The person signs in at the provider: where their browser goes then, and with what."""
    answer = httpx.get(url, follow_redirects=False)
    assert answer.status_code == 302, answer.text
    back = answer.headers["location"]
    return back, {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()}


def callback(client: Client, **query: str) -> Any:
    return client.get("/api/oauth/acme/callback", query)


def test_the_browser_comes_back_and_there_is_a_connection(
    admin: Client, provider: Provider, server: AuthorizationServer
) -> None:
    told = begun(admin, name="mine")
    assert told["comes_back"]
    back, query = agree(told["url"])
    assert back.startswith("http://127.0.0.1:20128/api/oauth/acme/callback?")
    answer = callback(admin, **query)
    row = Connection.objects.get(name="mine")
    assert (answer.status_code, answer["location"]) == (
        302, f"/admin/providers/connection/{row.pk}/change/",
    )  # fmt: skip
    assert row.auth_type == "oauth"
    held = row.token.opened()
    assert server.is_valid(held["access_token"])
    assert held["refresh_token"] in server.refreshes
    assert held["access_token"] not in row.credential


def test_the_address_asks_for_a_code_with_pkce_and_a_state(
    admin: Client, provider: Provider
) -> None:
    query = parse_qs(urlsplit(begun(admin)["url"]).query)
    assert query["code_challenge_method"] == ["S256"]
    assert query["scope"] == ["models offline"]
    assert query["client_id"] == [CLIENT]
    assert len(query["state"][0]) >= 43


def test_the_server_refuses_a_verifier_that_does_not_fit(
    admin: Client, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = begun(admin)
    _, query = agree(told["url"])
    other = begun(admin)
    # The code of one sign-in with the verifier of another.
    answer = callback(admin, code=query["code"], state=other["state"])
    assert answer.status_code == 400
    assert "the verifier does not fit" in answer.json()["error"]["message"]
    assert not Connection.objects.exists()


PASTED = [
    "{code}",
    "{code}#{state}",
    "http://localhost:1455/auth/callback?code={code}&state={state}",
]


@pytest.mark.parametrize("pasted", PASTED)
def test_what_the_browser_shows_can_be_pasted(
    admin: Client, provider: Provider, pasted: str
) -> None:
    told = begun(admin)
    _, query = agree(told["url"])
    answer = post(admin, "acme/exchange", {"code": pasted.format(**query), "state": told["state"]})
    assert answer.status_code == 200, answer.content
    assert answer.json()["auth"]["access_token"] == "********"


@pytest.mark.parametrize("state", ["", "x", "a-state-of-nobody"])
def test_a_wrong_state_is_refused(admin: Client, provider: Provider, state: str) -> None:
    _, query = agree(begun(admin)["url"])
    assert callback(admin, code=query["code"], state=state).status_code == 400
    assert not Connection.objects.exists()


def test_a_state_of_another_session_is_refused(admin: Client, provider: Provider) -> None:
    _, query = agree(begun(admin)["url"])
    assert callback(signed_in(), **query).status_code == 400
    assert callback(Client(headers={"host": "localhost"}), **query).status_code == 401
    assert not Connection.objects.exists()
    assert callback(admin, **query).status_code == 302


def test_a_state_of_another_provider_is_refused(
    admin: Client, provider: Provider, server: AuthorizationServer
) -> None:
    ProviderFactory(slug="other", allow_private_network=True, oauth=server.row())
    told = begun(admin)
    _, query = agree(told["url"])
    assert post(admin, "other/exchange", query).status_code == 400


def test_a_sign_in_is_used_once(
    admin: Client, provider: Provider, server: AuthorizationServer
) -> None:
    _, query = agree(begun(admin)["url"])
    assert callback(admin, **query).status_code == 302
    assert callback(admin, **query).status_code == 400
    assert server.asked["authorization_code"] == 1


def test_the_server_refuses_a_code_that_was_used(admin: Client, provider: Provider) -> None:
    _, first = agree(begun(admin)["url"])
    assert callback(admin, **first).status_code == 302
    second = begun(admin)
    answer = callback(admin, code=first["code"], state=second["state"])
    assert answer.status_code == 400
    assert Connection.objects.count() == 1


def test_a_sign_in_is_over_after_ten_minutes(
    admin: Client, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, query = agree(begun(admin)["url"])
    now = time.time()
    monkeypatch.setattr("providers.oauth.sign_in.time.time", lambda: now + 601)
    assert callback(admin, **query).status_code == 400
    begun(admin)
    assert SignIn.objects.count() == 1  # what is over is forgotten


def test_neither_verifier_nor_code_nor_token_is_kept_in_clear(
    admin: Client, provider: Provider, server: AuthorizationServer
) -> None:
    told = begun(admin)
    [row] = SignIn.objects.all()
    assert told["state"] not in f"{row.state} {row.sealed}"
    _, query = agree(told["url"])
    callback(admin, **query)
    verifier = server.requests[0]["code_verifier"]
    from django.db import connection

    with connection.cursor() as cursor:
        for table in connection.introspection.table_names():
            cursor.execute(f'SELECT * FROM "{table}"')
            text = str(cursor.fetchall())
            for secret in (verifier, query["code"], told["state"], *server.tokens):
                assert secret not in text, table


def test_the_setting_that_is_missing_is_named(
    admin: Client, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TEST_OAUTH_CLIENT_ID")
    for way in ("authorize", "device"):
        answer = post(admin, f"acme/{way}")
        assert answer.status_code == 400
        assert "TEST_OAUTH_CLIENT_ID is not set" in answer.json()["error"]["message"]


def test_a_restricted_provider_warns(admin: Client, provider: Provider) -> None:
    provider.status, provider.status_note = "restricted", "The vendor forbids this."
    provider.save()
    assert begun(admin)["warning"] == "The vendor forbids this."


def test_a_provider_without_the_flow_says_so(admin: Client) -> None:
    ProviderFactory(slug="acme")
    for way in ("authorize", "device"):
        assert "has no sign-in by" in post(admin, f"acme/{way}").json()["error"]["message"]


def test_only_who_may_know_credentials_may_sign_in(provider: Provider) -> None:
    operator = signed_in(roles.OPERATOR)
    for way in ("authorize", "device", "exchange", "poll"):
        assert post(operator, f"acme/{way}", {"code": "c", "state": "s"}).status_code == 403
    assert callback(operator, code="c", state="s").status_code == 403


def test_a_key_finishes_what_it_began_and_no_session_does(
    admin: Client, provider: Provider
) -> None:
    owner = User.objects.create_user("script", password="x", role=roles.ADMINISTRATOR)
    row, key = keys.mint(name="script", owner=owner, scope="manage")
    row.save()
    script = Client(headers={"authorization": f"Bearer {key}", "host": "localhost"})
    told = begun(script)
    _, query = agree(told["url"])
    assert callback(admin, **query).status_code == 400
    assert post(script, "acme/exchange", query).status_code == 200


def test_signing_in_again_gives_the_same_connection_a_new_token(
    admin: Client, provider: Provider
) -> None:
    seen = []
    for _ in range(2):
        _, query = agree(begun(admin, name="mine")["url"])
        callback(admin, **query)
        seen.append(Connection.objects.get().token.opened()["access_token"])
    assert seen[0] != seen[1]


def test_a_vendors_own_names_are_its_rows(
    admin: Client, server: AuthorizationServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A vendor that issues keys, speaks JSON, has no clients and gives no state back."""
    row = {
        "flow": "authorization_code (key issuing)", "authorize_url": "https://vendor.example/auth",
        "token_url": f"{server.url}/token", "pkce": "S256", "state_in_redirect": True,
        "authorize_names": {"redirect_uri": "callback_url", "response_type": ""},
        "encoding": "json", "token_names": {"grant_type": "", "redirect_uri": ""},
        "answer": {"access_token": "key"}, "issues": "api_key",
    }  # fmt: skip
    ProviderFactory(slug="acme", allow_private_network=True, oauth=row)
    sent: list[Any] = []
    told = begun(admin)
    query = parse_qs(urlsplit(told["url"]).query)
    assert set(query) == {"callback_url", "code_challenge", "code_challenge_method"}
    assert parse_qs(urlsplit(query["callback_url"][0]).query)["state"] == [told["state"]]

    def issue(fields: dict[str, str], _: str) -> dict[str, str]:
        sent.append(fields)
        return {"key": "sk-1"}

    monkeypatch.setattr(server, "token", issue)
    assert callback(admin, code="c0de", state=told["state"]).status_code == 302
    assert set(sent[0]) == {"code", "code_verifier", "code_challenge_method"}
    made = Connection.objects.get()
    assert (made.auth_type, made.read_auth()) == ("api_key", {"api_key": "sk-1"})


def test_addresses_are_discovered_where_the_row_says_where(
    admin: Client, server: AuthorizationServer
) -> None:
    row = server.row(discovery_url=f"{server.url}/.well-known/openid-configuration")
    for name in ("authorize_url", "token_url", "device_authorization_url"):
        del row[name]
    ProviderFactory(slug="acme", allow_private_network=True, oauth=row)
    _, query = agree(begun(admin)["url"])
    assert callback(admin, **query).status_code == 302
    assert post(admin, "acme/device").status_code == 200


def test_what_the_id_token_tells_becomes_a_parameter(
    admin: Client, provider: Provider, server: AuthorizationServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider.oauth |= {"claims": {"account": ["https://acme.example/auth", "id"]}}
    provider.save()
    claims = {"email": "ann@example.com", "https://acme.example/auth": {"id": "acc-1"}}
    coded = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    issue = server.issue
    told = {"id_token": f"e30.{coded}.x"}
    monkeypatch.setattr(server, "issue", lambda family=None, **_: issue(family) | told)
    _, query = agree(begun(admin)["url"])
    callback(admin, **query)
    row = Connection.objects.get()
    assert (row.name, row.params) == ("acme ann@example.com", {"account": "acc-1"})


# --- Device flow -------------------------------------------------------------------------------


def test_a_code_is_typed_in_elsewhere_and_there_is_a_connection(
    admin: Client, provider: Provider, server: AuthorizationServer, clock: Clock
) -> None:
    told = post(admin, "acme/device", {"name": "mine"}).json()
    assert told["verification_uri"] == f"{server.url}/device"
    assert told["user_code"] in told["complete_uri"]

    def polled() -> Any:
        return post(admin, "acme/poll", {"state": told["state"]})

    assert polled().json()["status"] == "pending"
    assert polled().json()["status"] == "pending"  # too early: nobody is asked
    assert server.asked[device.GRANT] == 1
    next(iter(server.devices.values())).approved = True
    clock.now += 1.5
    assert polled().json() == {"status": "done", "interval_s": 0, "connection": "mine"}
    assert server.is_valid(Connection.objects.get().token.opened()["access_token"])
    assert polled().status_code == 400


@pytest.mark.parametrize("told", [1e18, -1e18, float("nan"), "soon", 10**400, []])
def test_a_server_that_talks_nonsense_of_time_still_has_its_code_typed_in(
    admin: Client,
    provider: Provider,
    server: AuthorizationServer,
    monkeypatch: pytest.MonkeyPatch,
    told: Any,
) -> None:
    begin = server.begin_device
    nonsense = {"interval": told, "expires_in": told}
    monkeypatch.setattr(server, "begin_device", lambda fields: begin(fields) | nonsense)
    code = post(admin, "acme/device", {"name": "mine"})
    assert code.status_code == 200
    assert 1 <= code.json()["interval_s"] <= code.json()["expires_in_s"] <= device.MAX_LASTS_S


def test_who_is_told_to_slow_down_does(
    admin: Client, provider: Provider, server: AuthorizationServer, clock: Clock
) -> None:
    told = post(admin, "acme/device").json()
    next(iter(server.devices.values())).polled = clock.now  # as if asked a moment ago
    answer = post(admin, "acme/poll", {"state": told["state"]}).json()
    assert answer == {"status": "pending", "interval_s": 6, "connection": ""}
    clock.now += 5
    post(admin, "acme/poll", {"state": told["state"]})
    assert server.asked[device.GRANT] == 1
    clock.now += 1.5
    post(admin, "acme/poll", {"state": told["state"]})
    assert server.asked[device.GRANT] == 2


def test_who_refuses_makes_no_connection(
    admin: Client, provider: Provider, server: AuthorizationServer
) -> None:
    told = post(admin, "acme/device").json()
    next(iter(server.devices.values())).denied = True
    answer = post(admin, "acme/poll", {"state": told["state"]})
    assert answer.status_code == 400
    assert "access_denied" in answer.json()["error"]["message"]
    assert not SignIn.objects.exists()


def test_another_session_cannot_poll(admin: Client, provider: Provider) -> None:
    told = post(admin, "acme/device").json()
    assert post(signed_in(), "acme/poll", {"state": told["state"]}).status_code == 400
