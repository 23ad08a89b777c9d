"""Requests of the Responses API: what comes back in the same format, and what leaves in others."""

import json
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import formats
from gateway.errors import BadRequest, NotSupported
from gateway.formats import anthropic_messages, openai_chat, openai_responses, wire
from gateway.formats.types import (
    Asked,
    CustomTool,
    Encoded,
    JSONDict,
    Prompt,
    Quirks,
    RedactedThinking,
    Thinking,
    ToolCall,
)
from tests.gateway.formats.openai_responses.test_answers import ODD, places, replaced

SCHEMA = {"type": "object", "properties": {"x": {"type": "integer"}}}
LARK = {"type": "grammar", "syntax": "lark", "definition": "start: /a+/"}
F = {"type": "function", "name": "f", "parameters": SCHEMA, "strict": True}
PATCH = {"type": "custom", "name": "apply_patch", "description": "d", "format": LARK}
SPACE = {"type": "namespace", "name": "crm", "description": "Customers", "tools": [F, PATCH]}
HI = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]}
PNG = "data:image/png;base64,AAAA"


def asked(**fields: Any) -> JSONDict:
    return {"model": "m", "input": "hi"} | fields


def decoded(**fields: Any) -> Prompt:
    return openai_responses.decode_request(asked(**fields))


def translated(target: formats.Format, **fields: Any) -> Encoded:
    return target.encode_request(decoded(**fields), "sent", Quirks())


def message(role: str, *content: JSONDict, **more: Any) -> JSONDict:
    return {"type": "message", "role": role, "content": list(content)} | more


def call(call_id: str, name: str = "f", arguments: str = '{"x":1}', **more: Any) -> JSONDict:
    return {
        "type": "function_call",
        "call_id": call_id,
        "name": name,
        "arguments": arguments,
    } | more


def output(call_id: str, value: Any = "1", **more: Any) -> JSONDict:
    return {"type": "function_call_output", "call_id": call_id, "output": value} | more


REASONING = {
    "type": "reasoning",
    "id": "rs_1",
    "summary": [{"type": "summary_text", "text": "Hm"}, {"type": "summary_text", "text": "so"}],
    "encrypted_content": "gAAA",
    "status": None,
}
ITEMS: list[JSONDict] = [
    message("developer", {"type": "input_text", "text": "be kind"}, id="msg_client"),
    {"role": "user", "content": "plain, and without a type"},
    message(
        "user",
        {"type": "input_text", "text": "see", "prompt_cache_breakpoint": {"mode": "explicit"}},
        {"type": "input_image", "image_url": PNG, "detail": "high"},
        {"type": "input_image", "image_url": "https://x.example/a.png"},
        {"type": "input_image", "file_id": "file-1"},
        {"type": "input_file", "file_data": "data:text/plain;base64,AAAA", "filename": "a.txt"},
        {"type": "input_file", "file_url": "https://x.example/a.pdf"},
        {"type": "input_file", "file_id": "file-2"},
        {"type": "input_audio", "input_audio": {"data": "AA", "format": "wav"}},
        {"type": "input_hologram", "depth": 3},
    ),
    REASONING,
    {"type": "reasoning", "id": "rs_2", "summary": [], "content": [{"type": "reasoning_text", "text": "raw"}]},
    {"type": "reasoning", "summary": [], "encrypted_content": "gBBB"},
    message(
        "assistant",
        {"type": "output_text", "text": "so", "annotations": [{"type": "url_citation", "url": "u", "title": "t", "start_index": 0, "end_index": 2}]},
        {"type": "refusal", "refusal": "no"},
        id="msg_1", status="completed", phase="final_answer",
    ),
    call("a", id="fc_1", status="completed"),
    call("b", "f", "{oops", namespace="crm", id="fc_2"),
    {"type": "custom_tool_call", "call_id": "c", "name": "apply_patch", "input": "*** Begin", "id": "ctc_1"},
    output("a", id="fco_1"),
    output("b", [{"type": "input_text", "text": "2"}, {"type": "input_image", "image_url": PNG}]),
    {"type": "custom_tool_call_output", "call_id": "c", "output": "done"},
    {"type": "image_generation_call", "id": "ig_1", "status": "completed", "result": "AAAA", "quality": "low"},
    {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "q"}},
    {"type": "local_shell_call", "id": "ls_1", "call_id": "d", "action": {"type": "exec", "command": ["ls"]}},
    {"type": "local_shell_call_output", "id": "ls_2", "output": "a.txt"},
    {"type": "item_reference", "id": "msg_0"},
    {"id": "msg_00"},
    {"type": "additional_tools", "role": "developer", "tools": [SPACE]},
    {"type": "compaction", "id": "cmp_1", "encrypted_content": "gCCC"},
    {"type": "something_new", "id": "x_1", "of": {"the": "future"}},
]  # fmt: skip


