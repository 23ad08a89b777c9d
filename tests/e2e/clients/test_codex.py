"""What Codex sends, to a provider of its own format and to others."""

import json
from typing import Any

import pytest

from tests.e2e.clients.asking import JSON, RESPONSES, UPSTREAMS, events, left, post
from tests.e2e.gateway import Gateway
from tests.e2e.scenes import PATCH, SIGNATURE
from tests.e2e.upstream import Upstream

SCHEMA = {"type": "object", "properties": {"command": {"type": "string"}}, "required": ["command"],
          "additionalProperties": False}  # fmt: skip
GRAMMAR = 'start: "*** Begin Patch" LF hunk+ "*** End Patch" LF?\nhunk: /.+/ LF\n%import common.LF'
FUNCTION = {"type": "function", "name": "shell", "description": "Runs.", "strict": False,
            "parameters": SCHEMA}  # fmt: skip
CUSTOM = {"type": "custom", "name": "apply_patch", "description": "Edits files.",
          "format": {"type": "grammar", "syntax": "lark", "definition": GRAMMAR}}  # fmt: skip
NAMESPACE = {"type": "namespace", "name": "crm", "description": "Customers.", "tools": [
    FUNCTION | {"name": "find"},
]}  # fmt: skip
SEARCH = {"type": "tool_search", "execution": "client", "description": "Finds tools.",
          "parameters": SCHEMA}  # fmt: skip
TOOLS = [FUNCTION, NAMESPACE, CUSTOM, SEARCH, {"type": "web_search", "external_web_access": False}]
# Not in the order of their letters, with spaces and an escape: a byte for a byte.
ENCRYPTED = "gAAAAABo+/=\u00fcZ_" * 40
REASONING: JSON = {"type": "reasoning", "id": "rs_1", "summary": [
    {"type": "summary_text", "text": "**Looking**"},
], "content": None, "encrypted_content": ENCRYPTED}  # fmt: skip


def said(role: str, text: str, id: str) -> JSON:
    kind = "output_text" if role == "assistant" else "input_text"
    content = [{"type": kind, "text": text}]
    return {"type": "message", "role": role, "id": id, "content": content}


HISTORY: list[JSON] = [
    said("developer", "You are a coding agent.", "msg_dev"),
    said("user", "<environment_context/>", "msg_env"),
    said("user", "Fix the test.", "msg_ask"),
    REASONING,
    said("assistant", "I look.", "msg_say"),
    {"type": "function_call", "id": "fc_1", "call_id": "call_a", "name": "shell",
     "arguments": '{"command":"ls"}'},
    {"type": "custom_tool_call", "id": "ctc_1", "call_id": "call_b", "name": "apply_patch",
     "input": PATCH, "status": "completed"},
    {"type": "function_call_output", "id": "fco_1", "call_id": "call_a", "output": "a.py"},
    {"type": "custom_tool_call_output", "id": "ctco_1", "call_id": "call_b", "output": "Done."},
]  # fmt: skip


def turn(model: str, **fields: object) -> JSON:
    return {
        "model": model, "input": HISTORY, "tools": TOOLS, "tool_choice": "auto",
        "parallel_tool_calls": True, "stream": True, "store": False,
        "reasoning": {"effort": "medium", "summary": "auto", "context": "auto"},
        "include": ["reasoning.encrypted_content"], "text": {"verbosity": "low"},
        "prompt_cache_key": "0199-thread",
        "client_metadata": {"installation": "i" * 600, "session": "s" * 600},
    } | fields  # fmt: skip


def test_its_own_provider_gets_all_of_it(gateway: Gateway, upstream: Upstream) -> None:
    """Ids made by the client, metadata, tool kinds and encrypted reasoning as they are."""
    answer = post(gateway, RESPONSES, turn("rs/talk"))
    sent = left(upstream, answer)
    assert sent.body == turn("talk")
    assert json.dumps(ENCRYPTED).encode() in sent.raw or ENCRYPTED.encode() in sent.raw
    assert "x-omniroute-dropped" not in answer.headers


@pytest.mark.parametrize("provider", ["mk", "an", "gm"])
def test_elsewhere_tools_that_can_be_called_are_functions_and_none_is_refused(
    gateway: Gateway, upstream: Upstream, provider: str
) -> None:
    answer = post(gateway, RESPONSES, turn(f"{provider}/talk"))
    sent = left(upstream, answer).body
    tools = functions(provider, sent)
    assert list(tools) == ["shell", "crm__find", "apply_patch"]
    assert GRAMMAR in tools["apply_patch"]["description"]
    assert "lark" in tools["apply_patch"]["description"]
    dropped = answer.headers["x-omniroute-dropped"].split(", ")
    for name in ("tools.tool_search", "tools.web_search", "client_metadata", "prompt_cache_key"):
        assert name in dropped


def functions(provider: str, sent: JSON) -> dict[str, Any]:
    tools = sent["tools"]
    if provider == "mk":
        tools = [tool["function"] for tool in tools]
    elif provider == "gm":
        tools = tools[0]["functionDeclarations"]
    return {tool["name"]: tool for tool in tools}


