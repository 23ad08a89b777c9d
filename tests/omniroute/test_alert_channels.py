"""Alert channels in files and in the management API: what is secret goes in and never comes out."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.test import Client

from accounts import roles
from analytics.alerts import delivery
from analytics.models import AlertChannel, AlertDelivery
from omniroute.configuration import export
from omniroute.configuration.apply import apply, read
from omniroute.configuration.errors import ConfigurationError
from omniroute.configuration.write import Change
from tests.analytics.listener import Listener, listening
from tests.omniroute.test_api import client_of, send

pytestmark = pytest.mark.django_db

URL = "https://hooks.example/services/canary-7f"
SECRET = "whsec_" + base64.b64encode(b"a secret of at least 24 bytes").decode()
MASK = "********"
OPS = {"name": "ops", "url": URL, "secret": SECRET, "events": ["budget_100"]}


@pytest.fixture
def admin() -> Client:
    return client_of(roles.ADMINISTRATOR)


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening() as listener:
        yield listener


def written(*channels: dict[str, Any]) -> list[Change]:
    return apply(read(yaml.safe_dump({"alert_channels": list(channels)})))


def exported(*, secrets: bool = False) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = export.document(secrets=secrets)["alert_channels"]
    return found


# --- Files -----------------------------------------------------------------------------------


def test_a_channel_comes_from_a_file_and_is_kept_encrypted() -> None:
    [change] = written(OPS)
    assert str(change) == "alert channel ops: created"
    row = AlertChannel.objects.get()
    assert row.opened() == {"url": URL, "secret": SECRET}
    assert (row.host, row.events) == ("hooks.example", ["budget_100"])
    assert "canary" not in row.sealed


def test_what_is_exported_is_masked_and_changes_nothing_when_it_comes_back() -> None:
    written(OPS)
    [told] = exported()
    assert told == {
        "name": "ops", "kind": "webhook", "url": MASK, "secret": MASK, "events": ["budget_100"],
    }  # fmt: skip
    [change] = written(told)
    assert str(change) == "alert channel ops: unchanged"
    assert AlertChannel.objects.get().opened() == {"url": URL, "secret": SECRET}


def test_with_its_secrets_it_comes_back_elsewhere() -> None:
    written(OPS)
    told = exported(secrets=True)
    AlertChannel.objects.all().delete()
    written(*told)
    assert AlertChannel.objects.get().opened() == {"url": URL, "secret": SECRET}


def test_what_changes_is_named_and_no_secret_with_it() -> None:
    written(OPS)
    [change] = written(OPS | {"url": f"{URL}2", "events": ["budget_80"]})
    assert str(change) == "alert channel ops: changed events, url"
    assert change.secret is None


def test_a_secret_that_is_made_is_told_once() -> None:
    told = {"name": "ops", "url": URL}
    [change] = written(told)
    assert change.secret == AlertChannel.objects.get().opened()["secret"]
    [again] = written(told)
    assert (again.secret, again.fields) == (None, ())


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"url": None}, "alert_channels[0].url: A URL is needed."),
        ({"url": "ftp://hooks.example"}, "alert_channels[0].url: "),
        ({"url": "http://127.0.0.1/x"}, "alert_channels[0].url: "),
        ({"secret": "hunter2"}, "alert_channels[0].secret: a secret begins with whsec_"),
        ({"events": ["moon_full"]}, "alert_channels[0].events: 'moon_full': unknown"),
        ({"events": []}, "alert_channels[0].events: "),
        ({"kind": "pager"}, "alert_channels[0].kind: 'pager' is no kind of channel"),
        ({"kind": "email"}, "alert_channels[0].kind: EMAIL_URL is not set"),
        ({"kind": "email", "recipients": ["b"]}, "alert_channels[0].recipients: 'b' is no e-mail"),
        ({"colour": "red"}, "alert_channels[0].colour: unknown key"),
    ],
)
def test_what_is_wrong_is_said_at_its_place(fields: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        written(OPS | fields)
    assert problem in str(refused.value)
    assert not AlertChannel.objects.exists()


def test_mail_goes_to_a_list_of_addresses(settings: Any) -> None:
    settings.EMAIL_URL = "smtp://localhost"
    told = {
        "name": "ops", "kind": "email", "recipients": ["a@example.com", "b@example.com"],
        "events": ["budget_80"],
    }  # fmt: skip
    written(told)
    assert AlertChannel.objects.get().recipients == "a@example.com, b@example.com"
    assert exported() == [told]


# --- Secrets that stand elsewhere ------------------------------------------------------------


def test_an_address_may_stand_in_the_environment_and_its_secret_in_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, listener: Listener
) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\n")
    monkeypatch.setenv("HOOK", listener.url)
    told = {"url": "env:HOOK", "secret": f"file:{file}", "allow_private_network": True}
    written(OPS | told)
    [shown] = exported()
    assert (shown["url"], shown["secret"]) == ("env:HOOK", f"file:{file}")
    sent = delivery.test(AlertChannel.objects.get())
    assert sent.status == AlertDelivery.Status.DELIVERED, sent.error
    assert listener.arrived[0].headers["webhook-signature"].startswith("v1,")


@pytest.mark.parametrize(
    ("secret", "error"),
    [
        ("env:NOT_SET", "the environment variable NOT_SET is not set"),
        ("file:/nowhere/at/all", "/nowhere/at/all: No such file or directory"),
        ("env:PATH", "a secret begins with whsec_"),
    ],
)
def test_one_that_is_not_there_is_told_with_the_delivery(secret: str, error: str) -> None:
    written(OPS | {"secret": secret})
    sent = delivery.test(AlertChannel.objects.get())
    assert (sent.status, sent.error) == (AlertDelivery.Status.GIVEN_UP, error)


# --- The management API ----------------------------------------------------------------------


def test_the_api_shows_a_secret_when_it_is_made_and_the_address_never(admin: Client) -> None:
    made = send(admin, "post", "/alert-channels", {"name": "ops", "url": URL})
    assert made.status_code == 201
    assert made.json()["secret"] == AlertChannel.objects.get().opened()["secret"]
    assert "canary" not in made.text
    shown = send(admin, "get", "/alert-channels/ops").json()
    assert (shown["url"], shown["secret"], shown["host"]) == (MASK, MASK, "hooks.example")


def test_what_is_left_out_is_kept(admin: Client) -> None:
    written(OPS)
    answer = send(admin, "patch", "/alert-channels/ops", {"active": False})
    assert answer.json()["active"] is False
    row = AlertChannel.objects.get()
    assert (row.active, row.opened()) == (False, {"url": URL, "secret": SECRET})
    assert send(admin, "delete", "/alert-channels/ops").status_code == 204
    assert not AlertChannel.objects.exists()


def test_a_wrong_address_is_told_in_the_one_shape(admin: Client) -> None:
    answer = send(admin, "post", "/alert-channels", OPS | {"url": "http://10.0.0.1/"})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "url")


def test_a_test_is_sent_at_once(admin: Client, listener: Listener) -> None:
    written(OPS | {"url": listener.url, "allow_private_network": True})
    answer = send(admin, "post", "/alert-channels/ops/test")
    assert answer.json() == {"name": "ops", "ok": True, "message": ""}
    assert send(admin, "post", "/alert-channels/none/test").status_code == 404
