"""Requests of Ollama's clients, and requests to its servers."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from gateway.errors import BadRequest, NotSupported
from gateway.formats import anthropic_messages, ollama_chat, openai_chat, wire
from gateway.formats.types import (
    Image,
    Message,
    OutputSchema,
    Prompt,
    Quirks,
    Reasoning,
    Text,
    Thinking,
    ToolCall,
    ToolChoice,
    ToolResult,
)

PNG = "iVBORw0KGgoAAAANSUhEUg=="
WEATHER = {"name": "weather", "description": "", "parameters": {"type": "object"}}
TOOL = {"type": "function", "function": WEATHER}


def body(*messages: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"model": "m", "messages": list(messages) or [{"role": "user", "content": "Hi"}], **more}


def call(name: str, **more: Any) -> dict[str, Any]:
    return {"function": {"name": name, "arguments": {"x": 1}}, **more}


HISTORY = body(
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "What is this?", "images": [PNG, "/9j/4AAQ"]},
    {
        "role": "assistant",
        "content": "",
        "thinking": "Hm.",
        "tool_calls": [call("a"), call("b"), call("a")],
    },
    {"role": "tool", "content": "of b", "tool_name": "b"},
    {"role": "tool", "content": "of a", "tool_name": "a"},
    {"role": "tool", "content": "of a again", "images": [PNG]},
)


def test_history_becomes_messages_with_ids_that_pair_results_with_calls() -> None:
    arguments = '{"x":1}'
    assert ollama_chat.decode_request(HISTORY).messages == (
        Message("system", (Text(text="Be brief."),)),
        Message(
            "user",
            (
                Text(text="What is this?"),
                Image(data=PNG, media_type="image/png"),
                Image(data="/9j/4AAQ", media_type="image/jpeg"),
            ),
        ),
        Message(
            "assistant",
            (
                Thinking(text="Hm."),
                ToolCall(id="call_2_0", name="a", arguments=arguments),
                ToolCall(id="call_2_1", name="b", arguments=arguments),
                ToolCall(id="call_2_2", name="a", arguments=arguments),
            ),
        ),
        Message("user", (ToolResult(call_id="call_2_1", content=(Text(text="of b"),)),)),
        Message("user", (ToolResult(call_id="call_2_0", content=(Text(text="of a"),)),)),
        Message(
            "user",
            (
                ToolResult(
                    call_id="call_2_2",
                    content=(Text(text="of a again"), Image(data=PNG, media_type="image/png")),
                ),
            ),
        ),
    )


def test_ids_that_are_told_are_kept() -> None:
    prompt = ollama_chat.decode_request(
        body(
            {
                "role": "assistant",
                "content": "",
                "tool_calls": [call("a", id="x"), call("a", id="y")],
            },
            {"role": "tool", "content": "of y", "tool_name": "a", "tool_call_id": "y"},
            {"role": "tool", "content": "of x", "tool_name": "a"},
        )
    )
    results = [part for message in prompt.messages[1:] for part in message.parts]
    assert [part.call_id for part in results if isinstance(part, ToolResult)] == ["y", "x"]


@dataclass(frozen=True)
class Case:
    id: str
    sent: dict[str, Any]
    expect: dict[str, Any]


CASES = [
    Case("a stream unless it says otherwise", {}, {"stream": True}),
    Case("no stream where it says so", {"stream": False}, {"stream": False}),
    Case("null is not false", {"stream": None}, {"stream": True}),
    Case("an empty format is none", {"format": ""}, {"output_schema": None}),
    Case("any JSON", {"format": "json"}, {"output_schema": OutputSchema()}),
    Case(
        "a schema",
        {"format": {"type": "object"}},
        {"output_schema": OutputSchema(schema={"type": "object"})},
    ),
    Case("no thinking", {"think": False}, {"reasoning": Reasoning(enabled=False)}),
    Case("thinking", {"think": True}, {"reasoning": Reasoning()}),
    Case("a level of thinking", {"think": "high"}, {"reasoning": Reasoning(effort="high")}),
    Case(
        "options are parameters, and further ones are kept by name",
        {
            "options": {
                "temperature": 0,
                "top_p": 0.5,
                "top_k": 3,
                "num_predict": 9,
                "stop": ["a"],
                "seed": 4,
                "presence_penalty": 1,
                "frequency_penalty": 2.5,
                "num_ctx": 4096,
            },
            "keep_alive": "5m",
            "truncate": None,
        },
        {
            "temperature": 0,
            "top_p": 0.5,
            "top_k": 3,
            "max_tokens": 9,
            "stop": ("a",),
            "seed": 4,
            "presence_penalty": 1,
            "frequency_penalty": 2.5,
            "extras": {"options.num_ctx": 4096, "keep_alive": "5m"},
        },
    ),
    Case(
        "without end is no limit",
        {"options": {"num_predict": -1}},
        {"max_tokens": None, "extras": {"options.num_predict": -1}},
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_decode_request(case: Case) -> None:
    prompt = ollama_chat.decode_request(body(**case.sent))
    assert {name: getattr(prompt, name) for name in case.expect} == case.expect


@dataclass(frozen=True)
class Refused:
    id: str
    sent: dict[str, Any]
    param: str


REFUSED = [
    Refused("no model", {"messages": []}, "model"),
    Refused("no messages", {"model": "m", "messages": []}, "messages"),
    Refused("an unknown role", body({"role": "king", "content": ""}), "messages[0].role"),
    Refused("content in parts", body({"role": "user", "content": []}), "messages[0].content"),
    Refused(
        "an image that is no text",
        body({"role": "user", "content": "", "images": [1]}),
        "messages[0].images",
    ),
    Refused(
        "arguments that are no object",
        body({"role": "assistant", "tool_calls": [{"function": {"name": "a", "arguments": 1}}]}),
        "messages[0].tool_calls[0].function.arguments",
    ),
    Refused("a number of options", body(options=1), "options"),
    Refused("a hot temperature", body(options={"temperature": "hot"}), "options.temperature"),
    Refused("half a limit", body(options={"num_predict": 0.5}), "options.num_predict"),
    Refused("a format of another name", body(format="xml"), "format"),
    Refused("a level of no such name", body(think="hard"), "think"),
]


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.id)
def test_wrong_requests_are_refused_by_field(case: Refused) -> None:
    with pytest.raises(BadRequest) as refused:
        ollama_chat.decode_request(case.sent)
    assert refused.value.param == case.param


def test_a_call_without_messages_may_load_a_model_where_it_is_relayed() -> None:
    ollama_chat.check_request({"model": "m", "keep_alive": 0})


def test_same_format_keeps_everything() -> None:
    sent = body(
        {"role": "user", "content": "Hi", "images": [PNG], "later": 1},
        {
            "role": "assistant",
            "content": "",
            "thinking": "Hm.",
            "tool_calls": [
                {
                    "id": "c",
                    "function": {"index": 0, "name": "a", "arguments": {"x": 1.0}},
                    "new": 2,
                }
            ],
        },
        {"role": "tool", "content": "1", "tool_name": "a", "tool_call_id": "c"},
        {"role": "tool", "content": "2", "tool_name": "unasked", "tool_call_id": "d"},
        stream=False,
        tools=[{"type": "function", "function": WEATHER | {"new": True}}],
        format={"type": "object"},
        think=True,
        options={"temperature": 0, "num_predict": -2, "num_ctx": 8, "stop": ["a", "b"]},
        keep_alive=-1,
    )
    encoded = ollama_chat.encode_request(ollama_chat.decode_request(sent), "m", Quirks())
    assert encoded.body == sent
    assert encoded.dropped == ()


@pytest.mark.parametrize("think", [True, False, "low"])
def test_same_format_keeps_how_much_to_think(think: Any) -> None:
    asked = ollama_chat.decode_request(body(think=think))
    assert ollama_chat.encode_request(asked, "m", Quirks()).body["think"] == think


def prompt(*messages: Message, **more: Any) -> Prompt:
    said = messages or (Message("user", (Text(text="Hi"),)),)
    return Prompt(format="openai_chat", model="x", messages=said, **more)


@dataclass(frozen=True)
class Sent:
    id: str
    prompt: Prompt
    expect: dict[str, Any]
    dropped: tuple[str, ...] = ()
    quirks: Quirks = field(default_factory=Quirks)


SENT = [
    Sent("what is no stream says so", prompt(), {"stream": False}),
    Sent(
        "parameters are options",
        prompt(max_tokens=5, stop=("a",), top_k=1),
        {"options": {"num_predict": 5, "stop": ["a"], "top_k": 1}},
    ),
    Sent(
        "a row's unsupported option is left out",
        prompt(seed=1, top_k=1),
        {"options": {"top_k": 1}},
        ("seed",),
        Quirks(unsupported=("seed",)),
    ),
    Sent(
        "a model that nothing is known of thinks unasked or not at all",
        prompt(reasoning=Reasoning(effort="high")),
        {},
        ("reasoning_effort",),
    ),
    Sent(
        "an effort is thinking, where a model knows no levels",
        prompt(reasoning=Reasoning(effort="high")),
        {"think": True},
        ("reasoning_effort",),
        Quirks(reasoning="adaptive"),
    ),
    Sent(
        "an effort is a level, where the row says so",
        prompt(reasoning=Reasoning(effort="high")),
        {"think": "high"},
        (),
        Quirks(reasoning="effort"),
    ),
    Sent(
        "the nearest level",
        prompt(reasoning=Reasoning(effort="max")),
        {"think": "high"},
        ("reasoning_effort",),
        Quirks(reasoning="effort"),
    ),
    Sent(
        "a budget is thinking",
        prompt(reasoning=Reasoning(budget_tokens=4096)),
        {"think": True},
        ("thinking.budget_tokens",),
        Quirks(reasoning="budget"),
    ),
    Sent("off is off", prompt(reasoning=Reasoning(enabled=False)), {"think": False}),
    Sent(
        "a model that does not think is not asked to",
        prompt(reasoning=Reasoning(effort="low")),
        {},
        ("reasoning_effort",),
        Quirks(reasoning="none"),
    ),
    Sent(
        "JSON of any kind",
        prompt(output_schema=OutputSchema()),
        {"format": "json"},
    ),
    Sent(
        "what only others know is dropped by name",
        prompt(user="u", service_tier="flex", parallel_tool_calls=False, extras={"logit_bias": {}}),
        {},
        ("parallel_tool_calls", "user", "service_tier", "logit_bias"),
    ),
    Sent(
        "texts of a turn, an error, and thoughts that others signed",
        prompt(
            Message("developer", (Text(text="a"), Text(text="b"))),
            Message(
                "assistant",
                (
                    Thinking(text="Hm", signature="s", signed_by="anthropic_messages"),
                    ToolCall(id="c", name="f", arguments="not JSON"),
                ),
            ),
            Message("user", (ToolResult(call_id="c", content=(Text(text="no"),), is_error=True),)),
        ),
        {
            "messages": [
                {"role": "system", "content": "a\nb"},
                {
                    "role": "assistant",
                    "content": "",
                    "thinking": "Hm",
                    "tool_calls": [
                        {
                            "id": "c",
                            "function": {
                                "index": 0,
                                "name": "f",
                                "arguments": {"_unparsed": "not JSON"},
                            },
                        }
                    ],
                },
                {"role": "tool", "content": "Error: no", "tool_name": "f", "tool_call_id": "c"},
            ]
        },
        ("thinking.signature",),
    ),
]


@pytest.mark.parametrize("case", SENT, ids=lambda case: case.id)
def test_encode_request(case: Sent) -> None:
    encoded = ollama_chat.encode_request(case.prompt, "m", case.quirks)
    plain = {"messages": [{"role": "user", "content": "Hi"}], "stream": False}
    assert encoded.body == {"model": "m", **plain, **case.expect}
    assert encoded.dropped == case.dropped


def tools(choice: ToolChoice) -> Prompt:
    sent = openai_chat.decode_request(body(tools=[TOOL, {"function": WEATHER | {"name": "b"}}]))
    return prompt(tools=sent.tools, tool_choice=choice)


def test_tools_are_narrowed_by_leaving_them_out() -> None:
    allowed = ollama_chat.encode_request(tools(ToolChoice("auto", allowed=("b",))), "m", Quirks())
    assert [tool["function"]["name"] for tool in allowed.body["tools"]] == ["b"]
    none = ollama_chat.encode_request(tools(ToolChoice("none")), "m", Quirks())
    assert "tools" not in none.body


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        (tools(ToolChoice("required")), "tool_choice"),
        (tools(ToolChoice("named", "weather")), "tool_choice"),
        (prompt(n=2), "n"),
        (prompt(extras={"web_search_options": {"a": 1}}), "web_search_options"),
        (prompt(Message("user", (Image(url="https://example.com/a.png"),))), "messages"),
    ],
    ids=["a call that must be", "a certain call", "two answers", "a search", "an address"],
)
def test_what_would_mean_something_else_is_refused(asked: Prompt, param: str) -> None:
    with pytest.raises(NotSupported) as refused:
        ollama_chat.encode_request(asked, "m", Quirks())
    assert refused.value.param == param


@pytest.mark.parametrize("other", [openai_chat, anthropic_messages], ids=lambda module: module.NAME)
def test_history_survives_another_format(other: Any) -> None:
    prompt = ollama_chat.decode_request(HISTORY)
    there = other.encode_request(prompt, "m", Quirks()).body
    back = other.decode_request(wire.loads(wire.dumps(there)))
    calls = [p for m in back.messages for p in m.parts if isinstance(p, ToolCall)]
    assert calls == [p for p in prompt.messages[2].parts if isinstance(p, ToolCall)]
    results = [p for m in back.messages for p in m.parts if isinstance(p, ToolResult)]
    assert [result.call_id for result in results] == ["call_2_1", "call_2_0", "call_2_2"]


def test_wants_reads_what_is_not_checked_yet() -> None:
    assert ollama_chat.wants("/api/chat", {}) == ("", True)
    assert ollama_chat.wants("/api/chat", {"model": "m", "stream": False}) == ("m", False)
