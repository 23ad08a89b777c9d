"""The rows of the catalogue: how one signs in at each provider, and what a vendor wants otherwise."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from providers import catalogue
from providers.models import Connection, SignIn
from providers.oauth import device
from providers.oauth import row as rows
from providers.oauth.client import Client, Place
from providers.oauth.row import Row
from tests.factories import ProviderFactory

ROWS = {row.id: rows.read(row.oauth) for row in catalogue.read() if row.oauth}

FLOWS = {
    "anthropic": (),
    "antigravity": ("authorization_code",),
    "azure-ai": ("client_credentials",),
    "azure-openai": ("client_credentials",),
    "claude": ("authorization_code",),
    "cline": ("authorization_code",),
    "codex": ("authorization_code",),
    "databricks": ("client_credentials",),
    "gemini-cli": ("authorization_code",),
    "gigachat": ("client_credentials",),
    "github": ("device",),
    "gitlab-duo": ("authorization_code",),
    "huggingface": ("authorization_code", "device"),
    "iflow": ("authorization_code",),
    "kilocode": ("device",),
    "kimi-coding": ("device",),
    "kiro": ("token_import",),
    "openrouter": ("authorization_code",),
    "qwen": ("device",),
    "vertex": ("service_account",),
    "vertex-partner": ("service_account",),
    "watsonx": ("api_key_exchange",),
    "xai-oauth": ("authorization_code", "device"),
}


def test_every_provider_has_the_flows_that_its_row_names() -> None:
    assert {id: row.flows for id, row in ROWS.items()} == FLOWS


# iFlow is retired. Cline's addresses take no challenge.
@pytest.mark.parametrize(
    "id",
    sorted(
        {id for id, flows in FLOWS.items() if "authorization_code" in flows} - {"iflow", "cline"}
    ),
)
def test_a_code_is_asked_for_with_pkce(id: str) -> None:
    assert ROWS[id].pkce == "S256"


def test_no_row_holds_a_clients_id_or_says_that_we_are_the_vendors_program() -> None:
    for row in catalogue.read():
        text = json.dumps(row.oauth)
        assert "client_secret" not in text.replace("client_secret_setting", "")
        assert "cli_simplified" not in text
        setting = row.oauth.get("client_id_setting", "")
        assert setting == setting.upper()


def test_the_page_on_signing_in_lists_who_has_a_sign_in_and_its_settings() -> None:
    text = (Path(__file__).resolve().parents[3] / "docs/signing-in.md").read_text()
    listed = {
        id: (tuple(how.split(", ")), re.findall(r"`([A-Z_]+)`", variables))
        for id, how, variables in re.findall(r"^\| `([a-z-]+)` \| (.+?) \| (.*)\|$", text, re.M)
    }
    ways = {"authorization_code": "browser", "device": "device"}
    retired = {row.id for row in catalogue.read() if row.status == "retired"}
    wanted = {
        id: (
            tuple(ways[flow] for flow in row.flows if flow in ways),
            [name for name in (row.client_id_setting, row.client_secret_setting) if name],
        )
        for id, row in ROWS.items()
        if set(row.flows) & set(ways) and id not in retired
    }
    assert listed == wanted


class Vendor:
    """Answers in turn, and remembers what was sent."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: tuple[int, Any]) -> None:
        self.sent: list[tuple[str, str, dict[str, str], Any]] = []
        self._answers = list(answers)
        monkeypatch.setattr("providers.oauth.client.http.send", self._send)

    def _send(
        self, method: str, url: str, headers: dict[str, str], body: bytes, **_: Any
    ) -> tuple[int, bytes]:
        is_json = headers.get("content-type") == "application/json"
        fields = (
            json.loads(body) if is_json else {k: v[0] for k, v in parse_qs(body.decode()).items()}
        )
        self.sent.append((method, url, headers, fields))
        status, told = self._answers.pop(0)
        return status, json.dumps(told).encode()


@dataclass(frozen=True)
class Case:
    """What a refresh sends, and how its answer is read."""

    id: str
    sent: dict[str, str]
    answer: dict[str, Any]
    refresh_token: str
    headers: dict[str, str] = field(default_factory=dict)


