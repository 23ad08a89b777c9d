"""A request says the same in another format, or what it loses is named, or it is refused."""

import re
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import formats
from gateway.errors import BadRequest
from gateway.formats import anthropic_messages, openai_chat, signatures
from gateway.formats.reading import MAX_DROPPED
from gateway.formats.types import Encoded, JSONDict, Quirks

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
HI: JSONDict = {"role": "user", "content": "hi"}
HI_BLOCKS: JSONDict = {"role": "user", "content": [{"type": "text", "text": "hi"}]}


def to_anthropic(**fields: Any) -> Encoded:
    body = {"model": "m", "messages": [HI], **fields}
    return anthropic_messages.encode_request(openai_chat.decode_request(body), "sent", Quirks())


def to_openai(quirks: Quirks | None = None, **fields: Any) -> Encoded:
    body = {"model": "m", "max_tokens": 9, "messages": [HI], **fields}
    prompt = anthropic_messages.decode_request(body)
    return openai_chat.encode_request(prompt, "sent", quirks or Quirks())


@dataclass(frozen=True)
class Case:
    """`sent` holds the fields that must be in the request that leaves, `absent` those that not."""

    id: str
    asked: JSONDict
    sent: JSONDict = field(default_factory=dict)
    dropped: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()


def call(id: str, arguments: str = "{}") -> JSONDict:
    return {"id": id, "type": "function", "function": {"name": "f", "arguments": arguments}}


def use(id: str, **input: Any) -> JSONDict:
    return {"type": "tool_use", "id": id, "name": "f", "input": input}


def result(id: str, *content: JSONDict, **more: Any) -> JSONDict:
    return {"type": "tool_result", "tool_use_id": id, "content": list(content), **more}


def text(words: str, **more: Any) -> JSONDict:
    return {"type": "text", "text": words, **more}


def tool(name: str) -> JSONDict:
    return {"type": "function", "function": {"name": name, "parameters": SCHEMA}}


HOT = {"type": "ephemeral"}
PNG = {"type": "base64", "media_type": "image/png", "data": "AAAA"}
PDF = {"type": "base64", "media_type": "application/pdf", "data": "AAAA"}

