"""What upstreams do wrong, and what clients get wrong: each has an honest answer and one row."""

import json
import time
from dataclasses import dataclass

import httpx
import pytest

from tests.e2e.gateway import HELLO, KEY, UPSTREAM_KEY, Gateway, until
from tests.e2e.upstream import Upstream


def request_id(response: httpx.Response) -> str:
    return response.headers["x-request-id"]


# --- Falling through -------------------------------------------------------------------------

PASSED_OVER = (
    "dead", "hangs", "reset", "html", "empty", "redirect",
    "401", "402", "403", "404", "408", "409", "429", "500", "503",
)  # fmt: skip


@pytest.mark.parametrize("fault", PASSED_OVER)
def test_the_next_target_answers_after(gateway: Gateway, fault: str) -> None:
    answer = gateway.chat(f"after-{fault}")
    assert answer.status_code == 200
    assert answer.headers["x-omniroute-model"] == "mk/plain"
    assert answer.headers["x-omniroute-attempts"] == "2"
    row = gateway.row(request_id(answer))
    first, second = json.loads(row["attempts"])
    assert first["error"]
    assert second == {**second, "model": "mk/plain", "status": 200, "error": None}


@pytest.mark.parametrize("fault", ["dead", "hangs", "html", "error-first", "429", "500"])
def test_the_next_target_streams_after(gateway: Gateway, fault: str) -> None:
    answer = gateway.chat(f"after-{fault}", stream=True)
    assert answer.text.endswith("data: [DONE]\n\n")
    assert gateway.row(request_id(answer))["outcome"] == "ok"


@pytest.mark.parametrize("status", [400, 413, 422])
def test_what_is_the_clients_fault_goes_back_as_it_is(gateway: Gateway, status: int) -> None:
    answer = gateway.chat(f"after-{status}")
    assert answer.status_code == status
    assert answer.json() == {"error": {"message": "refused Bearer [key]", "type": "t"}}
    assert answer.headers["x-omniroute-attempts"] == "1"


def test_a_second_account_is_tried_before_the_next_target(gateway: Gateway) -> None:
    answer = gateway.chat("two/m")
    assert answer.status_code == 200
    attempts = json.loads(gateway.row(request_id(answer))["attempts"])
    assert [(a["connection"], a["status"]) for a in attempts] == [
        ("two-first", 500),
        ("two-second", 200),
    ]


def test_after_the_first_content_no_other_target_is_tried(
    gateway: Gateway, upstream: Upstream
) -> None:
    before = len(upstream.of("plain"))
    answer = gateway.chat("after-cut-mid-event", stream=True)
    events = [e for e in answer.text.split("\n\n") if e]
    assert "Hello" in answer.text
    assert json.loads(events[-1].removeprefix("data: "))["error"]["type"] == "upstream_error"
    assert "[DONE]" not in answer.text
    assert '"cho' not in events[-2][-5:]
    assert len(upstream.of("plain")) == before
    assert gateway.row(request_id(answer))["outcome"] == "truncated"


# --- Streams that end badly ------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["cut-mid-event", "ends-early", "hangs-mid-stream"])
def test_a_broken_stream_ends_with_an_error_for_anthropics_clients_too(
    gateway: Gateway, fault: str
) -> None:
    answer = gateway.messages(f"mk/{fault}", stream=True)
    last = [event for event in answer.text.split("\n\n") if event][-1]
    assert last.startswith("event: error\ndata: ")
    assert "message_stop" not in answer.text
    row = gateway.row(request_id(answer))
    assert (row["outcome"], row["usage_source"]) == ("truncated", "estimated")
    assert row["output_tokens"] > 0


def test_a_finish_without_done_is_a_whole_answer(gateway: Gateway) -> None:
    answer = gateway.chat("mk/no-done", stream=True)
    assert answer.text.endswith("data: [DONE]\n\n")
    row = gateway.row(request_id(answer))
    assert (row["outcome"], row["output_tokens"]) == ("ok", 5)


# --- Nothing answers -------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    model: str
    status: int
    openai: str
    anthropic: str


