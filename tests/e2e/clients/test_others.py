"""Cline, Continue, goose, aider and llm: what each sends that no other does."""

import httpx
import pytest

from tests.e2e.clients.asking import CHAT, JSON, MESSAGES, RESPONSES, UPSTREAMS, events, left, post
from tests.e2e.gateway import CLIENT, HELLO, KEY, Gateway, keyed
from tests.e2e.upstream import Upstream

SCHEMA = {"type": "object", "properties": {"path": {"type": "string"}}}


# --- Cline ---------------------------------------------------------------------------------------


def cline(model: str) -> JSON:
    """openai-native: 25 functions beside two that OpenAI runs, and no `store`."""
    functions = [
        {"type": "function", "name": f"tool_{number}", "parameters": SCHEMA, "strict": True}
        for number in range(25)
    ]
    return {
        "model": model, "stream": True, "truncation": "auto", "instructions": "You are Cline.",
        "input": [{"role": "user", "content": [{"type": "input_text", "text": "Read it."}]}],
        "tools": [*functions, {"type": "web_search"}, {"type": "image_generation"}],
        "include": ["web_search_call.action.sources"],
    }  # fmt: skip


def test_clines_own_provider_gets_all_of_it(gateway: Gateway, upstream: Upstream) -> None:
    assert left(upstream, post(gateway, RESPONSES, cline("rs/talk"))).body == cline("talk")


@pytest.mark.parametrize("provider", ["mk", "an", "gm"])
def test_clines_functions_go_elsewhere_without_what_openai_runs(
    gateway: Gateway, upstream: Upstream, provider: str
) -> None:
    answer = post(gateway, RESPONSES, cline(f"{provider}/talk"))
    sent = left(upstream, answer).body
    tools = sent["tools"][0]["functionDeclarations"] if provider == "gm" else sent["tools"]
    assert len(tools) == 25
    dropped = answer.headers["x-omniroute-dropped"]
    for name in ("tools.web_search", "tools.image_generation", "truncation"):
        assert name in dropped


# --- Continue ------------------------------------------------------------------------------------


@pytest.mark.parametrize("provider", UPSTREAMS)
def test_continues_own_fetch_asks_with_an_old_beta(
    gateway: Gateway, upstream: Upstream, provider: str
) -> None:
    body: JSON = {
        "model": f"{provider}/talk", "max_tokens": 8192, "stream": True,
        "system": [{"type": "text", "text": "Rule.", "cache_control": {"type": "ephemeral"}}],
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi."}]}],
    }  # fmt: skip
    beta = "prompt-caching-2024-07-31"
    answer = post(
        gateway, MESSAGES, body, x_api_key=KEY, anthropic_version="2023-06-01",
        anthropic_beta=beta, user_agent="node-fetch",
    )  # fmt: skip
    sent = left(upstream, answer)
    assert sent.headers.get("anthropic-beta") == (beta if provider == "an" else None)
    assert "Rule." in sent.raw.decode()


@pytest.mark.parametrize("model", ["after-429", "after-500"])
def test_continue_retries_nothing_so_another_target_answers(gateway: Gateway, model: str) -> None:
    body = {"model": model, "max_tokens": 99, "messages": HELLO}
    answer = post(gateway, MESSAGES, body, x_api_key=KEY, user_agent="node-fetch")
    assert answer.status_code == 200
    assert answer.headers["x-omniroute-attempts"] == "2"


# --- goose ---------------------------------------------------------------------------------------


def test_goose_lists_models_first_and_says_no_name_of_its_own(
    gateway: Gateway, upstream: Upstream
) -> None:
    request = httpx.Request("GET", gateway.url + "/v1/models", headers=keyed())
    assert "user-agent" not in request.headers
    answer = CLIENT.send(request)
    assert "mk/plain" in [row["id"] for row in answer.json()["data"]]
    body = {"model": "mk/talk", "messages": HELLO, "max_tokens": 32_768, "stream": True}
    sent = left(upstream, post(gateway, CHAT, body, agent_session_id="s"))
    assert sent.body["max_tokens"] == 32_768
    assert "agent-session-id" not in sent.headers


# --- aider ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("provider", UPSTREAMS)
def test_aiders_reminder_is_a_system_message_after_the_users(
    gateway: Gateway, upstream: Upstream, provider: str
) -> None:
    body = {
        "model": f"{provider}/talk", "stream": True, "temperature": 0,
        "messages": [
            {"role": "system", "content": "You edit files."},
            {"role": "user", "content": "Example?"}, {"role": "assistant", "content": "Edited."},
            {"role": "user", "content": "Fix the test."},
            {"role": "system", "content": "Reply with blocks."},
        ],
    }  # fmt: skip
    answer = post(gateway, CHAT, body)
    told = left(upstream, answer).raw.decode()
    for text in ("You edit files.", "Fix the test.", "Reply with blocks."):
        assert text in told
    # It does not ask for usage, and none is told.
    assert [e.data for e in events(answer) if e.data != "[DONE]" and not e.data["choices"]] == []


@pytest.mark.parametrize("provider", UPSTREAMS)
def test_aiders_call_for_a_commit_message_begins_with_an_empty_line(
    gateway: Gateway, upstream: Upstream, provider: str
) -> None:
    asked = "\ndiff --git a/a b/a\n"
    messages = [{"role": "system", "content": "Write it."}, {"role": "user", "content": asked}]
    answer = post(gateway, CHAT, {"model": f"{provider}/talk", "messages": messages})
    assert r"\ndiff --git a/a b/a\n" in left(upstream, answer).raw.decode()
    assert answer.json()["choices"][0]["message"]["content"] == "Hello from the upstream."


def test_a_missing_usage_breaks_nothing(gateway: Gateway) -> None:
    answer = post(gateway, CHAT, {"model": "mk/no-usage", "messages": HELLO})
    assert answer.status_code == 200


# --- llm -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("provider", UPSTREAMS)
@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
def test_llm_sends_null_beside_its_tool_calls(
    gateway: Gateway, upstream: Upstream, provider: str, stream: bool
) -> None:
    call = {"id": "call_1", "type": "function",
            "function": {"name": "weather", "arguments": '{"city": "Oslo"}'}}  # fmt: skip
    body: JSON = {"model": f"{provider}/talk", "stream": stream, "messages": [
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "rain"},
    ]}  # fmt: skip
    body |= {"stream_options": {"include_usage": True}} if stream else {}
    sent = left(upstream, post(gateway, CHAT, body))
    if provider == "mk":
        assert sent.body["messages"] == body["messages"]
    told = sent.raw.decode()
    assert "Oslo" in told
    assert "rain" in told