def test_every_item_comes_back_as_it_was() -> None:
    sent = openai_responses.encode_request(decoded(input=ITEMS), "m", Quirks())
    assert sent.body == {"model": "m", "input": ITEMS}
    assert sent.dropped == ()


FIELDS: list[tuple[str, JSONDict]] = [
    ("an input that is a string", {}),
    ("instructions", {"instructions": "be kind"}),
    ("instructions and nothing else", {"instructions": "be kind", "input": None, "prompt": {"id": "p"}}),
    ("a function, a custom tool, a namespace, and tools that OpenAI runs", {"tools": [F, PATCH, SPACE, {"type": "web_search", "filters": {"a": 1}}, {"type": "mcp", "server_label": "s"}]}),
    ("two namespaces of one name", {"tools": [SPACE, dict(SPACE)]}),
    ("what a tool says besides", {"tools": [F | {"defer_loading": True}, PATCH | {"allowed_callers": ["direct"]}]}),
    ("a forced function", {"tools": [F], "tool_choice": {"type": "function", "name": "f"}}),
    ("a forced custom tool", {"tools": [PATCH], "tool_choice": {"type": "custom", "name": "apply_patch"}}),
    ("allowed tools", {"tools": [F], "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]}}),
    ("allowed tools, hosted ones among them", {"tools": [F], "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "mcp", "server_label": "s"}]}}),
    ("a forced hosted tool", {"tools": [{"type": "file_search"}], "tool_choice": {"type": "file_search"}}),
    ("any tool", {"tools": [F], "tool_choice": "required", "parallel_tool_calls": False}),
    ("reasoning", {"reasoning": {"effort": "high", "summary": "auto", "context": "all_turns"}}),
    ("a summary alone", {"reasoning": {"summary": "auto"}}),
    ("a schema", {"text": {"format": {"type": "json_schema", "name": "n", "schema": SCHEMA, "strict": True}, "verbosity": "low"}}),
    ("any object", {"text": {"format": {"type": "json_object"}}}),
    ("the rest", {
        "stream": True, "max_output_tokens": 99, "temperature": 0.5, "top_p": 0.5, "user": "u",
        "service_tier": "flex", "store": False, "include": ["reasoning.encrypted_content"],
        "prompt_cache_key": "k", "client_metadata": {"a": "b"}, "truncation": "auto",
        "previous_response_id": "resp_1", "metadata": {"a": "b"}, "top_logprobs": 2,
        "safety_identifier": "s", "background": True, "made_up": 1, "with.dots": 2,
    }),
]  # fmt: skip


@pytest.mark.parametrize("fields", [row[1] for row in FIELDS], ids=[row[0] for row in FIELDS])
def test_every_field_comes_back_as_it_was(fields: JSONDict) -> None:
    body = {name: value for name, value in asked(**fields).items() if value is not None}
    sent = openai_responses.encode_request(openai_responses.decode_request(body), "m", Quirks())
    assert sent.body == body
    assert sent.dropped == ()


@dataclass(frozen=True)
class Case:
    id: str
    asked: JSONDict
    expected: JSONDict = field(default_factory=dict)
    dropped: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()


def function(name: str, **more: Any) -> JSONDict:
    return {"type": "function", "function": {"name": name} | more}


def chat_call(id: str, name: str = "f", arguments: str = '{"x":1}') -> JSONDict:
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


TO_CHAT = [
    Case("a string", {}, {"model": "sent", "messages": [{"role": "user", "content": "hi"}]}),
    Case("instructions are a system message", {"instructions": "s"}, {"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "hi"}]}),
    Case(
        "calls in a row are one message, and so are the words before them",
        {"input": [HI, message("assistant", {"type": "output_text", "text": "so"}), call("a"), call("b"), output("a"), output("b", [{"type": "input_text", "text": "2"}, {"type": "input_image", "image_url": PNG}]), HI]},
        {"messages": [
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": "so", "tool_calls": [chat_call("a"), chat_call("b")]},
            {"role": "tool", "tool_call_id": "a", "content": "1"},
            {"role": "tool", "tool_call_id": "b", "content": "2"},
            {"role": "user", "content": [{"type": "text", "text": "Content returned by tool call b:"}, {"type": "image_url", "image_url": {"url": PNG}}]},
            {"role": "user", "content": "hi"},
        ]},
    ),
    Case(
        "a custom tool is a function, and so is a call of it",
        {"tools": [PATCH], "tool_choice": {"type": "custom", "name": "apply_patch"}, "input": [HI, {"type": "custom_tool_call", "call_id": "c", "name": "apply_patch", "input": "x\n"}, {"type": "custom_tool_call_output", "call_id": "c", "output": "ok"}]},
        {
            "tool_choice": {"type": "function", "function": {"name": "apply_patch"}},
            "messages": [
                {"role": "user", "content": "hi"},
                {"role": "assistant", "content": None, "tool_calls": [chat_call("c", "apply_patch", '{"input":"x\\n"}')]},
                {"role": "tool", "tool_call_id": "c", "content": "ok"},
            ],
        },
    ),
    Case(
        "members of a namespace have flat names, and so have the calls of them",
        {"tools": [F, SPACE], "input": [HI, call("a", namespace="crm"), output("a")]},
        {"messages": [
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": None, "tool_calls": [chat_call("a", "crm__f")]},
            {"role": "tool", "tool_call_id": "a", "content": "1"},
        ]},
        dropped=("tools.namespace",),
    ),
    Case("what Codex and Cline attach by themselves", {"tools": [F, {"type": "web_search"}, {"type": "image_generation"}, {"type": "tool_search", "execution": "client"}]}, {"tools": [function("f", parameters=SCHEMA, strict=True)]}, ("tools.web_search", "tools.image_generation", "tools.tool_search")),
    Case("what a hosted tool left in the conversation", {"input": [HI, {"type": "web_search_call", "id": "ws", "status": "completed"}, message("assistant", {"type": "output_text", "text": "so"})]}, {"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "so"}]}, ("content.web_search_call",)),
    Case("an allowed tool that is left", {"tools": [F, {"type": "web_search"}], "tool_choice": {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "f"}, {"type": "web_search"}]}}, {"tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [function("f")]}}}, ("tools.web_search", "tool_choice")),
    Case("an effort", {"reasoning": {"effort": "low", "summary": "auto"}}, {"reasoning_effort": "low"}, ("reasoning.summary",)),
    Case("a schema", {"text": {"format": {"type": "json_schema", "name": "n", "schema": SCHEMA}, "verbosity": "low"}}, {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}}}, ("text.verbosity",)),
    Case("what it cannot say is named", {"store": False, "include": ["x"], "prompt_cache_key": "k", "client_metadata": {}, "truncation": "auto"}, dropped=("client_metadata", "include", "prompt_cache_key", "store", "truncation")),
    Case("thoughts stay with those who signed them", {"input": [HI, REASONING, message("assistant", {"type": "output_text", "text": "so"})]}, {"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "so"}]}, ("thinking",)),
]  # fmt: skip


@pytest.mark.parametrize("case", TO_CHAT, ids=lambda case: case.id)
def test_to_chat_completions(case: Case) -> None:
    sent = translated(openai_chat, **case.asked)
    assert {name: sent.body.get(name) for name in case.expected} == case.expected
    assert not set(case.absent) & set(sent.body)
    assert sorted(sent.dropped) == sorted(case.dropped)


def test_the_newest_codex_brings_its_tools_in_an_item() -> None:
    """Its first input item holds them, `tools` is absent, and a call names the namespace."""
    items = [{"type": "additional_tools", "role": "developer", "tools": [SPACE]}, HI]
    sent = translated(openai_chat, input=items)
    assert [tool["function"]["name"] for tool in sent.body["tools"]] == ["crm__f", "crm__apply_patch"]  # fmt: skip
    assert sent.body["messages"] == [{"role": "user", "content": "hi"}]
    assert sent.dropped == ("tools.namespace",)
    back = openai_responses.encode_request(decoded(input=items), "m", Quirks()).body
    assert back == {"model": "m", "input": items}


@pytest.mark.parametrize("target", sorted(formats.FORMATS.keys() - {"openai_responses"}))
def test_what_codex_attaches_by_itself_is_refused_nowhere(target: str) -> None:
    """Tools found by search or run by OpenAI, and what they left in the conversation."""
    items = [
        {"type": "additional_tools", "role": "developer", "tools": [SPACE]},
        HI,
        {"type": "web_search_call", "id": "ws_1", "status": "completed"},
        message("user", {"type": "input_text", "text": "on"}),
    ]
    tools = [F, {"type": "web_search"}, {"type": "tool_search", "execution": "client"}]
    sent = translated(formats.by_name(target), input=items, tools=tools)
    for name in ("tools.web_search", "tools.tool_search", "content.web_search_call"):
        assert name in sent.dropped
    written = wire.dumps(sent.body)
    assert b'"crm__f"' in written
    assert b"tool_search" not in written


NAMES: list[tuple[str, list[JSONDict], list[str]]] = [
    ("joined", [SPACE], ["crm__f", "crm__apply_patch"]),
    ("a namespace that ends in the joint", [SPACE | {"name": "mcp__crm__"}], ["mcp__crm__f", "mcp__crm__apply_patch"]),
    ("a function that is found by search is its own namespace", [SPACE | {"name": "f", "tools": [F]}], ["f"]),
    ("too long to be joined", [SPACE | {"name": "n" * 64, "tools": [F]}], ["f"]),
    ("too long, and taken", [F, SPACE | {"name": "n" * 64, "tools": [F]}], ["f", "f_2"]),
    ("taken by a function of that name", [SPACE | {"tools": [F]}, F | {"name": "crm__f"}], ["f", "crm__f"]),
]  # fmt: skip


@pytest.mark.parametrize(("tools", "names"), [row[1:] for row in NAMES], ids=[row[0] for row in NAMES])  # fmt: skip
def test_names_of_tools_within_namespaces(tools: list[JSONDict], names: list[str]) -> None:
    sent = translated(openai_chat, tools=tools).body
    assert [tool["function"]["name"] for tool in sent["tools"]] == names


REFUSED: list[tuple[str, JSONDict, str, str]] = [
    ("a hosted tool that is all there is", {"tools": [{"type": "web_search"}]}, "tools", "web_search"),
    ("files that are to be searched", {"tools": [F, {"type": "file_search"}]}, "tools", "file_search"),
    ("an MCP server", {"tools": [F, {"type": "mcp", "server_label": "s"}]}, "tools", "mcp"),
    ("a hosted tool that is forced", {"tools": [F, {"type": "web_search"}], "tool_choice": {"type": "web_search_preview"}}, "tool_choice", "web_search_preview"),
    ("hosted tools only are allowed", {"tools": [F, {"type": "web_search"}], "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "web_search"}]}}, "tool_choice", "tool_choice"),
    ("an earlier answer that is kept elsewhere", {"previous_response_id": "resp_1"}, "previous_response_id", "previous_response_id"),
    ("a conversation that is kept elsewhere", {"conversation": "c"}, "conversation", "conversation"),
    ("an answer in the background", {"background": True}, "background", "background"),
    ("a reference", {"input": [{"type": "item_reference", "id": "x"}]}, "input", "item_reference"),
    ("a conversation that only OpenAI can read", {"input": [HI, {"type": "compaction", "encrypted_content": "x"}]}, "input", "compaction"),
    ("an image by id", {"input": [message("user", {"type": "input_image", "file_id": "f"})]}, "input", "input_image"),
]  # fmt: skip


@pytest.mark.parametrize(
    "target", [openai_chat, anthropic_messages], ids=lambda target: target.NAME
)
@pytest.mark.parametrize(("fields", "param", "word"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])  # fmt: skip
def test_what_would_change_the_meaning_is_refused_by_name(
    target: formats.Format, fields: JSONDict, param: str, word: str
) -> None:
    with pytest.raises(NotSupported) as caught:
        translated(target, **fields)
    assert caught.value.param == param
    assert word in str(caught.value)


WRONG: list[tuple[JSONDict, str]] = [
    ({"model": None}, "model"),
    ({"model": ""}, "model"),
    ({"input": None}, "input"),
    ({"input": 5}, "input"),
    ({"input": ["x"]}, "input[0]"),
    ({"input": [{"role": "king", "content": "x"}]}, "input[0].role"),
    ({"input": [HI, {"type": "message", "content": "x"}]}, "input[1].role"),
    ({"input": [{"role": "user", "content": 5}]}, "input[0].content"),
    ({"input": [message("user", {"type": "input_text"})]}, "input[0].content[0].text"),
    ({"input": [{"type": 5}]}, "input[0].type"),
    ({"input": [{"type": "function_call", "name": "f"}]}, "input[0].call_id"),
    ({"input": [call("a", arguments={})]}, "input[0].arguments"),  # type: ignore[arg-type]
    ({"input": [output("a", 5)]}, "input[0].output"),
    ({"input": [{"type": "reasoning", "summary": ["x"]}]}, "input[0].summary[0]"),
    ({"input": [{"type": "additional_tools", "tools": [{}]}]}, "input[0].tools[0].type"),
    ({"instructions": ["x"]}, "instructions"),
    ({"stream": "yes"}, "stream"),
    ({"max_output_tokens": 0}, "max_output_tokens"),
    ({"temperature": "warm"}, "temperature"),
    ({"tools": {}}, "tools"),
    ({"tools": [{"type": "function"}]}, "tools[0].name"),
    ({"tools": [SPACE | {"tools": [{"type": "function"}]}]}, "tools[0].tools[0].name"),
    ({"tool_choice": "perhaps"}, "tool_choice"),
    ({"tool_choice": {"type": "function"}}, "tool_choice.name"),
    ({"reasoning": "much"}, "reasoning"),
    ({"reasoning": {"effort": "huge"}}, "reasoning.effort"),
    ({"text": {"format": {"type": "xml"}}}, "text.format"),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "param"), WRONG, ids=[row[1] + str(row[0])[:40] for row in WRONG])  # fmt: skip
def test_a_wrong_field_is_named(fields: JSONDict, param: str) -> None:
    with pytest.raises(BadRequest) as caught:
        decoded(**fields)
    assert caught.value.param == param


def test_an_input_may_be_kept_elsewhere() -> None:
    openai_responses.check_request({"model": "m", "previous_response_id": "resp_1"})


# --- From other formats ----------------------------------------------------------------------


def from_chat(quirks: Quirks | None = None, **fields: Any) -> Encoded:
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}]} | fields
    prompt = openai_chat.decode_request(body)
    return openai_responses.encode_request(prompt, "sent", quirks or Quirks())


def from_anthropic(**fields: Any) -> Encoded:
    body = {
        "model": "m",
        "max_tokens": 90,
        "messages": [{"role": "user", "content": "hi"}],
    } | fields
    return openai_responses.encode_request(anthropic_messages.decode_request(body), "sent", Quirks())  # fmt: skip


FROM_CHAT = [
    Case("what is sent for a plain request", {}, {"model": "sent", "input": [HI], "store": False}, absent=("stream", "tools", "include", "instructions")),
    Case("a system message first is the instructions, and one later stays", {"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "hi"}, {"role": "developer", "content": "d"}]}, {"instructions": "s", "input": [HI, message("developer", {"type": "input_text", "text": "d"})]}),
    Case("nothing but a system message", {"messages": [{"role": "system", "content": "s"}]}, {"input": [message("system", {"type": "input_text", "text": "s"})]}, absent=("instructions",)),
    Case(
        "calls and results",
        {"messages": [
            {"role": "assistant", "content": "so", "refusal": "no", "tool_calls": [chat_call("a"), chat_call("b", arguments=""), {"id": "c", "type": "custom", "custom": {"name": "p", "input": "x"}}]},
            {"role": "tool", "tool_call_id": "a", "content": "1"},
            {"role": "tool", "tool_call_id": "c", "content": [{"type": "text", "text": "2"}]},
        ]},
        {"input": [
            message("assistant", {"type": "output_text", "text": "so"}, {"type": "refusal", "refusal": "no"}),
            call("a"), call("b", arguments="{}"),
            {"type": "custom_tool_call", "call_id": "c", "name": "p", "input": "x"},
            output("a"), output("c", "2", type="custom_tool_call_output"),
        ]},
    ),
    Case("images and files", {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": PNG, "detail": "low"}}, {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"}}]}]}, {"input": [message("user", {"type": "input_image", "image_url": PNG, "detail": "low"}, {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"})]}),
    Case("functions, which are strict only where they say so", {"tools": [function("f", parameters=SCHEMA), function("g", strict=True)]}, {"tools": [{"type": "function", "name": "f", "parameters": SCHEMA, "strict": False}, {"type": "function", "name": "g", "parameters": {"type": "object", "properties": {}}, "strict": True}]}),
    Case("a custom tool", {"tools": [{"type": "custom", "custom": {"name": "p", "format": {"type": "grammar", "grammar": {"syntax": "lark", "definition": "d"}}}}]}, {"tools": [{"type": "custom", "name": "p", "format": {"type": "grammar", "syntax": "lark", "definition": "d"}}]}),
    Case("a forced tool", {"tools": [function("f")], "tool_choice": {"type": "function", "function": {"name": "f"}}, "parallel_tool_calls": False}, {"tool_choice": {"type": "function", "name": "f"}, "parallel_tool_calls": False}),
    Case("limits and a schema", {"max_completion_tokens": 70, "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA, "strict": True}}, "verbosity": "low"}, {"max_output_tokens": 70, "text": {"format": {"type": "json_schema", "name": "n", "schema": SCHEMA, "strict": True}, "verbosity": "low"}}),
    Case("a limit below the least that is taken", {"max_tokens": 1}, {"max_output_tokens": 16}, dropped=("max_tokens",)),
    Case("thoughts come encrypted where some are asked for", {"reasoning_effort": "low"}, {"reasoning": {"effort": "low"}, "include": ["reasoning.encrypted_content"]}),
    Case("fields that mean the same", {"metadata": {"a": "b"}, "prompt_cache_key": "k", "store": True, "service_tier": "flex"}, {"metadata": {"a": "b"}, "prompt_cache_key": "k", "store": True, "service_tier": "flex"}),
    Case("what it cannot say is named", {"seed": 1, "presence_penalty": 1, "logit_bias": {"1": 2}}, dropped=("logit_bias", "presence_penalty", "seed")),
]  # fmt: skip


@pytest.mark.parametrize("case", FROM_CHAT, ids=lambda case: case.id)
def test_from_chat_completions(case: Case) -> None:
    sent = from_chat(**case.asked)
    assert {name: sent.body.get(name) for name in case.expected} == case.expected
    assert not set(case.absent) & set(sent.body)
    assert sorted(sent.dropped) == sorted(case.dropped)


def test_what_claude_code_asks_for() -> None:
    sent = from_anthropic(
        system=[{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}],
        thinking={"type": "enabled", "budget_tokens": 9000},
        messages=[
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": "1", "is_error": True}]},
        ],
    )  # fmt: skip
    assert sent.body == {
        "model": "sent",
        "instructions": "s",
        "input": [HI, call("a"), output("a", "Error: 1")],
        "max_output_tokens": 90,
        "reasoning": {"effort": "medium", "summary": "auto"},
        "store": False,
        "include": ["reasoning.encrypted_content"],
    }  # fmt: skip
    assert sent.dropped == ("cache_control", "thinking.budget_tokens")


@pytest.mark.parametrize("fields", [{"n": 2}, {"stop": ["a"]}], ids=["several answers", "stops"])
def test_what_it_cannot_do_is_refused(fields: JSONDict) -> None:
    with pytest.raises(NotSupported) as caught:
        from_chat(**fields)
    assert caught.value.param == next(iter(fields))


def test_quirks_of_a_provider() -> None:
    quirks = Quirks(unsupported=("store",), efforts=("low", "high"), max_output_tokens=5)
    sent = from_chat(quirks, reasoning_effort="max", max_tokens=9)
    assert sent.body["reasoning"] == {"effort": "high"}
    assert sent.body["max_output_tokens"] == 5
    assert "store" not in sent.body
    assert set(sent.dropped) == {"store", "max_tokens", "reasoning_effort"}
    assert from_chat(Quirks(reasoning="effort")).body["include"] == ["reasoning.encrypted_content"]
    assert "include" not in from_chat().body


# --- Relayed ---------------------------------------------------------------------------------


def test_a_request_that_is_relayed_is_the_same_object_where_nothing_changes() -> None:
    body = asked(input=ITEMS, made_up=1)
    assert openai_responses.readdress(body, "m", Quirks())[0] is body
    sent, strips, dropped = openai_responses.readdress(body, "n", Quirks(unsupported=("made_up",)))
    assert (sent, strips, dropped) == (asked(model="n", input=ITEMS), False, ("made_up",))


@pytest.mark.parametrize("model", ["m", "n"])
def test_thoughts_of_other_providers_are_not_relayed_to_openai(model: str) -> None:
    """It would refuse the request for a signature that is not its own."""
    foreign = [
        {"type": "reasoning", "id": "r", "summary": [], "encrypted_content": f"omniroute:{signer}"}
        for signer in ("anthropic_messages:s", "nobody:")
    ]
    body = asked(input=[HI, *foreign, REASONING])
    sent, _, dropped = openai_responses.readdress(body, model, Quirks())
    assert sent == asked(model=model, input=[HI, REASONING])
    assert dropped == ("thinking",)
    encoded = openai_responses.encode_request(openai_responses.decode_request(body), model, Quirks())  # fmt: skip
    assert encoded.body == sent
    assert encoded.dropped == dropped


# --- The neutral form ------------------------------------------------------------------------


def test_what_a_reasoning_item_says() -> None:
    prompt = decoded(input=[REASONING, {"type": "reasoning", "summary": [], "encrypted_content": "gBBB"}])  # fmt: skip
    (message,) = prompt.messages
    assert message.parts == (
        Thinking(text="Hm\n\nso", signature="gAAA", signed_by="openai_responses"),
        RedactedThinking(data="gBBB", signed_by="openai_responses"),
    )


def test_a_custom_tool_and_a_call_of_it() -> None:
    item = {"type": "custom_tool_call", "call_id": "c", "name": "apply_patch", "input": "x"}
    prompt = decoded(tools=[PATCH], input=[item])
    assert prompt.tools == (CustomTool("apply_patch", "d", LARK),)
    assert prompt.messages[0].parts == (ToolCall(id="c", name="apply_patch", arguments="x", custom=True),)  # fmt: skip


def test_a_long_conversation_of_one_megabyte_is_read_whole() -> None:
    items = [item for number in range(200) for item in (call(f"c{number}"), output(f"c{number}", "x" * 5000))]  # fmt: skip
    prompt = decoded(input=items)
    assert len(prompt.messages) == 400
    body = openai_chat.encode_request(prompt, "m", Quirks()).body
    assert len(json.dumps(body)) > 1_000_000


# --- Whatever is sent ------------------------------------------------------------------------

WHOLE = asked(
    input=ITEMS, instructions="s", stream=True, tools=[F, PATCH, SPACE, {"type": "web_search"}],
    tool_choice={"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]},
    reasoning={"effort": "low", "summary": "auto"}, max_output_tokens=9, temperature=1, user="u",
    text={"format": {"type": "json_schema", "name": "n", "schema": SCHEMA}, "verbosity": "low"},
)  # fmt: skip


@given(
    at=st.sampled_from(places(WHOLE)[1:]),
    new=st.one_of(ODD, st.sampled_from(["reasoning", "function", "namespace", SPACE, [SPACE]])),
)
def test_a_whole_request_with_one_odd_value_is_refused_or_served(
    at: tuple[Any, ...], new: Any
) -> None:
    body = replaced(WHOLE, at, new)
    with suppress(BadRequest):
        prompt = openai_responses.decode_request(body)
        openai_responses.input_items(body, "resp_x")
        openai_responses.StreamEncoder(Asked(model="m", id="x", created=7, request=body))
        for target in formats.FORMATS.values():
            with suppress(BadRequest):
                wire.dumps(target.encode_request(prompt, "m", Quirks()).body)


@pytest.mark.parametrize("name", ["input", "tools", "text", "made_up"])
def test_a_request_nested_too_deeply_is_refused_or_served(name: str) -> None:
    deep: Any = "x"
    for _ in range(990):
        deep = {"a": deep}
    wrapped = {"input": [{"type": "new", "x": deep}], "tools": [F | {"parameters": deep}]}
    body = asked(**{name: wrapped.get(name, deep)})
    with suppress(BadRequest):
        prompt = openai_responses.decode_request(body)
        wire.dumps(openai_responses.encode_request(prompt, "m", Quirks()).body)
