"""What a request is charged, and what stays of it in the log."""

import json

import pytest

from tests.e2e.gateway import HELLO, Gateway, request_id
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