TO_ANTHROPIC = [
    Case("the model's name at the provider", {}, {"model": "sent", "messages": [HI_BLOCKS]}),
    Case("a limit is required there", {}, {"max_tokens": anthropic_messages.sending.SAFE_MAX_TOKENS}),
    Case("the newer limit wins", {"max_tokens": 5, "max_completion_tokens": 7}, {"max_tokens": 7}),
    Case("no stream unless asked", {"stream": None}, absent=("stream",)),
    Case("a stream", {"stream": True, "stream_options": {"include_usage": True}}, {"stream": True}, absent=("stream_options",)),
    Case(
        "system messages, early and late, several and a developer's",
        {"messages": [{"role": "system", "content": "a"}, HI, {"role": "developer", "content": [text("b", cache_control=HOT)]}, {"role": "system", "content": ""}]},
        {"system": [text("a"), text("b", cache_control=HOT)], "messages": [HI_BLOCKS]},
    ),
    Case("one plain system message is a string", {"messages": [{"role": "system", "content": "a"}, HI]}, {"system": "a"}),
    Case("two user messages in a row are one", {"messages": [HI, HI]}, {"messages": [{"role": "user", "content": [text("hi"), text("hi")]}]}),
    Case(
        "parallel calls, and their results in one message before what the user says",
        {"messages": [
            HI,
            {"role": "assistant", "content": None, "tool_calls": [call("a", '{"x":1}'), call("b", "")]},
            {"role": "tool", "tool_call_id": "a", "content": "1"},
            {"role": "tool", "tool_call_id": "b", "content": [text("2")]},
            {"role": "user", "content": "and?"},
        ]},
        {"messages": [
            HI_BLOCKS,
            {"role": "assistant", "content": [use("a", x=1), use("b")]},
            {"role": "user", "content": [result("a", text("1")), result("b", text("2")), text("and?")]},
        ]},
    ),
    Case(
        "arguments that do not parse are not lost",
        {"messages": [HI, {"role": "assistant", "tool_calls": [call("a", "{oops")]}]},
        {"messages": [HI_BLOCKS, {"role": "assistant", "content": [use("a", _unparsed="{oops")]}]},
    ),
    Case(
        "a legacy function call and its result",
        {"messages": [HI, {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}}, {"role": "function", "name": "f", "content": "1"}]},
        {"messages": [HI_BLOCKS, {"role": "assistant", "content": [use("f")]}, {"role": "user", "content": [result("f", text("1"))]}]},
    ),
    Case(
        "images, by address and inline",
        {"messages": [{"role": "user", "content": [
            {"type": "image_url", "image_url": {"url": "https://x.example/a.png"}},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
        ]}]},
        {"messages": [{"role": "user", "content": [{"type": "image", "source": {"type": "url", "url": "https://x.example/a.png"}}, {"type": "image", "source": PNG}]}]},
    ),
    Case(
        "a file",
        {"messages": [{"role": "user", "content": [{"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"}}]}]},
        {"messages": [{"role": "user", "content": [{"type": "document", "source": PDF, "title": "a.pdf"}]}]},
    ),
    Case("tools", {"tools": [tool("f")]}, {"tools": [{"name": "f", "input_schema": SCHEMA}]}, absent=("tool_choice",)),
    Case("no tools, where a client sends an empty list", {"tools": []}, absent=("tools",)),
    Case("a tool without parameters", {"tools": [{"type": "function", "function": {"name": "f"}}]}, {"tools": [{"name": "f", "input_schema": {"type": "object", "properties": {}}}]}),
    Case("a forced tool", {"tools": [tool("f")], "tool_choice": {"type": "function", "function": {"name": "f"}}}, {"tool_choice": {"type": "tool", "name": "f"}}),
    Case("any tool", {"tools": [tool("f")], "tool_choice": "required"}, {"tool_choice": {"type": "any"}}),
    Case("any tool, in Mistral's word", {"tools": [tool("f")], "tool_choice": "any"}, {"tool_choice": {"type": "any"}}),
    Case("one call at a time", {"tools": [tool("f")], "parallel_tool_calls": False}, {"tool_choice": {"type": "auto", "disable_parallel_tool_use": True}}),
    Case(
        "structured output",
        {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}}},
        {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}},
    ),
    Case("an effort is a budget, and the answer keeps its room", {"reasoning_effort": "low", "max_tokens": 100}, {"thinking": {"type": "enabled", "budget_tokens": 2048}, "max_tokens": 2148}),
    Case("thinking takes no sampling parameters", {"reasoning_effort": "low", "temperature": 0.5, "top_p": 0.5}, dropped=("temperature", "top_p"), absent=("temperature", "top_p")),
    Case("a temperature of 1 is what thinking has", {"reasoning_effort": "low", "temperature": 1}, absent=("temperature",)),
    Case("a forced tool does not go with thinking", {"reasoning_effort": "low", "tools": [tool("f")], "tool_choice": "required"}, dropped=("reasoning_effort",), absent=("thinking",)),
    Case("no effort is no thinking", {"reasoning_effort": "none"}, absent=("thinking",)),
    Case("temperatures end at 1 there", {"temperature": 1.7}, {"temperature": 1}, dropped=("temperature",)),
    Case("stops", {"stop": ["a", " "]}, {"stop_sequences": ["a"]}),
    Case("a user", {"user": "u"}, {"metadata": {"user_id": "u"}}),
    Case("what it cannot say is named", {"seed": 1, "logit_bias": {"1": 2}, "service_tier": "flex"}, dropped=("logit_bias", "seed", "service_tier")),
    Case("what a part says besides is named", {"messages": [{"role": "user", "content": [text("hi", annotation=1)]}]}, {"messages": [HI_BLOCKS]}, dropped=("content.annotation",)),
    Case(
        "signed thoughts come back, unsigned ones are named",
        {"messages": [HI, {"role": "assistant", "content": "x", "reasoning_content": "Hm", "reasoning_details": [
            {"type": "reasoning.text", "text": "Hm", "signature": "s"},
            {"type": "reasoning.encrypted", "data": "d"},
            {"type": "reasoning.encrypted", "data": "e", "format": "openai-responses-v1"},
        ]}, HI, {"role": "assistant", "content": "y", "reasoning_content": "Hm"}]},
        {"messages": [HI_BLOCKS, {"role": "assistant", "content": [
            {"type": "thinking", "thinking": "Hm", "signature": "s"}, {"type": "redacted_thinking", "data": "d"}, text("x"),
        ]}, HI_BLOCKS, {"role": "assistant", "content": [text("y")]}]},
        dropped=("thinking",),
    ),
]  # fmt: skip

