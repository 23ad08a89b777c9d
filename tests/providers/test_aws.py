"""Signatures: Amazon's own examples, and what of a request is signed."""

import logging
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gateway.formats import bedrock_converse
from providers.adapters.aws import sign
from providers.credentials import CredentialUnreadable

NOW = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
AUTH = {"access_key_id": "AKIDEXAMPLE", "secret_access_key": SECRET, "region": "us-east-1"}
HOST = "https://example.amazonaws.com"
URL = "https://bedrock-runtime.us-east-1.amazonaws.com/model/m/converse"


@dataclass(frozen=True)
class Case:
    id: str
    signature: str
    method: str = "GET"
    path: str = "/"
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    names: str = "host;x-amz-date"


# Source: the AWS Signature Version 4 test suite; the names are its own.
CASES = [
    Case("get-vanilla", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
    Case(
        "post-vanilla",
        "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
        method="POST",
    ),
    Case(
        "get-vanilla-query-order-key-case",
        "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        path="/?Param2=value2&Param1=value1",
    ),
    Case(
        "post-x-www-form-urlencoded",
        "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
        method="POST",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        body=b"Param1=value1",
        names="content-type;host;x-amz-date",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_amazons_own_examples(case: Case) -> None:
    added = sign(
        case.method, HOST + case.path, case.headers, case.body, AUTH, NOW, service="service"
    )
    assert added == {
        "x-amz-date": "20150830T123600Z",
        "authorization": "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service"
        f"/aws4_request, SignedHeaders={case.names}, Signature={case.signature}",
    }


def signature(**changes: Any) -> str:
    asked: dict[str, Any] = {
        "method": "POST",
        "url": URL,
        "headers": {"content-type": "application/json"},
        "body": b"{}",
        "auth": AUTH,
        "now": NOW,
    } | changes
    return sign(**asked)["authorization"].rpartition("=")[2]


def test_the_path_of_a_model_is_encoded_once_more() -> None:
    """By the documented steps, written out: the canonical path holds %253A and %252F."""
    import hashlib
    import hmac

    arn = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-v1:0"
    path = bedrock_converse.address(arn, stream=True)
    assert "%3A" in path
    assert "%2F" in path
    canonical = "\n".join(
        [
            "POST",
            path.replace("%", "%25"),
            "",
            "content-type:application/json",
            "host:bedrock-runtime.us-east-1.amazonaws.com",
            "x-amz-date:20150830T123600Z",
            "",
            "content-type;host;x-amz-date",
            hashlib.sha256(b"{}").hexdigest(),
        ]
    )
    scope = "20150830/us-east-1/bedrock/aws4_request"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    words = f"AWS4-HMAC-SHA256\n20150830T123600Z\n{scope}\n{digest}"
    key = f"AWS4{SECRET}".encode()
    for step in scope.split("/"):
        key = hmac.digest(key, step.encode(), "sha256")
    expected = hmac.digest(key, words.encode(), "sha256").hex()
    url = "https://bedrock-runtime.us-east-1.amazonaws.com" + path
    assert signature(url=url) == expected


@pytest.mark.parametrize(
    "change",
    [
        {"body": b"{} "},
        {"method": "PUT"},
        {"url": URL + "-stream"},
        {"url": URL.replace("us-east-1", "us-east-2")},
        {"headers": {"content-type": "text/plain"}},
        {"headers": {"content-type": "application/json", "x-amz-meta": "1"}},
        {"auth": AUTH | {"region": "us-east-2"}},
        {"auth": AUTH | {"secret_access_key": "another"}},
        {"auth": AUTH | {"session_token": "t"}},
        {"now": NOW.replace(minute=37)},
    ],
    ids=str,
)
def test_a_signature_is_of_one_request_only(change: dict[str, Any]) -> None:
    assert signature(**change) != signature()


def test_headers_that_may_change_on_the_way_are_not_signed() -> None:
    headers = {"content-type": "application/json", "x-team": "search", "user-agent": "u"}
    assert signature(headers=headers) == signature()


def test_a_session_token_is_sent_and_signed() -> None:
    added = sign("POST", URL, {}, b"{}", AUTH | {"session_token": "the-token"}, NOW)
    assert added["x-amz-security-token"] == "the-token"
    assert "SignedHeaders=host;x-amz-date;x-amz-security-token" in added["authorization"]


@pytest.mark.parametrize(
    ("host", "service"),
    [
        ("bedrock-runtime.us-east-1.amazonaws.com", "bedrock"),
        ("bedrock.us-east-1.amazonaws.com", "bedrock"),
        ("bedrock-mantle.us-east-1.api.aws", "bedrock-mantle"),
        ("gateway.example", "bedrock"),
    ],
)
def test_the_host_says_for_which_service_it_is_signed(host: str, service: str) -> None:
    added = sign("POST", f"https://{host}/v1/bedrock-mantle", {}, b"{}", AUTH, NOW)
    assert f"/us-east-1/{service}/aws4_request" in added["authorization"]


def test_secrets_may_stand_elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BEDROCK_KEY_ID", "AKIDEXAMPLE")
    (tmp_path / "secret").write_text(SECRET + "\n")
    elsewhere = {
        "access_key_id": "env:BEDROCK_KEY_ID",
        "secret_access_key": f"file:{tmp_path}/secret",
        "region": "us-east-1",
    }
    assert signature(auth=elsewhere) == signature()
    with pytest.raises(CredentialUnreadable, match="NOWHERE"):
        signature(auth=AUTH | {"secret_access_key": "env:NOWHERE"})


def test_nothing_of_a_signature_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    made = signature(auth=AUTH | {"session_token": "the-token"})
    assert made not in caplog.text
    assert "the-token" not in caplog.text


def test_the_library_is_not_imported_before_it_is_needed() -> None:
    code = "import sys, providers.adapters.aws; sys.exit('botocore' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize("name", AUTH)
def test_without_a_field_nothing_is_signed(name: str) -> None:
    with pytest.raises(CredentialUnreadable, match=f"lacks {name}"):
        signature(auth=AUTH | {name: ""})