FAILURES = [
    Case("dead/x", 502, "upstream_error", "api_error"),
    Case("mk/html", 502, "upstream_error", "api_error"),
    Case("mk/empty", 502, "upstream_error", "api_error"),
    Case("mk/status-401", 502, "upstream_error", "api_error"),
    Case("mk/status-500", 502, "upstream_error", "api_error"),
    Case("mk/hangs", 504, "timeout", "timeout_error"),
    Case("mk/status-429", 429, "requests", "rate_limit_error"),
]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("case", FAILURES, ids=lambda case: case.model)
def test_when_nothing_answers(gateway: Gateway, case: Case, stream: bool) -> None:
    answer = gateway.chat(case.model, stream=stream)
    assert answer.status_code == case.status
    assert answer.json()["error"]["type"] == case.openai
    anthropic = gateway.messages(case.model, stream=stream)
    assert anthropic.status_code == case.status
    assert anthropic.json()["error"]["type"] == case.anthropic
    for response in (answer, anthropic):
        assert UPSTREAM_KEY not in response.text
        row = gateway.row(request_id(response))
        assert (row["status"], row["outcome"]) == (case.status, "error")
        assert row["output_tokens"] == 0
    if case.status == 429:
        assert answer.headers["retry-after"] == "7"


def test_every_failed_attempt_is_listed(gateway: Gateway) -> None:
    listed = gateway.chat("mk/status-503").json()["error"]["attempts"]
    assert [(a["model"], a["connection"], a["status"]) for a in listed] == [
        ("mk/status-503", "mk-main", 503)
    ]


# --- What clients get wrong ------------------------------------------------------------------

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
    openai = httpx.post(gateway.url + CHAT, content=wrong.body, headers=headers)
    anthropic = httpx.post(gateway.url + MESSAGES, content=wrong.body, headers=headers)
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
    answer = httpx.post(
        gateway.url + CHAT,
        content=(b"x" * 65_536 for _ in range(40)),
        headers={"authorization": f"Bearer {KEY}"},
    )
    assert answer.status_code == 413


def test_two_different_keys_are_refused(gateway: Gateway) -> None:
    answer = gateway.post(CHAT, {"model": "mk/plain", "messages": HELLO}, **{"x-api-key": "other"})
    assert answer.status_code == 401


@pytest.mark.parametrize("header", ["x-api-key", "x-goog-api-key", "api-key"])
def test_a_key_is_taken_from(gateway: Gateway, header: str) -> None:
    answer = httpx.post(
        gateway.url + CHAT, json={"model": "mk/plain", "messages": HELLO}, headers={header: KEY}
    )
    assert answer.status_code == 200


@pytest.mark.parametrize("path", ["/v1/v1/chat/completions", "/chat/completions"])
def test_a_mistyped_base_address_is_served(gateway: Gateway, path: str) -> None:
    assert gateway.post(path, {"model": "mk/plain", "messages": HELLO}).status_code == 200


def test_an_unknown_address_and_a_wrong_method_have_the_clients_format(gateway: Gateway) -> None:
    headers = {"authorization": f"Bearer {KEY}"}
    missing = httpx.get(gateway.url + "/v1/nothing", headers=headers)
    assert (missing.status_code, missing.json()["error"]["type"]) == (404, "invalid_request_error")
    method = httpx.get(gateway.url + MESSAGES, headers=headers)
    assert (method.status_code, method.json()["error"]["type"]) == (405, "invalid_request_error")


@pytest.mark.parametrize("path", [CHAT, "/v1/models", "/healthz", "/admin/", "/readyz"])
def test_a_foreign_host_is_refused_everywhere(gateway: Gateway, path: str) -> None:
    answer = httpx.get(gateway.url + path, headers={"host": "evil.example"})
    assert answer.status_code == 400


# --- Accounting ------------------------------------------------------------------------------