TO_OPENAI = [
    Case("the model's name at the provider", {}, {"model": "sent", "messages": [HI], "max_tokens": 9}),
    Case("usage is asked for with a stream", {"stream": True}, {"stream": True, "stream_options": {"include_usage": True}}),
    Case(
        "a system prompt, and one in the midst stays where it is",
        {"system": [text("a"), text("b")], "messages": [HI, {"role": "system", "content": "c"}]},
        {"messages": [{"role": "system", "content": [text("a"), text("b")]}, HI, {"role": "system", "content": "c"}]},
    ),
    Case(
        "calls and results, what is no text beside them",
        {"messages": [
            HI,
            {"role": "assistant", "content": [text("so"), use("a", x=1), use("b")]},
            {"role": "user", "content": [result("a", text("1"), {"type": "image", "source": PNG}), result("b", text("2"), is_error=True), text("and?")]},
        ]},
        {"messages": [
            HI,
            {"role": "assistant", "content": "so", "tool_calls": [call("a", '{"x":1}'), call("b")]},
            {"role": "tool", "tool_call_id": "a", "content": "1"},
            {"role": "tool", "tool_call_id": "b", "content": "Error: 2"},
            {"role": "user", "content": [
                text("Content returned by tool call a:"),
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
                text("and?"),
            ]},
        ]},
    ),
    Case(
        "documents",
        {"messages": [{"role": "user", "content": [{"type": "document", "source": PDF, "title": "a.pdf"}, {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "words"}}]}]},
        {"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_data": "data:application/pdf;base64,AAAA", "filename": "a.pdf"}}, text("words")]}]},
    ),
    Case(
        "tools, and one call at a time",
        {"tools": [{"name": "f", "description": "d", "input_schema": SCHEMA}], "tool_choice": {"type": "any", "disable_parallel_tool_use": True}},
        {"tools": [{"type": "function", "function": {"name": "f", "description": "d", "parameters": SCHEMA}}], "tool_choice": "required", "parallel_tool_calls": False},
    ),
    Case("a forced tool", {"tools": [{"name": "f", "input_schema": SCHEMA}], "tool_choice": {"type": "tool", "name": "f"}}, {"tool_choice": {"type": "function", "function": {"name": "f"}}}),
    Case("structured output", {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}}, {"response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA, "strict": True}}}),
    Case("structured output, as the beta had it", {"output_format": {"type": "json_schema", "schema": SCHEMA}}, {"response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA, "strict": True}}}),
    Case("an effort", {"output_config": {"effort": "high"}, "thinking": {"type": "adaptive"}}, {"reasoning_effort": "high"}),
    Case("a budget is about an effort", {"thinking": {"type": "enabled", "budget_tokens": 8000}}, {"reasoning_effort": "medium"}, dropped=("thinking.budget_tokens",)),
    Case("thinking as the model likes is named", {"thinking": {"type": "adaptive"}}, dropped=("thinking",), absent=("reasoning_effort",)),
    Case("no thinking", {"thinking": {"type": "disabled"}}, absent=("reasoning_effort",)),
    Case("stops", {"stop_sequences": ["a"]}, {"stop": ["a"]}),
    Case("a user", {"metadata": {"user_id": "u"}}, {"user": "u"}),
    Case("a user too long for most servers, as Claude Code's", {"metadata": {"user_id": "u" * 65}}, dropped=("user",), absent=("user",)),
    Case("cache hints are named", {"system": [text("a", cache_control=HOT)]}, dropped=("cache_control",)),
    Case("what it cannot say is named", {"top_k": 4, "service_tier": "auto", "context_management": {"edits": []}}, dropped=("context_management", "service_tier", "top_k")),
    Case("what tools and blocks say besides is named", {"messages": [{"role": "user", "content": [text("hi", citations=[{"type": "char_location"}])]}], "tools": [{"name": "f", "input_schema": SCHEMA, "defer_loading": True}]}, dropped=("content.citations", "tools.defer_loading")),
    Case("thoughts stay with those who signed them", {"messages": [HI, {"role": "assistant", "content": [{"type": "thinking", "thinking": "Hm", "signature": "s"}, text("x")]}]}, {"messages": [HI, {"role": "assistant", "content": "x"}]}, dropped=("thinking",)),
]  # fmt: skip


@pytest.mark.parametrize("case", TO_ANTHROPIC, ids=lambda case: case.id)
def test_from_openai_to_anthropic(case: Case) -> None:
    check(case, to_anthropic(**case.asked))


@pytest.mark.parametrize("case", TO_OPENAI, ids=lambda case: case.id)
def test_from_anthropic_to_openai(case: Case) -> None:
    check(case, to_openai(**case.asked))


def check(case: Case, encoded: Encoded) -> None:
    assert {name: encoded.body.get(name) for name in case.sent} == case.sent
    assert tuple(sorted(encoded.dropped)) == case.dropped
    assert not set(case.absent) & set(encoded.body)


def test_quirks_of_a_provider() -> None:
    quirks = Quirks(
        include_usage=False, max_tokens_field="max_completion_tokens", unsupported=("temperature",)
    )
    encoded = to_openai(quirks, stream=True, temperature=0.5)
    assert "stream_options" not in encoded.body
    assert encoded.body["max_completion_tokens"] == 9
    assert encoded.dropped == ("temperature",)
    prompt = openai_chat.decode_request(
        {"model": "m", "messages": [{"role": "developer", "content": "d"}, HI]}
    )
    for known, role in ((True, "developer"), (False, "system")):
        body = openai_chat.encode_request(prompt, "m", Quirks(developer_role=known)).body
        assert body["messages"][0]["role"] == role


def test_a_request_that_is_relayed_is_the_same_object_where_nothing_changes() -> None:
    body: JSONDict = {"model": "m", "messages": [HI], "made_up": 1}
    assert openai_chat.readdress(body, "m", Quirks())[0] is body
    sent, asks, dropped = openai_chat.readdress(
        body | {"stream": True, "seed": 1}, "n", Quirks(unsupported=("seed",))
    )
    assert sent == {
        "model": "n",
        "messages": [HI],
        "made_up": 1,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    assert next(iter(sent)) == "model"
    assert asks
    assert dropped == ("seed",)


# --- Refused ---------------------------------------------------------------------------------

REFUSED: list[tuple[str, formats.Format, JSONDict, str]] = [
    ("several answers", openai_chat, {"n": 2}, "n"),
    ("sound", openai_chat, {"messages": [{"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "A", "format": "wav"}}]}]}, "messages"),
    ("an answer in sound", openai_chat, {"audio": {"voice": "x"}}, "audio"),
    ("web search", openai_chat, {"web_search_options": {"x": 1}}, "web_search_options"),
    ("JSON without a schema", openai_chat, {"response_format": {"type": "json_object"}}, "response_format"),
    ("another provider's tool", openai_chat, {"tools": [{"type": "x_search"}]}, "tools"),
    ("an unknown part", openai_chat, {"messages": [{"role": "user", "content": [{"type": "video_url"}]}]}, "messages"),
    ("a picture in a system message", openai_chat, {"messages": [{"role": "system", "content": [{"type": "image_url", "image_url": {"url": "u"}}]}, HI]}, "messages"),
    ("nothing but a system message", openai_chat, {"messages": [{"role": "system", "content": "a"}]}, "messages"),
    ("Anthropic's own tools", anthropic_messages, {"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "tools"),
    ("MCP servers", anthropic_messages, {"mcp_servers": [{"url": "u"}]}, "mcp_servers"),
    ("a container", anthropic_messages, {"messages": [{"role": "user", "content": [{"type": "container_upload"}]}]}, "messages"),
    ("a picture by id", anthropic_messages, {"messages": [{"role": "user", "content": [{"type": "image", "source": {"type": "file", "file_id": "f"}}]}]}, "messages"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "asked", "param"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])  # fmt: skip
def test_what_would_change_the_meaning_is_refused_by_name(
    source: formats.Format, asked: JSONDict, param: str
) -> None:
    translate = to_anthropic if source is openai_chat else to_openai
    with pytest.raises(BadRequest) as caught:
        translate(**asked)
    assert caught.value.param == param


WRONG: list[tuple[formats.Format, JSONDict, str]] = [
    (openai_chat, {"model": None}, "model"),
    (openai_chat, {"model": 5}, "model"),
    (openai_chat, {"model": ""}, "model"),
    (openai_chat, {"messages": None}, "messages"),
    (openai_chat, {"messages": []}, "messages"),
    (openai_chat, {"messages": ["hi"]}, "messages[0]"),
    (openai_chat, {"messages": [HI, {"role": "king", "content": ""}]}, "messages[1].role"),
    (openai_chat, {"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
    (openai_chat, {"messages": [{"role": "user", "content": ["x"]}]}, "messages[0].content[0]"),
    (openai_chat, {"messages": [{"role": "user", "content": [text(5)]}]}, "messages[0].content[0].text"),  # type: ignore[arg-type]
    (openai_chat, {"messages": [{"role": "tool", "content": "x"}]}, "messages[0].tool_call_id"),
    (openai_chat, {"stream": "yes"}, "stream"),
    (openai_chat, {"stream_options": []}, "stream_options"),
    (openai_chat, {"max_tokens": 0}, "max_tokens"),
    (openai_chat, {"max_tokens": True}, "max_tokens"),
    (openai_chat, {"temperature": "hot"}, "temperature"),
    (openai_chat, {"tools": [{"type": "function"}]}, "tools[0].function"),
    (openai_chat, {"tools": {}}, "tools"),
    (openai_chat, {"tool_choice": {"type": "function", "function": {"name": ""}}}, "tool_choice"),
    (openai_chat, {"reasoning_effort": "some"}, "reasoning_effort"),
    (openai_chat, {"stop": [5]}, "stop"),
    (anthropic_messages, {"max_tokens": None}, "max_tokens"),
    (anthropic_messages, {"max_tokens": -1}, "max_tokens"),
    (anthropic_messages, {"messages": [{"role": "user", "content": None}]}, "messages[0].content"),
    (anthropic_messages, {"messages": [{"role": "tool", "content": "x"}]}, "messages[0].role"),
    (anthropic_messages, {"messages": [{"role": "user", "content": [{"type": "tool_use", "id": "a", "name": "f", "input": "x"}]}]}, "messages[0].content[0].input"),
    (anthropic_messages, {"system": 5}, "system"),
    (anthropic_messages, {"thinking": {"type": "maybe"}}, "thinking.type"),
    (anthropic_messages, {"tool_choice": {"type": "tool"}}, "tool_choice.name"),
    (anthropic_messages, {"tools": [{"input_schema": {}}]}, "tools[0].name"),
    (anthropic_messages, {"thread": {"type": "create"}}, "thread"),
]  # fmt: skip


@pytest.mark.parametrize(("format", "asked", "param"), WRONG, ids=lambda value: str(value)[:50])
def test_a_wrong_field_is_named(format: formats.Format, asked: JSONDict, param: str) -> None:
    with pytest.raises(BadRequest) as caught:
        format.decode_request({"model": "m", "max_tokens": 9, "messages": [HI]} | asked)
    assert caught.value.param == param
    assert param in str(caught.value)


def test_a_message_thread_is_refused_in_the_words_that_the_sdk_understands() -> None:
    with pytest.raises(BadRequest) as caught:
        anthropic_messages.check_request(
            {"model": "m", "max_tokens": 9, "messages": [HI], "thread": {"type": "create"}}
        )
    body = anthropic_messages.encode_error(caught.value, "req_1")
    assert body["error"]["type"] == "invalid_request_error"
    assert body["error"]["details"] == {
        "error_code": "thread_unsupported_request",
        "unsupported": ["thread"],
    }


@given(names=st.lists(st.text(min_size=1, max_size=200), max_size=60, unique=True))
def test_the_names_of_what_is_dropped_fit_into_a_header(names: list[str]) -> None:
    """They are the client's own: a line break in one would begin a header of its choosing."""
    dropped = to_anthropic(**{name: 1 for name in names if name not in KNOWN}).dropped
    header = ", ".join(dropped)
    assert header.isascii()
    assert header.isprintable()
    assert len(dropped) <= MAX_DROPPED


KNOWN = frozenset({"model", "messages", "audio", "web_search_options"} | openai_chat.request._KNOWN)

# --- Whatever is sent ------------------------------------------------------------------------

WHOLE: dict[str, JSONDict] = {
    "openai_chat": {
        "model": "m",
        "messages": [
            {"role": "system", "content": [text("s", cache_control=HOT), {"type": "image_url", "image_url": {"url": "u"}}]},
            {"role": "user", "name": "n", "content": [text("t"), {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}, {"type": "file", "file": {"file_data": "AA"}}]},
            {"role": "assistant", "content": None, "refusal": "r", "reasoning_details": [{"type": "reasoning.text", "text": "x", "signature": "s"}], "tool_calls": [call("a")]},
            {"role": "tool", "tool_call_id": "a", "content": "out"},
        ],
        "stream": True, "stream_options": {"include_usage": True}, "tools": [tool("f")],
        "tool_choice": {"type": "function", "function": {"name": "f"}}, "stop": ["a"],
        "response_format": {"type": "json_schema", "json_schema": {"schema": SCHEMA}},
        "reasoning_effort": "high", "user": "u", "function_call": "auto",
    },
    "anthropic_messages": {
        "model": "m", "max_tokens": 9, "system": [text("s", cache_control=HOT)],
        "messages": [
            {"role": "user", "content": [text("t"), {"type": "image", "source": PNG}, {"type": "document", "source": PDF}]},
            {"role": "assistant", "content": [{"type": "thinking", "thinking": "t", "signature": "s"}, use("a", x=1)]},
            {"role": "user", "content": [result("a", text("x"), is_error=True)]},
        ],
        "tools": [{"name": "f", "input_schema": SCHEMA}], "tool_choice": {"type": "tool", "name": "f"},
        "thinking": {"type": "enabled", "budget_tokens": 2000}, "stop_sequences": ["a"],
        "output_config": {"effort": "high", "format": {"type": "json_schema", "schema": SCHEMA}},
        "metadata": {"user_id": "u"},
    },
}  # fmt: skip
ODD: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, 0, -1, 2**70, 1.5, "", "text", "a\r\nb", "\ud83d", [], {}, [None], [{}], [[]], {"x": 1}, {"type": "text"}, "tool", "none"]
)  # fmt: skip


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    return [at, *(place for key, item in inner for place in places(item, (*at, key)))]


def replaced(value: Any, at: tuple[Any, ...], new: Any) -> Any:
    if not at:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[at[0]] = replaced(value[at[0]], at[1:], new)
    return copy


@pytest.mark.parametrize("name", sorted(WHOLE))
@given(data=st.data())
def test_a_whole_request_with_one_odd_value_is_refused_or_served(name: str, data: Any) -> None:
    at = data.draw(st.sampled_from(places(WHOLE[name])[1:]))
    body = replaced(WHOLE[name], at, data.draw(ODD))
    with suppress(BadRequest):
        prompt = formats.by_name(name).decode_request(body)
        for target in formats.FORMATS.values():
            target.encode_request(prompt, "m", Quirks())


QUIRKS = [
    Case("an effort that a model does not take", {"reasoning_effort": "max"}, {"reasoning_effort": "high"}, ("reasoning_effort",)),
    Case("an effort that it takes", {"reasoning_effort": "low"}, {"reasoning_effort": "low"}),
]  # fmt: skip


@pytest.mark.parametrize("case", QUIRKS, ids=lambda case: case.id)
def test_a_model_is_asked_for_an_effort_that_its_row_knows(case: Case) -> None:
    prompt = openai_chat.decode_request({"model": "m", "messages": [HI], **case.asked})
    quirks = Quirks(efforts=("low", "medium", "high"))
    check(case, openai_chat.encode_request(prompt, "sent", quirks))


def thinks(quirks: Quirks, **fields: Any) -> Encoded:
    prompt = openai_chat.decode_request({"model": "m", "messages": [HI], **fields})
    return anthropic_messages.encode_request(prompt, "sent", quirks)


def test_a_model_that_decides_itself_gets_the_effort() -> None:
    sent = thinks(Quirks(reasoning="adaptive"), reasoning_effort="low").body
    assert sent["thinking"] == {"type": "adaptive"}
    assert sent["output_config"] == {"effort": "low"}


def test_a_budget_stays_within_what_the_model_can_write() -> None:
    sent = thinks(Quirks(max_output_tokens=4096), reasoning_effort="high", max_tokens=100).body
    assert sent["thinking"]["budget_tokens"] == 4095
    assert sent["max_tokens"] == 4096


DETAIL = {"type": "reasoning.text", "text": "Hm", "signature": "s", "format": "anthropic-claude-v1"}
TAKES_BACK: list[tuple[str | None, JSONDict, tuple[str, ...]]] = [
    (None, {}, ("thinking",)),
    ("reasoning_content", {"reasoning_content": "Hm"}, ()),
    ("reasoning_details", {"reasoning_details": [DETAIL]}, ()),
]


@pytest.mark.parametrize(("field", "told", "dropped"), TAKES_BACK, ids=str)
def test_thoughts_go_back_in_the_field_that_the_row_names(
    field: Any, told: JSONDict, dropped: tuple[str, ...]
) -> None:
    thought = {"type": "thinking", "thinking": "Hm", "signature": "s"}
    turn = {"role": "assistant", "content": [thought, text("x")]}
    encoded = to_openai(Quirks(thoughts=field), messages=[HI, turn, HI])
    assert encoded.body["messages"][1] == {"role": "assistant", "content": "x"} | told
    assert encoded.dropped == dropped


def test_a_thought_that_amazon_signed_goes_nowhere_else() -> None:
    signature = signatures.wrap("s", "bedrock_converse", "anthropic_messages")
    thought = {"type": "thinking", "thinking": "Hm", "signature": signature}
    turn = {"role": "assistant", "content": [thought, text("x")]}
    encoded = to_openai(Quirks(thoughts="reasoning_details"), messages=[HI, turn, HI])
    assert encoded.body["messages"][1] == {"role": "assistant", "content": "x"}
    assert encoded.dropped == ("thinking",)


def test_a_model_that_does_not_think_is_not_asked_to() -> None:
    encoded = thinks(Quirks(reasoning="none"), reasoning_effort="high")
    assert "thinking" not in encoded.body
    assert encoded.dropped == ("reasoning_effort",)


@pytest.mark.parametrize("source", sorted(WHOLE))
@pytest.mark.parametrize("target", sorted(formats.FORMATS))
@given(value=ODD, name=st.sampled_from(["items", "field", "content", "parts", "cache", "role"]))
def test_a_message_says_nothing_in_the_words_by_which_a_format_remembers_its_own(
    source: str, target: str, value: Any, name: str
) -> None:
    """Extras are the client's to name: `items` is no record of items that another format read."""
    message = {"role": "user", "content": "hi"}
    for told in (message | {name: value}, message | {"items": [[{"type": "x"}, 1]], name: value}):
        body = {"model": "m", "max_tokens": 9, "messages": [told]}
        with suppress(BadRequest):
            prompt = formats.by_name(source).decode_request(body)
            sent = formats.by_name(target).encode_request(prompt, "m", Quirks()).body
            assert {"type": "x"} not in (sent.get("input") or [])


def test_a_budget_beyond_all_numbers_is_the_greatest_effort() -> None:
    sent = to_openai(thinking={"type": "enabled", "budget_tokens": 10**400}).body
    assert sent["reasoning_effort"] == "high"


# --- A server's own ways, for a request that is relayed ---------------------------------------

DEVELOPER = {"role": "developer", "content": "d"}
SAID = {"role": "user", "content": "a"}
TURNS = [
    SAID,
    {"role": "user", "content": [{"type": "text", "text": "b"}]},
    DEVELOPER | {"role": "system"},
]


@dataclass(frozen=True)
class Way:
    id: str
    quirks: Quirks
    asked: JSONDict
    sent: JSONDict


WAYS = [
    Way("nothing is known of the server", Quirks(), {"max_completion_tokens": 5, "messages": [DEVELOPER]}, {"max_completion_tokens": 5, "messages": [DEVELOPER]}),
    Way("a limit by its older name", Quirks(max_tokens_field="max_tokens"), {"max_completion_tokens": 5}, {"max_tokens": 5}),
    Way("a limit by its newer name", Quirks(max_tokens_field="max_completion_tokens"), {"max_tokens": 5}, {"max_completion_tokens": 5}),
    Way("of two limits the newer", Quirks(max_tokens_field="max_tokens"), {"max_completion_tokens": 5, "max_tokens": 7}, {"max_tokens": 5}),
    Way("a developer is the system", Quirks(developer_role=False), {"messages": [DEVELOPER, SAID]}, {"messages": [DEVELOPER | {"role": "system"}, SAID]}),
    Way("a developer stays one", Quirks(developer_role=True), {"messages": [DEVELOPER]}, {"messages": [DEVELOPER]}),
    Way("turns alternate", Quirks(alternate_roles=True), {"messages": TURNS}, {"messages": [DEVELOPER | {"role": "system"}, {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}]}),
    Way("texts in a row are one text", Quirks(alternate_roles=True), {"messages": [SAID, SAID]}, {"messages": [{"role": "user", "content": "a\n\na"}]}),
    Way("a parameter by another name", Quirks(renamed={"seed": "random_seed"}), {"seed": 7}, {"random_seed": 7}),
    Way("turns that alternate", Quirks(alternate_roles=True), {"messages": [SAID, {"role": "assistant", "content": "c"}]}, {"messages": [SAID, {"role": "assistant", "content": "c"}]}),
]  # fmt: skip


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.id)
def test_a_relayed_request_suits_the_server(way: Way) -> None:
    body = {"model": "m", "messages": [SAID], **way.asked}
    sent, _, dropped = openai_chat.readdress(body, "m", way.quirks)
    assert sent == {"model": "m", "messages": [SAID], **way.sent}
    assert dropped == ()
    assert (sent is body) == (sent == body)  # the very bytes are passed on where they suit


def test_who_does_not_know_stream_options_is_not_told_of_them() -> None:
    body = {"model": "m", "messages": [HI], "stream": True}
    options = {"include_usage": True, "include_obfuscation": False}
    mute = Quirks(include_usage=False)
    assert openai_chat.readdress(body | {"stream_options": options}, "m", mute) == (
        body, False, ("stream_options",),
    )  # fmt: skip
    encoded = to_openai_from_openai(mute, stream=True, stream_options=options)
    assert "stream_options" not in encoded.body
    assert encoded.dropped == ("stream_options",)


def to_openai_from_openai(quirks: Quirks, **fields: Any) -> Encoded:
    prompt = openai_chat.decode_request({"model": "m", "messages": [HI], **fields})
    return openai_chat.encode_request(prompt, "sent", quirks)


@pytest.mark.parametrize("given", ["call_Xk2vEwXa0pLq7mN3", "toolu_01A09q90qw90lq917835lq9", "é"])
def test_a_call_and_its_result_have_the_same_short_id_where_only_those_are_taken(
    given: str,
) -> None:
    def turns(id: str) -> list[JSONDict]:
        call = {"id": id, "type": "function", "function": {"name": "f", "arguments": "{}"}}
        return [
            SAID,
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": id, "content": "1"},
        ]

    quirks = Quirks(short_call_ids=True)
    short = {"model": "m", "messages": turns("D681PevKs")}
    assert openai_chat.readdress(short, "m", quirks)[0] is short
    sent, _, dropped = openai_chat.readdress({"model": "m", "messages": turns(given)}, "m", quirks)
    id = sent["messages"][2]["tool_call_id"]
    assert re.fullmatch("[A-Za-z0-9]{9}", id)
    assert sent["messages"] == turns(id)
    assert dropped == ()


def test_results_of_tools_stay_messages_of_their_own() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    turns = [
        SAID,
        {"role": "assistant", "content": "x", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": "1"},
        {"role": "tool", "tool_call_id": "d", "content": "2"},
    ]
    body = {"model": "m", "messages": turns}
    assert openai_chat.readdress(body, "m", Quirks(alternate_roles=True))[0] is body


def test_a_limit_is_what_the_model_can_write() -> None:
    prompt = anthropic_messages.decode_request({"model": "m", "max_tokens": 9000, "messages": [HI]})
    encoded = openai_chat.encode_request(prompt, "sent", Quirks(max_output_tokens=4096))
    assert encoded.body["max_tokens"] == 4096
    assert encoded.dropped == ("max_tokens",)


def test_a_thought_that_another_signed_is_not_relayed() -> None:
    foreign = {
        "type": "thinking",
        "thinking": "t",
        "signature": signatures.wrap("s", "gemini", "anthropic_messages"),
    }
    own, text = (
        {"type": "thinking", "thinking": "o", "signature": "Eo"},
        {"type": "text", "text": "a"},
    )
    body = {
        "model": "m",
        "max_tokens": 9,
        "messages": [
            HI,
            {"role": "assistant", "content": [foreign, text]},
            {"role": "assistant", "content": [foreign]},
            {"role": "assistant", "content": [own, text]},
        ],
    }
    sent, _, dropped = anthropic_messages.readdress(body, "m", Quirks())
    assert [turn["content"] for turn in sent["messages"]] == [HI["content"], [text], [own, text]]
    assert dropped == ("thinking",)


def test_a_conversation_of_ones_own_is_relayed_as_it_is() -> None:
    own = {"type": "thinking", "thinking": "o", "signature": "Eo"}
    body = {"model": "m", "max_tokens": 9, "messages": [{"role": "assistant", "content": [own]}]}
    assert anthropic_messages.readdress(body, "m", Quirks()) == (body, False, ())
    assert anthropic_messages.readdress(body, "m", Quirks())[0] is body