def test_its_conversation_goes_to_chat_with_calls_and_results_paired(
    gateway: Gateway, upstream: Upstream
) -> None:
    sent = left(upstream, post(gateway, RESPONSES, turn("mk/talk"))).body["messages"]
    assert [message["role"] for message in sent] == [
        "system", "user", "user", "assistant", "tool", "tool",
    ]  # fmt: skip
    assert sent[0]["content"] == "You are a coding agent."
    calls = {call["id"]: call["function"] for call in sent[3]["tool_calls"]}
    assert calls["call_a"] == {"name": "shell", "arguments": '{"command":"ls"}'}
    assert json.loads(calls["call_b"]["arguments"]) == {"input": PATCH}
    assert {m["tool_call_id"]: m["content"] for m in sent[4:]} == {
        "call_a": "a.py", "call_b": "Done.",
    }  # fmt: skip
    assert ENCRYPTED not in json.dumps(sent, ensure_ascii=False)  # another's cannot be read


@pytest.mark.parametrize("provider", ["mk", "an", "gm"])
def test_the_newest_brings_its_tools_in_the_first_item(
    gateway: Gateway, upstream: Upstream, provider: str
) -> None:
    first = {"type": "additional_tools", "role": "developer", "tools": [NAMESPACE]}
    body = turn(f"{provider}/talk", input=[first, *HISTORY[:3]])
    del body["tools"]
    sent = left(upstream, post(gateway, RESPONSES, body)).body
    assert list(functions(provider, sent)) == ["crm__find"]


def test_its_own_provider_gets_the_first_item_with_its_tools(
    gateway: Gateway, upstream: Upstream
) -> None:
    first = {"type": "additional_tools", "role": "developer", "tools": [NAMESPACE]}
    body = turn("rs/talk", input=[first, *HISTORY[:3]])
    del body["tools"]
    sent = left(upstream, post(gateway, RESPONSES, body)).body
    assert sent == body | {"model": "talk"}


@pytest.mark.parametrize("provider", UPSTREAMS)
def test_a_turn_ends_with_the_whole_response_and_calls_are_in_items_that_are_done(
    gateway: Gateway, provider: str
) -> None:
    asked = {"input": HISTORY[:3], "tools": [FUNCTION | {"name": "weather"}]}
    told = events(post(gateway, RESPONSES, turn(f"{provider}/agent", **asked)))
    assert (told[0].name, told[-1].name) == ("response.created", "response.completed")
    assert all(event.name == event.data["type"] for event in told)
    numbers = [event.data["sequence_number"] for event in told]
    assert numbers == sorted(set(numbers))
    done = [e.data["item"] for e in told if e.name == "response.output_item.done"]
    assert [(item["type"], json.loads(item["arguments"])) for item in done] == [
        ("function_call", {"city": "Oslo"}), ("function_call", {"city": "Rome"}),
    ]  # fmt: skip
    whole = told[-1].data["response"]
    assert [item["call_id"] for item in whole["output"]] == [item["call_id"] for item in done]
    assert whole["usage"]["input_tokens"] == 11


@pytest.mark.parametrize("provider", UPSTREAMS)
def test_a_patch_comes_back_as_a_call_of_the_custom_tool(gateway: Gateway, provider: str) -> None:
    asked = {"input": HISTORY[:3], "tools": [CUSTOM]}
    told = events(post(gateway, RESPONSES, turn(f"{provider}/editor", **asked)))
    done = [e.data["item"] for e in told if e.name == "response.output_item.done"]
    assert [(item["type"], item["name"], item["input"]) for item in done] == [
        ("custom_tool_call", "apply_patch", PATCH),
    ]  # fmt: skip


def test_its_providers_reasoning_reaches_it_byte_for_byte_and_goes_back_so(
    gateway: Gateway, upstream: Upstream
) -> None:
    first = events(post(gateway, RESPONSES, turn("rs/thinking-agent", input=HISTORY[:3])))
    output = first[-1].data["response"]["output"]
    assert output[0]["encrypted_content"] == SIGNATURE
    items = [*HISTORY[:3], *output]
    sent = left(upstream, post(gateway, RESPONSES, turn("rs/talk", input=items))).body
    assert sent["input"][3:] == output


def test_a_429_of_its_provider_says_when_to_come_back(gateway: Gateway) -> None:
    """Without it, Codex does not try again."""
    answer = post(gateway, RESPONSES, turn("rs/status-429"))
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")


@pytest.mark.parametrize("status", [401, 402, 403, 404])
def test_what_its_provider_says_of_us_is_not_said_of_the_client(
    gateway: Gateway, status: int
) -> None:
    """It would try six times all the same, and blame the user's key."""
    spent = 429 if status == 402 else 502  # an account that is spent is one that is limited
    assert post(gateway, RESPONSES, turn(f"rs/status-{status}")).status_code == spent
