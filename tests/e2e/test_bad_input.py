"""What clients get wrong: each has its status, the client's format, and a row."""

import json
from dataclasses import dataclass

import pytest

from gateway import auto
from tests.e2e.gateway import CLIENT, HELLO, KEY, MANAGE_KEY, Gateway, key_of, keyed, request_id

CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"


@dataclass(frozen=True)
class Wrong:
    id: str
    body: bytes
    status: int
    openai: tuple[str, str | None]
    anthropic: str
    param: str | None = None
    key: str | None = KEY


def body(**fields: object) -> bytes:
    whole = {"model": "mk/plain", "messages": HELLO, "max_tokens": 10} | fields
    return json.dumps({k: v for k, v in whole.items() if v is not None}).encode()


INVALID = ("invalid_request_error", None)
WRONG = [
    Wrong("malformed JSON", b'{"model": ', 400, INVALID, "invalid_request_error"),
    Wrong("no object", b"[]", 400, INVALID, "invalid_request_error"),
    Wrong("nested without end", b"[" * 50_000, 400, INVALID, "invalid_request_error"),
    Wrong("no model", body(model=None), 400, INVALID, "invalid_request_error", "model"),
    Wrong("a number as model", body(model=7), 400, INVALID, "invalid_request_error", "model"),
    Wrong("no messages", body(messages=[]), 400, INVALID, "invalid_request_error", "messages"),
    Wrong(
        "text as messages", body(messages="hi"), 400, INVALID, "invalid_request_error", "messages"
    ),
    Wrong(
        "an unknown role",
        body(messages=[{"role": "wizard", "content": "hi"}]),
        400,
        INVALID,
        "invalid_request_error",
        "messages[0].role",
    ),
    Wrong("text as stream", body(stream="yes"), 400, INVALID, "invalid_request_error", "stream"),
    Wrong(
        "an unknown model",
        body(model="mk2/plain"),
        404,
        ("invalid_request_error", "model_not_found"),
        "not_found_error",
        "model",
    ),
    *(
        Wrong(f"a model whose name {what}", body(model=f"mk/{name}"), 404,
              ("invalid_request_error", "model_not_found"), "not_found_error", "model")
        for what, name in (
            ("has a NUL", "a\0b"), ("has a line's end", "a\r\nx-injected: 1"),
            ("has half a character", "\ud800"), ("fits no column", "m" * 250),
        )
    ),
    Wrong(
        "no key", body(), 401, ("invalid_request_error", "invalid_api_key"), "authentication_error",
        key=None,
    ),
    Wrong(
        "a wrong key", body(), 401, ("invalid_request_error", "invalid_api_key"),
        "authentication_error", key="sk-omni-ffffffffffffffffffffffffffffffff",
    ),
    Wrong(
        "a body over the limit",
        body(padding="x" * (1 << 20)),
        413,
        ("invalid_request_error", "request_too_large"),
        "request_too_large",
    ),
]  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.id)
def test_bad_input_is_named_and_logged(gateway: Gateway, wrong: Wrong) -> None:
    headers = {"authorization": f"Bearer {wrong.key}"} if wrong.key else {}
    openai = CLIENT.post(gateway.url + CHAT, content=wrong.body, headers=headers)
    anthropic = CLIENT.post(gateway.url + MESSAGES, content=wrong.body, headers=headers)
    assert (openai.status_code, anthropic.status_code) == (wrong.status, wrong.status)
    error = openai.json()["error"]
    assert (error["type"], error["code"]) == wrong.openai
    assert error["param"] == wrong.param
    assert anthropic.json()["error"]["type"] == wrong.anthropic
    assert anthropic.json()["request_id"] == request_id(anthropic)
    for response in (openai, anthropic):
        assert gateway.row(request_id(response))["status"] == wrong.status


def test_an_unknown_model_gets_the_closest_names(gateway: Gateway) -> None:
    assert "mk/plain" in gateway.chat("mk2/plain").json()["error"]["message"]


def test_a_body_over_the_limit_is_refused_without_a_declared_length(gateway: Gateway) -> None:
    answer = CLIENT.post(
        gateway.url + CHAT,
        content=(b"x" * 65_536 for _ in range(40)),
        headers={"authorization": f"Bearer {KEY}"},
    )
    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ('"previous_response_id": "\\ud800"', 400),
        ('"previous_response_id": "a\\u0000b"', 400),
        ('"tool_choice": {"type": "\\ud800"}', 400),
        ('"metadata": {"a": "\\ud800\\u0000"}', 200),
        ('"max_output_tokens": 1' + "0" * 400, 200),
    ],
)
def test_what_no_log_and_no_table_holds_fails_no_gateway(
    gateway: Gateway, fields: str, status: int
) -> None:
    whole = f'{{"model": "an/plain", "input": "hi", {fields}}}'
    headers = {"authorization": f"Bearer {KEY}"}
    answer = CLIENT.post(gateway.url + "/v1/responses", content=whole, headers=headers)
    assert answer.status_code == status, answer.text
    assert gateway.row(request_id(answer))["status"] == status


@pytest.mark.parametrize(
    ("path", "status"),
    [("%00", 404), ("%ff", 404), ("x" * 300, 404), ("a/input_items?limit=" + "1" * 5000, 404)],
)
def test_a_stored_answer_of_an_impossible_id_is_none(
    gateway: Gateway, path: str, status: int
) -> None:
    headers = {"authorization": f"Bearer {KEY}"}
    assert CLIENT.get(f"{gateway.url}/v1/responses/{path}", headers=headers).status_code == status