CASES = [
    Case(
        "claude",
        {"grant_type": "refresh_token", "refresh_token": "old", "client_id": "id"},
        {"access_token": "a", "refresh_token": "r", "expires_in": 28800}, "r",
        {"content-type": "application/json"},
    ),
    Case(
        "codex",
        {"grant_type": "refresh_token", "refresh_token": "old", "client_id": "id"},
        {"access_token": "a", "refresh_token": "r", "id_token": "x"}, "r",
        {"content-type": "application/x-www-form-urlencoded"},
    ),
    Case(
        "gemini-cli",
        {"grant_type": "refresh_token", "refresh_token": "old", "client_id": "id"},
        {"access_token": "a", "expires_in": 3599}, "old",
    ),
    Case(
        "cline", {"grantType": "refresh_token", "refreshToken": "old"},
        {"success": True, "data": {
            "accessToken": "a", "refreshToken": "r", "expiresAt": "2099-01-01T00:00:00Z"}},
        "r", {"content-type": "application/json"},
    ),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_token_is_renewed_as_the_vendor_has_it(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    vendor = Vendor(monkeypatch, (200, case.answer))
    row = ROWS[case.id]
    got = Client(row, Place(), "id" if row.client_id_setting else "").refresh("old")
    [(method, url, headers, fields)] = vendor.sent
    assert (method, url) == ("POST", row.refresh_url or row.token_url)
    assert fields == case.sent
    assert case.headers.items() <= headers.items()
    assert (got.access_token, got.refresh_token) == ("a", case.refresh_token)


def test_gigachat_has_a_client_by_basic_and_an_id_of_each_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    vendor = Vendor(monkeypatch, *[(200, {"access_token": "a", "expires_at": 4070908800000})] * 2)
    client = Client(ROWS["gigachat"], Place(), "id", "secret")
    got = client.fetch("client_credentials", {"scope": " ".join(client.scopes)})
    client.fetch("client_credentials", {})
    (_, _, headers, fields), (_, _, again, _) = vendor.sent
    assert headers["authorization"] == "Basic aWQ6c2VjcmV0"
    assert headers["RqUID"] != again["RqUID"]
    assert fields == {"grant_type": "client_credentials", "scope": "GIGACHAT_API_PERS"}
    assert got.expires == 4070908800


def test_githubs_login_token_is_exchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    vendor = Vendor(monkeypatch, (200, {"token": "tid=1", "expires_at": 4070908800}))
    got = Client(ROWS["github"], Place()).exchange("gho_1")
    [(method, url, headers, _)] = vendor.sent
    assert (method, url) == ("GET", "https://api.github.com/copilot_internal/v2/token")
    assert headers["authorization"] == "token gho_1"
    assert (got.access_token, got.expires) == ("tid=1", 4070908800)


def test_openrouter_is_asked_for_a_key_and_gives_no_state_back() -> None:
    row = ROWS["openrouter"]
    url = Client(row, Place()).authorization_url("https://gw.example/cb?state=s", "s", "v" * 43)
    told = parse_qs(urlsplit(url).query)
    assert set(told) == {"callback_url", "code_challenge", "code_challenge_method"}
    assert told["callback_url"] == ["https://gw.example/cb?state=s"]
    assert row.issues == "api_key"


def test_an_address_of_azure_needs_its_tenant() -> None:
    row: Row = ROWS["azure-openai"]
    with pytest.raises(ValueError, match="tenant"):
        Client(row, Place(), "id", "secret").fetch("client_credentials", {})


@pytest.mark.django_db
def test_kilocode_is_polled_by_its_code(monkeypatch: pytest.MonkeyPatch) -> None:
    [told] = [row.oauth for row in catalogue.read() if row.id == "kilocode"]
    provider = ProviderFactory(slug="kilocode", oauth=told)
    vendor = Vendor(
        monkeypatch,
        (200, {"code": "AB-12", "verificationUrl": "https://kilo.example/d", "expiresIn": 600}),
        (202, {"status": "pending"}),
        (200, {"status": "approved", "token": "long", "userEmail": "a@example"}),
    )
    code = device.begin(provider, "me")
    assert (code.user_code, code.verification_uri) == ("AB-12", "https://kilo.example/d")
    assert device.poll(provider, "me", code.state).status == "pending"
    SignIn.objects.update(polled=None)
    assert device.poll(provider, "me", code.state).status == "done"
    assert [sent[:2] for sent in vendor.sent[1:]] == [
        ("GET", "https://api.kilo.ai/api/device-auth/codes/AB-12")
    ] * 2
    assert Connection.objects.get().token.opened()["access_token"] == "long"
