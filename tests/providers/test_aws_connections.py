"""Connections with an AWS access key: through a file and Admin, and into the snapshot."""

from dataclasses import dataclass
from typing import Any

import pytest
import yaml
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse

from accounts import roles
from gateway import snapshot
from omniroute import http
from omniroute.configuration import export
from omniroute.configuration.apply import apply, read
from omniroute.configuration.errors import ConfigurationError
from providers import probing
from providers.connections import merged_auth
from providers.models import Connection
from tests.factories import ConnectionFactory, ProviderFactory, UserFactory

pytestmark = pytest.mark.django_db

KEY_ID, SECRET, TOKEN = "AKIDCANARY3F", "aws-secret-canary-77c1", "aws-token-canary-9e02"
AUTH = {"access_key_id": KEY_ID, "secret_access_key": SECRET, "region": "eu-central-1"}
TEMPORARY = AUTH | {"session_token": TOKEN}
BASE_URL = "https://bedrock-runtime.{region}.amazonaws.com"
PROVIDER = f"providers: [{{id: br, alias: br, base_url: '{BASE_URL}'}}]\n"


def applied(auth: dict[str, Any]) -> list[str]:
    rows = {"connections": [{"name": "aws", "provider": "br", "auth": {"type": "aws"} | auth}]}
    return [str(change) for change in apply(read(PROVIDER + yaml.safe_dump(rows), {}))]


def stored() -> dict[str, Any]:
    return Connection.objects.get(name="aws").read_auth()


@dataclass(frozen=True)
class Case:
    id: str
    stored: dict[str, str]
    entered: dict[str, str | None]
    auth: dict[str, str]


MERGED = [
    Case("all of it", {}, TEMPORARY | {"api_key": None}, TEMPORARY),
    Case("blanks around", {}, {name: f" {v} " for name, v in AUTH.items()}, AUTH),
    Case("nothing new", TEMPORARY, {"secret_access_key": ""}, TEMPORARY),
    Case("another region", TEMPORARY, {"region": "us-east-1"}, TEMPORARY | {"region": "us-east-1"}),
    Case("a token belongs to its keys", TEMPORARY, {"secret_access_key": SECRET}, AUTH),
    Case("a newer token", TEMPORARY, {"session_token": "t"}, TEMPORARY | {"session_token": "t"}),
    Case("what was of another type", {"api_key": "sk"}, dict(AUTH), AUTH),
]


@pytest.mark.parametrize("case", MERGED, ids=lambda case: case.id)
def test_what_is_entered_and_of_the_rest_what_is_stored(case: Case) -> None:
    assert merged_auth("aws", case.stored, case.entered) == case.auth


@pytest.mark.parametrize("name", AUTH)
def test_a_field_that_is_missing_is_named(name: str) -> None:
    with pytest.raises(ValidationError) as error:
        merged_auth("aws", {}, AUTH | {name: ""})
    assert list(error.value.message_dict) == [name]


@pytest.mark.parametrize("region", ["evil.example", "a/b", "us east", "-x", "x@y", "US-EAST-1"])
def test_a_region_is_no_part_of_another_address(region: str) -> None:
    with pytest.raises(ValidationError, match="name of a region"):
        merged_auth("aws", {}, AUTH | {"region": region})


def test_a_file_applies_and_applies_again_without_a_change() -> None:
    assert "connection aws: created" in applied(TEMPORARY)
    assert stored() == TEMPORARY
    assert all(line.endswith("unchanged") for line in applied(TEMPORARY))
    assert SECRET not in Connection.objects.get(name="aws").credential


def test_what_is_exported_is_masked_and_applying_that_keeps_it() -> None:
    applied(TEMPORARY)
    masked = yaml.safe_dump(export.document())
    assert not any(secret in masked for secret in (KEY_ID, SECRET, TOKEN))
    assert "eu-central-1" in masked
    assert all("unchanged" in str(change) for change in apply(read(masked)))
    assert stored() == TEMPORARY


def test_with_secrets_it_is_exported_whole() -> None:
    applied(TEMPORARY)
    [row] = export.document(secrets=True)["connections"]
    assert row["auth"] == {"type": "aws"} | TEMPORARY


def test_references_are_no_secrets() -> None:
    elsewhere = AUTH | {"access_key_id": "env:AWS_ID", "secret_access_key": "file:/run/aws"}
    applied(elsewhere)
    [row] = export.document()["connections"]
    assert row["auth"] == {"type": "aws"} | elsewhere


WRONG = [
    ("no secret", {"access_key_id": "a", "region": "us-east-1"}, "secret_access_key"),
    ("no region", {"access_key_id": "a", "secret_access_key": "b"}, "region"),
    ("a key of another type", AUTH | {"api_key": "sk"}, "api_key"),
    ("a field of another type", {"type": "api_key", "api_key": "sk", "region": "x"}, "region"),
]


