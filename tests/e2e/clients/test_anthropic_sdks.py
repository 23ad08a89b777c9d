"""What Anthropic's SDKs and the AI SDK's provider send; `tests/e2e/sdks` has the SDK itself."""

import pytest

from tests.e2e.clients.asking import JSON, MESSAGES, UPSTREAMS, events, left, post, results_in
from tests.e2e.gateway import HELLO, KEY, Gateway, request_id
from tests.e2e.upstream import Upstream

SCHEMA = {"type": "object", "properties": {"name": {"type": "string"}}}


def asked(model: str, **fields: object) -> JSON:
    return {"model": model, "max_tokens": 4096, "messages": HELLO, **fields}


@pytest.mark.parametrize("provider", UPSTREAMS)
@pytest.mark.parametrize(
    "thread", [{"type": "create"}, {"type": "continue", "previous_message_id": "msg_1"}],
    ids=lambda thread: thread["type"],
)  # fmt: skip
def test_a_thread_is_refused_in_the_words_that_make_the_sdk_send_whole_histories(
    gateway: Gateway, upstream: Upstream, provider: str, thread: JSON
) -> None:
    before = len(upstream.seen)
    answer = post(
        gateway, MESSAGES, asked(f"{provider}/talk", thread=thread),
        anthropic_version="2026-10-21", anthropic_beta="message-threads-2026-08-12",
    )  # fmt: skip
    assert answer.status_code == 400
    body = answer.json()
    assert (body["type"], body["error"]["type"]) == ("error", "invalid_request_error")
    told = {"error_code": "thread_unsupported_request", "unsupported": ["thread"]}
    assert body["error"]["details"] == told
    assert len(upstream.seen) == before


@pytest.mark.parametrize("provider", UPSTREAMS)
def test_a_streams_events_are_named_and_in_order_and_tell_usage_at_both_ends(
    gateway: Gateway, provider: str
) -> None:
    told = events(post(gateway, MESSAGES, asked(f"{provider}/agent", stream=True)))
    assert all(event.name == event.data["type"] for event in told)
    names = [event.name for event in told if event.name not in ("ping", "content_block_delta")]
    blocks = ["content_block_start", "content_block_stop"] * 2
    assert names == ["message_start", *blocks, "message_delta", "message_stop"]
    start = told[0].data["message"]["usage"]
    assert {"input_tokens", "output_tokens"} <= start.keys()
    assert told[-2].data["usage"]["output_tokens"] == 5
    assert told[-2].data["delta"]["stop_reason"] == "tool_use"
    if provider == "an":
        assert (start["input_tokens"], start["cache_read_input_tokens"]) == (4, 7)


@pytest.mark.parametrize("model", ["mk/status-400", "mk/status-429", "no/thing", "an/status-500"])
def test_an_error_tells_its_type_and_the_requests_id(gateway: Gateway, model: str) -> None:
    answer = post(gateway, MESSAGES, asked(model))
    body = answer.json()
    assert body["type"] == "error"
    assert {"type", "message"} <= body["error"].keys()
    assert body["request_id"] == answer.headers["request-id"] == request_id(answer)


FORCED = {"type": "any", "disable_parallel_tool_use": True}


@pytest.mark.parametrize("provider", UPSTREAMS)
def test_the_ai_sdk_asks_for_an_object_by_a_tool_named_json(
    gateway: Gateway, upstream: Upstream, provider: str
) -> None:
    tool = {"name": "json", "description": "Respond with JSON.", "input_schema": SCHEMA,
            "eager_input_streaming": True}  # fmt: skip
    body = asked(f"{provider}/agent", tools=[tool], tool_choice=FORCED, stream=True)
    answer = post(gateway, MESSAGES, body, x_api_key=KEY, anthropic_version="2023-06-01")
    sent = left(upstream, answer).body
    if provider == "an":
        assert sent == body | {"model": "agent"}
        return
    assert "eager_input_streaming" in answer.headers["x-omniroute-dropped"]
    assert "eager_input_streaming" not in str(sent)
    if provider == "gm":
        assert sent["toolConfig"]["functionCallingConfig"]["mode"] == "ANY"
    else:
        assert (sent["tool_choice"], sent["parallel_tool_calls"]) == ("required", False)


@pytest.mark.parametrize("provider", UPSTREAMS)
def test_a_named_tool_is_named_elsewhere_too(
    gateway: Gateway, upstream: Upstream, provider: str
) -> None:
    body = asked(
        f"{provider}/agent", tools=[{"name": "find", "input_schema": SCHEMA}],
        tool_choice={"type": "tool", "name": "find", "disable_parallel_tool_use": True},
    )  # fmt: skip
    sent = left(upstream, post(gateway, MESSAGES, body)).body
    told = {
        "an": body["tool_choice"],
        "mk": {"type": "function", "function": {"name": "find"}},
        "rs": {"type": "function", "name": "find"},
        "gm": {"mode": "ANY", "allowedFunctionNames": ["find"]},
    }[provider]
    assert (sent["toolConfig"]["functionCallingConfig"] if provider == "gm" else sent["tool_choice"]) == told  # fmt: skip


@pytest.mark.parametrize("provider", UPSTREAMS)
def test_results_of_one_message_stay_with_their_calls(
    gateway: Gateway, upstream: Upstream, provider: str
) -> None:
    calls = [{"type": "tool_use", "id": f"toolu_{n}", "name": "f", "input": {"n": n}} for n in "ab"]
    results = [
        {"type": "tool_result", "tool_use_id": "toolu_b", "content": "of b"},
        {"type": "tool_result", "tool_use_id": "toolu_a",
         "content": [{"type": "text", "text": "of a"}]},
        {"type": "text", "text": "Go on."},
    ]  # fmt: skip
    said = [*HELLO, {"role": "assistant", "content": calls}, {"role": "user", "content": results}]
    sent = left(upstream, post(gateway, MESSAGES, asked(f"{provider}/talk", messages=said))).body
    if provider == "an":
        assert sent["messages"] == said
        return
    assert results_in(provider, sent) == {"toolu_a": "of a", "toolu_b": "of b"}
