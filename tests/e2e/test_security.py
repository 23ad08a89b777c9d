"""What must not cross: keys, cookies, addresses, in either direction, and in no log."""

import json
import sqlite3
from collections.abc import Callable

import pytest

from tests.e2e.gateway import (
    HELLO,
    KEY,
    STATUSES,
    UPSTREAM_KEY,
    Gateway,
    request_id,
    until,
)
from tests.e2e.upstream import Upstream

CHAT = "/v1/chat/completions"
HELLO_MK = {"model": "mk/plain", "messages": HELLO}

# What clients and the proxies before us send, and no provider may see.
PRIVATE = {
    "cookie": "sessionid=canary",
    "x-forwarded-for": "203.0.113.7",
    "x-forwarded-host": "canary.example",
    "x-real-ip": "203.0.113.7",
    "forwarded": "for=203.0.113.7",
    "x-api-key": KEY,
    "proxy-authorization": "Basic canary",
    "openai-organization": "org-canary",
    "x-stainless-os": "canary",
    "user-agent": "canary/1",
    "referer": "http://canary.example/",
}


@pytest.mark.parametrize("model", ["mk/plain", "an/plain"])
def test_a_provider_gets_our_headers_and_none_of_the_clients(
    gateway: Gateway, upstream: Upstream, model: str
) -> None:
    gateway.post(CHAT, {"model": model, "messages": HELLO}, **PRIVATE)
    sent = upstream.of("plain")[-1].headers
    ours = {"host", "content-type", "content-length", "accept-encoding"}
    credential = {"x-api-key", "anthropic-version"} if model[:2] == "an" else {"authorization"}
    assert sent.keys() == ours | credential
    assert UPSTREAM_KEY in str(sent)


def test_a_connections_own_headers_go_with_its_calls(gateway: Gateway, upstream: Upstream) -> None:
    gateway.chat("mute/plain")
    assert upstream.of("plain")[-1].headers["x-team"] == "blue"
    gateway.chat("mk/plain")
    assert "x-team" not in upstream.of("plain")[-1].headers


def test_a_client_gets_our_headers_and_none_of_the_providers(gateway: Gateway) -> None:
    answer = gateway.chat("mk/private-headers")
    assert answer.status_code == 200
    assert "upstream-secret" not in str(answer.headers)


ECHOES = [f"mk/status-{status}" for status in STATUSES] + ["mk/error-first", "mk/error-mid-stream"]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("model", ECHOES)
def test_a_key_that_the_provider_echoes_stays_here(
    gateway: Gateway, model: str, stream: bool
) -> None:
    for answer in (gateway.chat(model, stream=stream), gateway.messages(model, stream=stream)):
        row = gateway.row(request_id(answer))
        for text in (answer.text, str(answer.headers), json.dumps(row), gateway.output()):
            assert UPSTREAM_KEY not in text
            assert KEY not in text


def test_the_id_of_an_answer_is_always_ours(gateway: Gateway) -> None:
    asked = {"x-request-id": "mine", "request-id": "mine"}
    first, second = (gateway.post(CHAT, HELLO_MK, **asked) for _ in range(2))
    assert request_id(first).startswith("req_")
    assert request_id(first) == first.headers["request-id"]
    assert request_id(first) != request_id(second)


def test_no_prompt_and_no_answer_stay_unless_bodies_are_logged(
    own_gateway: Callable[..., Gateway],
) -> None:
    gateway = own_gateway("--no-worker", "--server", "uvicorn")
    prompt = [{"role": "user", "content": "the canary sings"}]
    body = {"model": "mk/plain", "messages": prompt}
    silent = gateway.row(request_id(gateway.post(CHAT, body)))
    assert "canary sings" not in json.dumps(silent)
    assert "from the upstream" not in json.dumps(silent)
    gateway.manage("config", "apply", "-", stdin="settings: {log_bodies: true}")
    kept = until(lambda: _row_with_body(gateway, body), 5)
    assert "canary sings" in kept["request_body"]
    assert "Hello from the upstream." in kept["response_body"]
    for row in gateway.rows():
        assert KEY not in json.dumps(row)
    assert "canary sings" not in gateway.output()
    for file in gateway.folder.rglob("*"):
        if file.is_file():
            assert UPSTREAM_KEY.encode() not in file.read_bytes(), file
            assert KEY.encode() not in file.read_bytes(), file


def _row_with_body(gateway: Gateway, body: object) -> dict[str, str] | None:
    row = gateway.row(request_id(gateway.post(CHAT, body)))
    return row if row["request_body"] else None


def test_a_private_address_is_not_called_whatever_a_row_says(
    own_gateway: Callable[..., Gateway], upstream: Upstream
) -> None:
    gateway = own_gateway("--no-worker", "--server", "uvicorn")
    with sqlite3.connect(gateway.folder / "omniroute.db") as database:
        database.execute(
            "UPDATE providers_provider SET allow_private_network = 0 WHERE slug = 'mute'"
        )
    gateway.manage("config", "apply", "-", stdin="aliases: [{alias: renewed, model: mk/plain}]")
    until(lambda: gateway.chat("renewed").status_code == 200, 5)
    refused = gateway.chat("mute/refused-address")
    assert refused.status_code in (502, 503)
    assert not upstream.of("refused-address")
