"""What upstreams do wrong before they answer: the next account or target answers instead."""

import json
from dataclasses import dataclass
from functools import partial

import httpx
import pytest

from tests.e2e.gateway import STATUSES, UPSTREAM_KEY, Gateway, request_id, until
from tests.e2e.upstream import Upstream

CLIENTS_FAULT = (400, 413, 422)
PASSED_OVER = (
    "dead", "hangs", "reset", "html", "empty", "redirect", "compressed", "invalid-json",
    "short-body", "error-first", "status-502-html",
    *(str(status) for status in STATUSES if status not in CLIENTS_FAULT),
)  # fmt: skip


@pytest.mark.parametrize("fault", PASSED_OVER)
def test_the_next_target_answers_after(gateway: Gateway, fault: str) -> None:
    answer = gateway.chat(f"after-{fault}")
    assert answer.status_code == 200
    assert answer.headers["x-omniroute-model"] == "well/plain"
    assert answer.headers["x-omniroute-attempts"] == "2"
    row = gateway.row(request_id(answer))
    first, second = json.loads(row["attempts"])
    assert first["error"]
    assert second == {**second, "model": "well/plain", "status": 200, "error": None}


@pytest.mark.parametrize(
    "fault", ["dead", "hangs", "hangs-after-headers", "html", "empty", "error-first", "429", "500"]
)
def test_the_next_target_streams_after(gateway: Gateway, fault: str) -> None:
    answer = gateway.chat(f"after-{fault}", stream=True)
    assert answer.text.endswith("data: [DONE]\n\n")
    assert gateway.row(request_id(answer))["outcome"] == "ok"


@pytest.mark.parametrize("status", CLIENTS_FAULT)
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


def test_what_is_the_clients_fault_has_the_clients_format(gateway: Gateway) -> None:
    """A page of HTML, from a proxy before the upstream, or another format's error, is not it."""
    page = gateway.chat("mk/status-413-html")
    assert page.status_code == 413
    assert page.json()["error"]["message"] == "Request refused"
    translated = gateway.messages("mk/status-400")
    assert translated.status_code == 400
    assert translated.json()["error"] == {
        "type": "invalid_request_error",
        "message": "refused Bearer [key]",
    }


def test_a_connection_that_the_upstream_closed_costs_no_attempt(
    gateway: Gateway, upstream: Upstream
) -> None:
    for _ in range(5):
        closed = upstream.closed + 1
        answer = gateway.chat("mk/closes")
        assert (answer.status_code, answer.headers.get("x-omniroute-attempts")) == (200, "1")
        until(partial(upstream.has_closed, closed))
        # By the time the gateway answers this, it has heard of the close too.
        httpx.get(gateway.url + "/healthz")


def test_what_the_upstream_redirects_to_is_not_called(gateway: Gateway, upstream: Upstream) -> None:
    assert gateway.chat("mk/redirect").status_code == 502
    assert not any(seen.path.endswith("/elsewhere") for seen in upstream.seen)


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


# --- Nothing answers ------------------------------------------------------------------


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
    Case("mk/error-first", 502, "upstream_error", "api_error"),
    Case("mk/invalid-json", 502, "upstream_error", "api_error"),
    Case("mk/status-401", 502, "upstream_error", "api_error"),
    Case("mk/status-500", 502, "upstream_error", "api_error"),
    Case("hasty/hangs", 504, "timeout", "timeout_error"),
    Case("brief/hangs-after-headers", 504, "timeout", "timeout_error"),
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
    # There is no other, so it is asked once more.
    assert [(a["model"], a["connection"], a["status"]) for a in listed] == [
        ("mk/status-503", "mk-main", 503)
    ] * 2


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_an_answer_without_end_is_given_up(
    gateway: Gateway, upstream: Upstream, stream: bool
) -> None:
    answer = gateway.chat("mk/huge", stream=stream)
    assert answer.status_code == 502
    assert "MB" in answer.json()["error"]["message"]
    until(lambda: upstream.of("huge")[-1].closed, 2)