def test_an_answer_is_one_row_with_its_tokens_and_cost(gateway: Gateway) -> None:
    answer = gateway.chat("mk/plain")
    row = gateway.row(request_id(answer))
    assert (row["key"], row["provider"], row["model"], row["connection"]) == (
        "laptop", "mk", "mk/plain", "mk-main",
    )  # fmt: skip
    assert (row["input_tokens"], row["output_tokens"], row["usage_source"]) == (11, 5, "reported")
    assert row["cost_picousd"] == 11 * 1_000_000 + 5 * 2_000_000
    assert answer.headers["x-omniroute-cost"] == "0.000021"
    assert row["bytes_out"] == len(answer.content)
    assert "hello" not in json.dumps(row).lower()


def test_an_unpriced_model_costs_null_and_not_nothing(gateway: Gateway) -> None:
    answer = gateway.chat("an/plain")
    assert gateway.row(request_id(answer))["cost_picousd"] is None
    assert "x-omniroute-cost" not in answer.headers


def test_usage_is_asked_for_and_kept_from_a_client_that_did_not_ask(
    gateway: Gateway, upstream: Upstream
) -> None:
    silent = gateway.chat("mk/plain", stream=True)
    assert upstream.of("plain")[-1].body["stream_options"] == {"include_usage": True}
    assert '"usage"' not in silent.text
    assert gateway.row(request_id(silent))["input_tokens"] == 11
    asking = gateway.chat("mk/plain", stream=True, stream_options={"include_usage": True})
    assert '"prompt_tokens": 11' in asking.text


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_without_a_reported_usage_it_is_estimated_and_marked(
    gateway: Gateway, stream: bool
) -> None:
    row = gateway.row(request_id(gateway.chat("mk/no-usage", stream=stream)))
    assert row["usage_source"] == "estimated"
    assert 3 <= row["input_tokens"] <= 12
    assert 4 <= row["output_tokens"] <= 9


def test_a_relayed_body_is_the_clients_but_for_the_models_name(
    gateway: Gateway, upstream: Upstream
) -> None:
    gateway.chat("mk/plain", vendor_field={"a": [1, None]})
    sent = upstream.of("plain")[-1].body
    assert sent == {"model": "plain", "messages": HELLO, "vendor_field": {"a": [1, None]}}


# --- Clients that leave ----------------------------------------------------------------------


@pytest.mark.parametrize("stream", [True, False], ids=["mid-stream", "before the answer"])
def test_the_upstream_call_ends_when_the_client_leaves(
    gateway: Gateway, upstream: Upstream, stream: bool
) -> None:
    before = {row["id"] for row in gateway.rows("outcome = 'aborted'")}
    seen_before = len(upstream.of("slow"))
    request = {"model": "slow/slow", "messages": HELLO, "stream": stream}
    headers = {"authorization": f"Bearer {KEY}"}
    with pytest.raises(httpx.ReadTimeout if not stream else Left):
        hang_up(gateway.url + CHAT, request, headers)
    left = time.monotonic()
    call = until(lambda: upstream.of("slow")[seen_before:] or None)[0]
    closed = until(lambda: call.closed)
    assert closed - left < 1
    rows = until(
        lambda: [r for r in gateway.rows("outcome = 'aborted'") if r["id"] not in before] or None
    )
    assert len(rows) == 1
    assert rows[0]["usage_source"] == "estimated"
    assert (rows[0]["output_tokens"] > 0) is stream


class Left(Exception):
    pass


def hang_up(url: str, request: dict[str, object], headers: dict[str, str]) -> None:
    """Leave after some of a stream, or, before anything came, after a while."""
    with (
        httpx.Client(timeout=0.6) as client,
        client.stream("POST", url, json=request, headers=headers) as answer,
    ):
        for _ in answer.iter_raw():
            if answer.num_bytes_downloaded > 1500:
                raise Left


def test_no_key_is_in_the_servers_output_or_the_log(gateway: Gateway) -> None:
    gateway.chat("mk/status-401")
    assert KEY not in gateway.output()
    assert UPSTREAM_KEY not in gateway.output()
    assert UPSTREAM_KEY not in json.dumps(gateway.rows())