@pytest.mark.parametrize(("auth", "named"), [row[1:] for row in WRONG], ids=[r[0] for r in WRONG])
def test_a_wrong_entry_is_refused(auth: dict[str, str], named: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        applied(auth)
    assert "connections[0].auth" in str(error.value)
    assert named in str(error.value)


def test_the_region_stands_in_the_address_that_is_called() -> None:
    applied(AUTH)
    row = Connection.objects.get(name="aws")
    assert row.written_base_url == BASE_URL
    assert row.effective_base_url == "https://bedrock-runtime.eu-central-1.amazonaws.com"
    applied(AUTH | {"region": "us-west-2"})
    [called] = snapshot.build().providers["br"].connections
    assert called.base_urls == {"openai_chat": "https://bedrock-runtime.us-west-2.amazonaws.com"}
    assert called.auth == AUTH | {"region": "us-west-2"}


def test_without_a_region_the_connection_is_left_out() -> None:
    provider = ProviderFactory(slug="br", base_url=BASE_URL)
    ConnectionFactory(name="keyed", provider=provider, api_key="sk-canary")
    [problem] = snapshot.build().problems
    assert (problem.name, "region" in problem.reason) == ("keyed", True)


def test_without_its_secret_the_connection_is_left_out() -> None:
    row = ConnectionFactory(name="half", auth_type="aws", provider=ProviderFactory())
    row.credential = row.sealed({"access_key_id": KEY_ID})
    row.save()
    [problem] = snapshot.build().problems
    assert problem.reason == "the credential lacks secret_access_key, region"


# --- Admin -----------------------------------------------------------------------------------


@pytest.fixture
def admin() -> Client:
    client = Client(headers={"host": "localhost"})
    client.force_login(UserFactory(username="root", role=roles.ADMINISTRATOR))
    return client


def form(row: Connection, **fields: Any) -> dict[str, Any]:
    """What the browser sends for a connection whose form was left as it is."""
    return {
        "name": row.name, "provider": row.provider_id, "auth_type": row.auth_type,
        "priority": row.priority, "active": "on", "model_names": "[]", "model_map": "{}",
        "limits": "{}", "timeouts": "{}", "headers": "{}", "headroom": "0", "base_url": "",
        "api_key": "", "access_key_id": "", "secret_access_key": "", "session_token": "",
        "region": row.stored_auth().get("region", ""),
    } | fields  # fmt: skip


@pytest.fixture
def row() -> Connection:
    applied(TEMPORARY)
    return Connection.objects.get(name="aws")


def page(row: Connection) -> str:
    return reverse("admin:providers_connection_change", args=[row.pk])


def test_secrets_are_on_no_page(admin: Client, row: Connection) -> None:
    content = admin.get(page(row)).content.decode()
    assert not any(secret in content for secret in (KEY_ID, SECRET, TOKEN, row.credential))
    assert "eu-central-1" in content


def test_what_is_left_blank_is_kept(admin: Client, row: Connection) -> None:
    assert admin.post(page(row), form(row, priority=4)).status_code == 302
    assert stored() == TEMPORARY
    assert admin.post(page(row), form(row, region="us-east-1")).status_code == 302
    assert stored() == TEMPORARY | {"region": "us-east-1"}


def test_new_keys_replace_the_old_and_their_token(admin: Client, row: Connection) -> None:
    new = form(row, access_key_id="AKIDNEW", secret_access_key="new")
    assert admin.post(page(row), new).status_code == 302
    assert stored() == AUTH | {"access_key_id": "AKIDNEW", "secret_access_key": "new"}


def test_another_type_needs_its_own_credential(admin: Client, row: Connection) -> None:
    other = form(row, auth_type="api_key")
    assert b"a value is missing" in admin.post(page(row), other).content
    assert stored() == TEMPORARY
    other |= {"api_key": "sk"}
    assert b"region: a value is missing" in admin.post(page(row), other).content
    other |= {"params": '{"region": "eu-central-1"}'}
    assert admin.post(page(row), other).status_code == 302
    assert stored() == {"api_key": "sk"}


def test_another_host_needs_the_secret_again(admin: Client, row: Connection) -> None:
    moved = form(row, base_url="https://evil.example")
    assert b"entered again" in admin.post(page(row), moved).content
    assert admin.post(page(row), moved | {"secret_access_key": SECRET}).status_code == 302


def test_who_may_not_know_secrets_cannot_send_one(row: Connection) -> None:
    client = Client(headers={"host": "localhost"})
    client.force_login(UserFactory(username="op", role=roles.OPERATOR))
    assert "secret_access_key" not in client.get(page(row)).content.decode()
    sent = form(row, access_key_id="AKIDEVIL", secret_access_key="evil", region="us-east-1")
    assert client.post(page(row), sent).status_code == 302
    assert stored() == TEMPORARY


# --- "Test connection" -----------------------------------------------------------------------

TOLD = b'{"modelSummaries": [{"modelId": "amazon.nova-lite-v1:0"}]}'
ANSWERS = [
    (200, TOLD, "answers, with 1 model"),
    (200, b"{}", "it answers, but with no list of models: is the base URL right?"),
    (403, b"{}", "the key was refused (403)"),
]


@pytest.mark.parametrize(("status", "body", "message"), ANSWERS)
def test_bedrock_is_asked_for_its_models_with_a_signature(
    row: Connection, monkeypatch: pytest.MonkeyPatch, status: int, body: bytes, message: str
) -> None:
    row.provider.format = "bedrock_converse"
    asked: list[tuple[str, dict[str, str]]] = []

    def get(url: str, headers: dict[str, str], **_: Any) -> tuple[int, bytes]:
        asked.append((url, headers))
        return status, body

    monkeypatch.setattr(http, "get", get)
    assert probing.test_connection(row).message == message
    [(url, headers)] = asked
    assert url == "https://bedrock.eu-central-1.amazonaws.com/foundation-models"
    assert "/eu-central-1/bedrock/aws4_request" in headers["authorization"]
    assert headers["x-amz-security-token"] == TOKEN
    assert SECRET not in str(headers)