def test_two_different_keys_are_refused(gateway: Gateway) -> None:
    answer = gateway.post(CHAT, {"model": "mk/plain", "messages": HELLO}, **{"x-api-key": "other"})
    assert answer.status_code == 401


@pytest.mark.parametrize("header", ["x-api-key", "x-goog-api-key", "api-key"])
def test_a_key_is_taken_from(gateway: Gateway, header: str) -> None:
    answer = CLIENT.post(
        gateway.url + CHAT, json={"model": "mk/plain", "messages": HELLO}, headers={header: KEY}
    )
    assert answer.status_code == 200


@pytest.mark.parametrize("path", ["/v1/v1/chat/completions", "/chat/completions"])
def test_a_mistyped_base_address_is_served(gateway: Gateway, path: str) -> None:
    assert gateway.post(path, {"model": "mk/plain", "messages": HELLO}).status_code == 200


def test_an_unknown_address_and_a_wrong_method_have_the_clients_format(gateway: Gateway) -> None:
    headers = {"authorization": f"Bearer {KEY}"}
    missing = CLIENT.get(gateway.url + "/v1/nothing", headers=headers)
    assert (missing.status_code, missing.json()["error"]["type"]) == (404, "invalid_request_error")
    method = CLIENT.get(gateway.url + MESSAGES, headers=headers)
    assert (method.status_code, method.json()["error"]["type"]) == (405, "invalid_request_error")


@pytest.mark.parametrize("path", [CHAT, "/v1/models", "/healthz", "/admin/", "/readyz"])
def test_a_foreign_host_is_refused_everywhere(gateway: Gateway, path: str) -> None:
    answer = CLIENT.get(gateway.url + path, headers={"host": "evil.example"})
    assert answer.status_code == 400


INVALID_KEY = ("invalid_request_error", "invalid_api_key")
FORBIDDEN = ("permission_error", None)


@dataclass(frozen=True)
class Key:
    name: str
    key: str
    status: int
    openai: tuple[str, str | None]
    anthropic: str
    model: str = "mk/plain"


KEYS = [
    Key("expired", key_of("expired"), 401, INVALID_KEY, "authentication_error"),
    Key("revoked", key_of("revoked"), 401, INVALID_KEY, "authentication_error"),
    Key("for another model", key_of("narrow"), 403, FORBIDDEN, "permission_error", "an/plain"),
    Key("for another address", key_of("elsewhere"), 403, FORBIDDEN, "permission_error"),
    Key("to manage with", MANAGE_KEY, 403, FORBIDDEN, "permission_error"),
    Key("for models that do not exist", KEY, 404,
        ("invalid_request_error", "model_not_found"), "not_found_error", "nothing"),
]  # fmt: skip


@pytest.mark.parametrize("case", KEYS, ids=lambda case: case.name)
def test_a_key_is_refused_that_is(gateway: Gateway, case: Key) -> None:
    asked = {"model": case.model, "messages": HELLO, "max_tokens": 9}
    openai = gateway.post(CHAT, asked, **keyed(case.key))
    anthropic = gateway.post(MESSAGES, asked, **keyed(case.key))
    assert (openai.status_code, anthropic.status_code) == (case.status, case.status)
    error = openai.json()["error"]
    assert (error["type"], error["code"]) == case.openai
    assert anthropic.json()["error"]["type"] == case.anthropic
    for answer in (openai, anthropic):
        row = gateway.row(request_id(answer))
        assert (row["status"], row["outcome"]) == (case.status, "error")
        assert case.key not in json.dumps(row) + answer.text


def test_a_narrow_key_may_call_and_sees_what_it_is_for(gateway: Gateway) -> None:
    headers = keyed(key_of("narrow"))
    asked = {"model": "mk/plain", "messages": HELLO}
    assert gateway.post(CHAT, asked, **headers).status_code == 200
    listed = CLIENT.get(gateway.url + "/v1/models", headers=headers).json()["data"]
    assert {model["id"] for model in listed} - set(auto.NAMES) == {"mk/plain"}
    assert CLIENT.get(gateway.url + "/v1/models/an/plain", headers=headers).status_code == 404


def test_over_a_keys_limit_it_is_told_when_to_come_back(gateway: Gateway) -> None:
    asked = {"model": "mk/plain", "messages": HELLO, "max_tokens": 9}
    headers = keyed(key_of("rare"))
    first = gateway.post(CHAT, asked, **headers)
    assert first.status_code == 200
    assert first.headers["x-ratelimit-limit-requests"] == "1"
    assert first.headers["x-ratelimit-remaining-requests"] == "0"
    for path, kind in ((CHAT, "requests"), (MESSAGES, "rate_limit_error")):
        answer = gateway.post(path, asked, **headers)
        assert answer.status_code == 429
        assert answer.json()["error"]["type"] == kind
        assert 50 <= int(answer.headers["retry-after"]) <= 60
        assert gateway.row(request_id(answer))["status"] == 429
    counted = gateway.post(MESSAGES + "/count_tokens", asked, **headers)
    assert counted.status_code == 200  # it spends no limit
    assert CLIENT.get(gateway.url + "/v1/models", headers=headers).status_code == 200
