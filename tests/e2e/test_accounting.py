"""What a request is charged, and what stays of it in the log."""

import json

import pytest

from tests.e2e.gateway import CLIENT, HELLO, KEY, MANAGE_KEY, Gateway, keyed, request_id
from tests.e2e.upstream import Upstream


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


def test_a_call_that_nobody_was_asked_for_is_nobodys(gateway: Gateway) -> None:
    assert gateway.chat("spare/plain").status_code == 200
    refused = gateway.chat("spare/plain")  # the account's own limit: the provider hears nothing
    assert refused.status_code == 429
    row = gateway.row(request_id(refused))
    assert (row["provider"], row["model"], row["connection"], row["tier"]) == ("", "", "", "")


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


def test_null_counts_say_nothing_and_the_last_ones_count(gateway: Gateway) -> None:
    answer = gateway.chat("mk/usage-null", stream=True)
    row = gateway.row(request_id(answer))
    assert (row["input_tokens"], row["output_tokens"], row["usage_source"]) == (11, 5, "reported")
    assert row["cost_picousd"] == 21_000_000
    chunks = [json.loads(e[6:]) for e in answer.text.split("\n\n") if "{" in e]
    assert not any(chunk.get("usage") for chunk in chunks)
    assert all(chunk["choices"] for chunk in chunks)


def test_a_provider_that_cannot_tell_usage_is_not_asked(
    gateway: Gateway, upstream: Upstream
) -> None:
    answer = gateway.chat("mute/refuses-usage", stream=True)
    assert answer.status_code == 200
    assert "stream_options" not in upstream.of("refuses-usage")[-1].body
    assert gateway.row(request_id(answer))["usage_source"] == "estimated"
    translated = gateway.messages("mute/refuses-usage", stream=True)
    assert translated.text.rstrip().endswith('{"type":"message_stop"}')


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
def test_what_came_from_a_cache_is_part_of_the_input(
    gateway: Gateway, path: str, stream: bool
) -> None:
    body = {"model": "an/plain", "messages": HELLO, "max_tokens": 9, "stream": stream}
    row = gateway.row(request_id(gateway.post(path, body)))
    assert (row["input_tokens"], row["cache_read_tokens"], row["output_tokens"]) == (11, 7, 5)
    assert row["usage_source"] == "reported"


def test_what_is_dropped_on_the_way_is_told(gateway: Gateway) -> None:
    answer = gateway.chat("an/plain", seed=7, logit_bias={"1": 1})
    assert set(answer.headers["x-omniroute-dropped"].split(", ")) == {"seed", "logit_bias"}
    assert set(json.loads(gateway.row(request_id(answer))["dropped"])) == {"seed", "logit_bias"}


def test_counting_tokens_is_a_row_without_tokens(gateway: Gateway) -> None:
    body = {"model": "mk/plain", "messages": HELLO}
    row = gateway.row(request_id(gateway.post("/v1/messages/count_tokens", body)))
    assert (row["outcome"], row["status"], row["path"]) == ("ok", 200, "/v1/messages/count_tokens")
    assert (row["output_tokens"], row["cost_picousd"] or 0) == (0, 0)


ITEM = {
    "id", "time", "key", "client_format", "path", "stream", "requested_model", "combo",
    "provider", "model", "connection", "status", "outcome", "error", "attempts", "usage", "cost_usd", "first_byte_ms",
    "duration_ms", "dropped", "tags", "cache",
}  # fmt: skip


def test_the_log_says_over_http_what_happened(gateway: Gateway) -> None:
    answers = [gateway.chat("two/m"), gateway.chat("mk/status-500"), gateway.chat("nothing")]
    ids = [request_id(answer) for answer in answers]
    for id in ids:
        gateway.row(id)
    told = CLIENT.get(gateway.url + "/api/logs?limit=3", headers=keyed(MANAGE_KEY)).json()
    assert [item["id"] for item in told["items"]] == ids[::-1]
    missing, failed, answered = told["items"]
    assert set(answered) == ITEM
    assert (missing["status"], failed["status"], answered["status"]) == (404, 502, 200)
    assert [(a["connection"], a["status"]) for a in answered["attempts"]] == [
        ("two-first", 500),
        ("two-second", 200),
    ]
    assert answered["usage"]["source"] == "reported"
    assert failed["error"]
    assert CLIENT.get(gateway.url + "/api/logs", headers=keyed(KEY)).status_code in (401, 403)


def test_each_request_is_one_row_whatever_became_of_it(gateway: Gateway) -> None:
    models = ["mk/plain", "an/plain", "after-500", "nothing", "mk/status-400", "dead/x", "mk/html"]
    sent = [(model, stream) for model in models for stream in (False, True)]
    answers = [gateway.chat(model, stream=stream) for model, stream in sent]
    answers += [gateway.messages(model, stream=stream) for model, stream in sent]
    ids = {request_id(answer): answer.status_code for answer in answers}
    assert len(ids) == len(answers)
    assert {id: gateway.row(id)["status"] for id in ids} == ids
