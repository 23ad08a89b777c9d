"""Renewing: one refresh however many want it, the old token until the new one is written, and what
the provider's refusals mean."""

import base64
import json
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
import yaml
from django.db import OperationalError
from django.db.models import QuerySet

from accounts.models import GatewaySettings
from gateway import snapshot
from gateway.bearers import Bearers
from omniroute.configuration import export
from omniroute.configuration.apply import apply, read
from providers.models import Connection, Provider, Token
from providers.oauth import client, grants, renewal, tokens
from providers.oauth.renewal import NotRenewed
from tests.factories import ConnectionFactory, ProviderFactory
from tests.providers.oauth.conftest import Clock
from tests.providers.oauth.server import SECRET, AuthorizationServer, Refresh

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests' database is in memory, where nobody waits for another's lock."""
    monkeypatch.setattr(renewal, "THREADS", 1)


def connect(provider: Provider, auth_type: str = "oauth", **auth: Any) -> Connection:
    row = Connection(name="mine", provider=provider, auth_type=auth_type)
    row.credential = row.sealed(auth)
    row.save()
    return row


def signed_in(provider: Provider, server: AuthorizationServer, lasts_s: float = 60) -> Connection:
    told = server.issue(lifetime_s=lasts_s)
    auth = {name: told[name] for name in ("access_token", "refresh_token")}
    return connect(provider, **auth, expires=str(time.time() + lasts_s))


def token_of(row: Connection) -> Token:
    return Token.objects.select_related("connection__provider").get(connection=row)


def renew(row: Connection) -> renewal.Current | None:
    return renewal.renew(row.pk, token_of(row).version)


def test_a_token_is_renewed_and_the_old_one_is_gone(
    provider: Provider, server: AuthorizationServer
) -> None:
    row = signed_in(provider, server)
    before = token_of(row)
    got = renew(row)
    assert got is not None
    assert server.is_valid(got.access_token)
    after = token_of(row)
    assert after.version == before.version + 1
    assert after.opened()["refresh_token"] != before.opened()["refresh_token"]
    assert server.requests[-1]["refresh_token"] == before.opened()["refresh_token"]


def test_a_server_that_does_not_rotate_leaves_the_refresh_token(
    provider: Provider, server: AuthorizationServer
) -> None:
    server.rotates = False
    row = signed_in(provider, server)
    before = token_of(row).opened()["refresh_token"]
    renew(row)
    renew(row)
    assert token_of(row).opened()["refresh_token"] == before
    assert server.asked["refresh_token"] == 2


def test_who_saw_an_older_version_gets_the_new_one_and_asks_nobody(
    provider: Provider, server: AuthorizationServer
) -> None:
    row = signed_in(provider, server)
    seen = token_of(row).version
    first, second = (renewal.renew(row.pk, seen) for _ in range(2))
    assert first is not None
    assert second is not None
    assert first.access_token == second.access_token
    assert server.asked["refresh_token"] == 1


def test_a_used_refresh_token_means_needs_login_and_is_not_tried_again(
    provider: Provider, server: AuthorizationServer, caplog: pytest.LogCaptureFixture
) -> None:
    row = signed_in(provider, server)
    server.refreshes[token_of(row).opened()["refresh_token"]].used = True
    got = renew(row)
    assert got is not None
    assert "the refresh token was used before" in got.needs_login
    assert token_of(row).needs_login
    assert "connection mine needs login" in caplog.text
    assert renew(row) == got
    assert renewal.renew_due() == 0
    assert server.asked["refresh_token"] == 1


WORDS = [
    ({"error": "invalid_grant"}, 400),
    ({"error": {"code": "refresh_token_reused", "message": "used"}}, 401),
    ({"error": "bad_refresh_token"}, 200),
]


@pytest.mark.parametrize(("answer", "status"), WORDS)
def test_vendors_say_it_in_words_of_their_own(
    provider: Provider, server: AuthorizationServer, answer: Any, status: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    row = signed_in(provider, server)
    said = (status, json.dumps(answer).encode())
    monkeypatch.setattr("providers.oauth.client.http.send", lambda *_, **__: said)
    got = renew(row)
    assert got is not None
    assert got.needs_login


def test_what_a_provider_repeats_of_a_secret_is_not_told(
    provider: Provider, server: AuthorizationServer, caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    row = signed_in(provider, server)
    secret = token_of(row).opened()["refresh_token"]
    told = {"error": "invalid_grant", "error_description": f"{secret} is of no use"}
    said = (400, json.dumps(told).encode())
    monkeypatch.setattr("providers.oauth.client.http.send", lambda *_, **__: said)
    renew(row)
    assert token_of(row).cause == "sign in again: invalid_grant: [hidden] is of no use"
    assert secret not in caplog.text


@pytest.mark.parametrize(
    "answer",
    [b"[" * 100_000, b'{"error": "invalid_grant", "error_description": "\\u0000 \\ud800"}'],
)
def test_what_no_database_holds_is_not_written_down(
    provider: Provider, server: AuthorizationServer, answer: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = signed_in(provider, server)
    monkeypatch.setattr("providers.oauth.client.http.send", lambda *_, **__: (400, answer))
    with suppress(NotRenewed):
        renew(row)
    assert token_of(row).failures == 1
    assert token_of(row).cause.isprintable()


def test_signing_in_again_ends_it(provider: Provider, server: AuthorizationServer) -> None:
    row = signed_in(provider, server)
    server.refreshes.clear()
    renew(row)
    assert token_of(row).needs_login
    told = server.issue()
    row.credential = row.sealed({n: told[n] for n in ("access_token", "refresh_token")})
    row.save()
    assert not token_of(row).needs_login
    got = renew(row)
    assert got is not None
    assert server.is_valid(got.access_token)


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_server_out_of_order_costs_no_token_and_is_not_hammered(
    provider: Provider, server: AuthorizationServer, clock: Clock, status: int
) -> None:
    row = signed_in(provider, server)
    before = token_of(row).opened()
    server.failing = status
    for _ in range(3):
        with pytest.raises(NotRenewed, match="it answered"):
            renew(row)
    assert server.asked["refresh_token"] == 1
    assert token_of(row).opened() == before
    assert not token_of(row).needs_login
    server.failing = 0
    clock.now += 8  # the first pause is 5 s, give or take a half
    assert renew(row) is not None
    assert token_of(row).failures == 0


def test_a_late_writer_loses_to_a_person_who_signed_in_meanwhile(
    provider: Provider, server: AuthorizationServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = signed_in(provider, server)
    asked = grants.ask

    def slow(connection: Connection, held: Any) -> Any:
        granted = asked(connection, held)
        told = server.issue()
        again = Connection.objects.get(pk=connection.pk)
        again.credential = again.sealed({"access_token": told["access_token"]})
        again.save()
        meanwhile.append(told["access_token"])
        return granted

    meanwhile: list[str] = []
    monkeypatch.setattr(grants, "ask", slow)
    got = renew(row)
    assert got is not None
    assert got.access_token == meanwhile[0]
    assert token_of(row).opened()["access_token"] == meanwhile[0]


def test_a_claim_of_a_process_that_died_runs_out(
    provider: Provider, server: AuthorizationServer, clock: Clock
) -> None:
    row = signed_in(provider, server, lasts_s=600)
    assert renewal._claim(token_of(row), "dead")
    assert renew(row) is None
    clock.now += renewal.HOLD_S + 1
    assert renew(row) is not None


def test_a_database_that_is_locked_for_a_moment_loses_no_token(
    provider: Provider, server: AuthorizationServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = signed_in(provider, server)
    update: Callable[..., int] = QuerySet.update
    failed: list[int] = []

    def once(self: QuerySet[Any], **values: Any) -> int:
        if "sealed" in values and not failed:
            failed.append(1)
            raise OperationalError("database is locked")
        return update(self, **values)

    monkeypatch.setattr(QuerySet, "update", once)
    got = renew(row)
    assert failed
    assert got is not None
    assert token_of(row).opened()["access_token"] == got.access_token


# --- Beat --------------------------------------------------------------------------------------


def test_beat_renews_what_ends_soon_and_leaves_the_rest(
    provider: Provider, server: AuthorizationServer
) -> None:
    soon = signed_in(provider, server, lasts_s=60)
    told = server.issue()
    late = Connection(name="late", provider=provider, auth_type="oauth")
    auth = {name: told[name] for name in ("access_token", "refresh_token")}
    late.credential = late.sealed(auth | {"expires": "2099-01-01T00:00:00Z"})
    late.save()
    assert renewal.renew_due() == 1
    assert renewal.renew_due() == 0
    assert (token_of(soon).version, token_of(late).version) == (2, 1)


def test_what_is_switched_off_is_left_alone(
    provider: Provider, server: AuthorizationServer
) -> None:
    row = signed_in(provider, server)
    row.active = False
    row.save()
    assert renewal.renew_due() == 0


@pytest.mark.parametrize("lasts_s", [60.0, 1800.0, 3600.0, 864_000.0])
def test_a_thousand_given_out_at_once_are_renewed_at_a_thousand_times(lasts_s: float) -> None:
    moments = [tokens.due(lasts_s, lasts_s) or 0 for _ in range(1000)]
    assert all(lasts_s / 2 <= moment < lasts_s for moment in moments)
    spread = max(moments) - min(moments)
    assert spread > 0.3 * min(tokens.LEAD_S, lasts_s / 2)
    assert len(set(moments)) > 990


# --- The other grants ----------------------------------------------------------------------------


def test_a_service_account_signs_for_its_token(
    provider: Provider, server: AuthorizationServer
) -> None:
    provider.oauth = {
        "flow": "service account JWT (RFC 7523)", "token_url": f"{server.url}/token",
        "scopes": ["cloud"], "client_id_setting": "GOOGLE_APPLICATION_CREDENTIALS",
    }  # fmt: skip
    provider.save()
    row = connect(provider, "service_account", json=server.service_account())
    got = renew(row)
    assert got is not None
    assert server.is_valid(got.access_token)


@pytest.mark.parametrize("client_auth", ["basic", "post"])
def test_a_client_has_a_token_by_its_credentials(
    provider: Provider, server: AuthorizationServer, client_auth: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    provider.oauth = {
        "flow": "client_credentials", "token_url": f"{server.url}/{{tenant}}",
        "client_auth": client_auth, "scopes": ["a", "b"], "token_headers": {"RqUID": "{uuid}"},
    }  # fmt: skip
    provider.save()
    monkeypatch.setenv("ACME_SECRET", SECRET)
    row = Connection(name="mine", provider=provider, auth_type="client_credentials")
    row.params = {"tenant": "token", "scope": "a"}
    row.credential = row.sealed(
        {"client_id": "operators-client", "client_secret": "env:ACME_SECRET"}
    )
    row.save()
    got = renew(row)
    assert got is not None
    assert server.is_valid(got.access_token)
    assert server.requests[-1]["scope"] == "a"


def test_a_wrong_client_secret_is_told_and_needs_no_person_to_sign_in(
    provider: Provider, server: AuthorizationServer
) -> None:
    provider.oauth = {"flow": "client_credentials", "token_url": f"{server.url}/token"}
    provider.save()
    row = connect(
        provider, "client_credentials", client_id="operators-client", client_secret="wrong"
    )
    with pytest.raises(NotRenewed, match="invalid_client") as error:
        renew(row)
    assert error.value.is_credential
    assert not token_of(row).needs_login
    assert "wrong" not in str(error.value)


def test_an_api_key_is_exchanged_where_the_row_says_so(
    provider: Provider, server: AuthorizationServer
) -> None:
    provider.oauth = {"flow": "api key exchange", "token_url": f"{server.url}/token"}
    provider.save()
    row = connect(provider, "api_key", api_key=server.api_key)
    got = renew(row)
    assert got is not None
    assert server.is_valid(got.access_token)
    provider.oauth = {}
    provider.save()
    row.save()
    assert not Token.objects.exists()


def test_a_login_token_is_exchanged_for_a_short_one(
    provider: Provider, server: AuthorizationServer
) -> None:
    provider.oauth = server.row(
        flow="device", exchange_url=f"{server.url}/exchange", exchange_header="token {}",
        answer={"access_token": "token"},
    )  # fmt: skip
    provider.save()
    row = connect(provider, access_token="gho_login")
    assert renewal.renew_due() == 1
    assert server.is_valid(token_of(row).opened()["access_token"])
    assert token_of(row).refresh_at is not None


def test_a_pasted_token_without_refresh_ends_and_says_so(
    provider: Provider, server: AuthorizationServer
) -> None:
    told = server.issue()
    row = connect(provider, access_token=told["access_token"], expires="2020-01-01T00:00:00Z")
    got = renew(row)
    assert got is not None
    assert "paste a new one" in got.needs_login


def test_a_jwt_says_itself_when_it_ends(provider: Provider) -> None:
    claims = base64.urlsafe_b64encode(json.dumps({"exp": 2_000_000_000}).encode()).decode()
    row = connect(provider, access_token=f"e30.{claims.rstrip('=')}.x")
    assert token_of(row).expires == datetime.fromtimestamp(2_000_000_000, UTC)


@pytest.mark.parametrize(
    "told", [1e18, -1e18, 1e308, float("nan"), 10**400, "1e18", "0001-01-01T00:00:00+23:59"]
)
def test_a_token_that_outlasts_every_calendar_is_kept_as_one_whose_end_nobody_knows(
    provider: Provider, server: AuthorizationServer, told: Any
) -> None:
    for where in ("expires_in", "expires_at"):
        granted = client.granted({"access_token": "at-1", where: told})
        assert granted.expires is None or abs(granted.expires - time.time()) < 5
    claims = base64.urlsafe_b64encode(json.dumps({"exp": told}).encode()).decode()
    row = connect(provider, access_token=f"e30.{claims.rstrip('=')}.x")
    assert token_of(row).expires is None


# --- Configuration, and what reaches the data plane ----------------------------------------------


def test_a_file_that_is_applied_again_does_not_bring_a_used_token_back(
    provider: Provider, server: AuthorizationServer
) -> None:
    told = server.issue(lifetime_s=60)
    auth = {"type": "oauth"} | {n: told[n] for n in ("access_token", "refresh_token")}
    document = {"connections": [{"name": "mine", "provider": "acme", "auth": auth}]}
    apply(read(yaml.safe_dump(document), {}))
    row = Connection.objects.get()
    renew(row)
    held = token_of(row).opened()["access_token"]
    assert all("unchanged" in str(change) for change in apply(read(yaml.safe_dump(document), {})))
    assert token_of(row).opened()["access_token"] == held
    masked = export.document()["connections"][0]["auth"]
    assert masked == {"type": "oauth", "access_token": "********", "refresh_token": "********"}
    whole = export.document(secrets=True)["connections"][0]["auth"]
    assert whole["access_token"] == held


def test_a_renewed_token_is_there_and_no_snapshot_was_built_for_it(
    provider: Provider, server: AuthorizationServer
) -> None:
    rows = []
    for number in range(20):
        told = server.issue(lifetime_s=60)
        row = Connection(name=f"c{number}", provider=provider, auth_type="oauth")
        auth = {name: told[name] for name in ("access_token", "refresh_token")}
        row.credential = row.sealed(auth | {"expires": str(time.time() + 60)})
        row.save()
        rows.append(row)
    bearers = Bearers()
    built = snapshot.build(bearers)
    version = GatewaySettings.load().version
    held = [connection.bearer for connection in built.providers["acme"].connections]
    before = [bearer.auth for bearer in held if bearer]
    assert renewal.renew_due() == 20
    bearers.refresh()
    after = [bearer.auth for bearer in held if bearer]
    assert all(a != b for a, b in zip(before, after, strict=True))
    assert all(server.is_valid(auth["access_token"]) for auth in after)
    assert GatewaySettings.load().version == version


def test_a_connection_without_a_token_is_left_out_and_named() -> None:
    ConnectionFactory(name="bare", auth_type="oauth", provider=ProviderFactory())
    [problem] = snapshot.build().problems
    assert (problem.name, "sign in" in problem.reason) == ("bare", True)


def test_whose_token_came_back_is_told(provider: Provider, server: AuthorizationServer) -> None:
    row = signed_in(provider, server)
    bearers = Bearers()
    told: list[str] = []
    bearers.on_login = told.append
    bearers.load()
    server.refreshes.clear()
    renew(row)
    bearers.refresh()
    assert told == []
    fresh = server.issue()
    row.credential = row.sealed({n: fresh[n] for n in ("access_token", "refresh_token")})
    row.save()
    bearers.refresh()
    assert told == ["mine"]
    server.refreshes[fresh["refresh_token"]] = Refresh(server.tokens[fresh["access_token"]][0])
    renew(row)
    bearers.refresh()
    assert told == ["mine"]
