"""What Qwen Code sends in its four modes; of Gemini's, `test_gemini_cli` has the rest."""

import pytest

from tests.e2e.clients.asking import CHAT, JSON, MESSAGES, RESPONSES, UPSTREAMS, events, left, post
from tests.e2e.gateway import Gateway
from tests.e2e.upstream import Upstream

SCHEMA = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}
SYSTEM = "You are an agent. " * 2000


def text(told: str) -> list[JSON]:
    return [{"type": "text", "text": told}]


def chat(model: str) -> JSON:
    call = {"id": "call_1", "type": "function",
            "function": {"name": "read_file", "arguments": '{"path": "a"}'}}  # fmt: skip
    return {
        "model": model, "stream": True, "stream_options": {"include_usage": True},
        "messages": [
            {"role": "system", "content": SYSTEM},
            {"role": "user", "content": text("Read it.")},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "call_1", "content": text("contents")},
        ],
        "tools": [{"type": "function", "function": {
            "name": "read_file", "description": "Reads.", "parameters": SCHEMA,
        }}],
    }  # fmt: skip


@pytest.mark.parametrize("provider", UPSTREAMS)
def test_contents_that_are_arrays_arrive_and_usage_stands_in_the_last_chunk(
    gateway: Gateway, upstream: Upstream, provider: str
) -> None:
    answer = post(gateway, CHAT, chat(f"{provider}/talk"))
    sent = left(upstream, answer)
    if provider == "mk":
        assert sent.body == chat("talk")
    told = sent.raw.decode()
    for piece in (SYSTEM, "Read it.", "contents"):
        assert piece in told
    *_, last, done = events(answer)
    assert done.data == "[DONE]"
    assert last.data["choices"] == []
    usage = last.data["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (11, 5)


@pytest.mark.parametrize("provider", UPSTREAMS)
def test_its_responses_mode_says_instructions(
    gateway: Gateway, upstream: Upstream, provider: str
) -> None:
    body = {
        "model": f"{provider}/talk", "instructions": SYSTEM, "store": False, "stream": True,
        "prompt_cache_key": "session", "include": ["reasoning.encrypted_content"],
        "input": [{"role": "user", "content": [{"type": "input_text", "text": "Read it."}]}],
        "tools": [{"type": "function", "name": "read_file", "parameters": SCHEMA, "strict": False}],
    }  # fmt: skip
    answer = post(gateway, RESPONSES, body, accept="text/event-stream")
    sent = left(upstream, answer)
    assert SYSTEM in sent.raw.decode()
    if provider == "rs":
        assert sent.body == body | {"model": "talk"}
    else:
        assert "prompt_cache_key" in answer.headers["x-omniroute-dropped"]


def messages(model: str) -> JSON:
    return {
        "model": model, "max_tokens": 16_384, "temperature": 1, "stream": True,
        "thinking": {"type": "enabled", "budget_tokens": 32_000},
        "system": text(SYSTEM), "messages": [{"role": "user", "content": text("Read it.")}],
        "tools": [{"name": "read_file", "input_schema": SCHEMA}],
    }  # fmt: skip


@pytest.mark.parametrize("provider", UPSTREAMS)
def test_its_messages_mode_thinks_of_more_than_it_may_say(
    gateway: Gateway, upstream: Upstream, provider: str
) -> None:
    """A budget above `max_tokens`, with a key in Bearer and another client's name."""
    agent = "claude-cli/0.24.4 (external, cli)"
    answer = post(gateway, MESSAGES, messages(f"{provider}/thinker"), user_agent=agent)
    sent = left(upstream, answer).body
    assert events(answer)[-1].name == "message_stop"
    if provider == "an":
        assert sent == messages("thinker")  # what its provider makes of it is theirs to say
    elif provider == "mk":
        assert (sent["max_tokens"], sent["reasoning_effort"]) == (16_384, "high")
    elif provider == "rs":
        assert (sent["max_output_tokens"], sent["reasoning"]["effort"]) == (16_384, "high")
    else:
        config = sent["generationConfig"]
        assert config["maxOutputTokens"] == 16_384
        assert config["thinkingConfig"]["thinkingBudget"] == 24_576  # the most that Google takes
        assert "thinking.budget_tokens" in answer.headers["x-omniroute-dropped"]


@pytest.mark.parametrize("format", ["chat", "responses", "gemini"])
def test_a_budget_that_another_format_asks_for_fits_into_the_limit_at_anthropic(
    gateway: Gateway, upstream: Upstream, format: str
) -> None:
    """There the one must be below the other, and is part of it."""
    limit = 1000
    asked: dict[str, tuple[str, JSON]] = {
        "chat": (CHAT, {"messages": [{"role": "user", "content": "Hi."}], "reasoning_effort": "high",
                        "max_tokens": limit}),
        "responses": (RESPONSES, {"input": "Hi.", "reasoning": {"effort": "high"},
                                  "max_output_tokens": limit}),
        "gemini": ("/v1beta/models/an/talk:generateContent", {
            "contents": [{"role": "user", "parts": [{"text": "Hi."}]}],
            "generationConfig": {"maxOutputTokens": limit,
                                 "thinkingConfig": {"thinkingBudget": 32_000}},
        }),
    }  # fmt: skip
    path, body = asked[format]
    sent = left(upstream, post(gateway, path, body | {"model": "an/talk"})).body
    assert 1024 <= sent["thinking"]["budget_tokens"] < sent["max_tokens"]
    assert sent["max_tokens"] - sent["thinking"]["budget_tokens"] == limit


def test_an_overloaded_provider_is_told_of_as_such_in_a_stream(gateway: Gateway) -> None:
    """`api_error` would be final for it, and `overloaded_error` is tried again."""
    answer = post(gateway, MESSAGES, messages("an/fails"))
    if answer.status_code == 502:
        return  # it failed before anything was passed on
    last = events(answer)[-1]
    assert (last.name, last.data["error"]["type"]) == ("error", "overloaded_error")
