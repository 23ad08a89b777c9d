"""Requests to Cohere, and back."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from gateway.errors import BadRequest, NotSupported
from gateway.formats import anthropic_messages, cohere_chat, openai_chat, wire
from gateway.formats.types import (
    Audio,
    Citation,
    File,
    Image,
    Message,
    OutputSchema,
    Part,
    Prompt,
    Quirks,
    Reasoning,
    RedactedThinking,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)

CITATION = {
    "start": 0,
    "end": 4,
    "text": "Dock",
    "sources": [{"type": "document", "id": "d", "document": {"id": "d", "text": "Dock Seven"}}],
    "type": "TEXT_CONTENT",
    "content_index": 1,
}
PLAN_CITATION = {"start": 0, "end": 1, "text": "I", "sources": [], "type": "PLAN"}
SCHEMA = {"type": "object", "properties": {"x": {"type": "integer"}}}
# Every field, and some that are not there yet.
WHOLE: dict[str, Any] = {
    "model": "m",
    "messages": [
        {"role": "system", "content": "Be brief."},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is this?"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
                {"type": "image_url", "image_url": {"url": "https://e.com/a", "detail": "low"}},
            ],
            "later": 1,
        },
        {
            "role": "assistant",
            "tool_plan": "I will look.",
            "tool_calls": [
                {
                    "id": "c",
                    "type": "function",
                    "function": {"name": "f", "arguments": '{"x" : 1}'},
                    "later": 2,
                }
            ],
            "citations": [PLAN_CITATION],
        },
        {
            "role": "tool",
            "tool_call_id": "c",
            "content": [
                {"type": "document", "document": {"id": "d", "data": {"text": "a", "by": "b"}}},
                {"type": "document", "document": {"data": "plain"}},
            ],
        },
        {
            "role": "assistant",
            "content": [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "Dock."}],
            "citations": [CITATION],
        },
        {"role": "user", "content": "Thanks"},
    ],
    "stream": True,
    "tools": [{"type": "function", "function": {"name": "f", "parameters": SCHEMA, "later": 3}}],
    "strict_tools": True,
    "tool_choice": "REQUIRED",
    "documents": ["a", {"id": "d", "data": {"text": "b"}}],
    "citation_options": {"mode": "FAST"},
    "response_format": {"type": "json_object", "json_schema": SCHEMA},
    "safety_mode": "OFF",
    "max_tokens": 9,
    "stop_sequences": ["a"],
    "temperature": 0.3,
    "seed": 1,
    "frequency_penalty": 0.5,
    "presence_penalty": 0,
    "k": 5,
    "p": 0.7,
    "logprobs": True,
    "thinking": {"type": "enabled", "token_budget": 100},
}


def test_same_format_keeps_everything() -> None:
    encoded = cohere_chat.encode_request(cohere_chat.decode_request(WHOLE), "m", Quirks())
    assert encoded.body == WHOLE
    assert encoded.dropped == ()


def test_what_a_request_means() -> None:
    prompt = cohere_chat.decode_request(WHOLE)
    assert [message.role for message in prompt.messages] == [
        "system", "user", "assistant", "user", "assistant", "user",
    ]  # fmt: skip
    plan, call = prompt.messages[2].parts
    assert isinstance(plan, Thinking)
    assert plan.text == "I will look."
    assert isinstance(call, ToolCall)
    assert (call.id, call.name, call.arguments) == ("c", "f", '{"x" : 1}')
    (result,) = prompt.messages[3].parts
    assert isinstance(result, ToolResult)
    assert [part.text for part in result.content if isinstance(part, File)] == ["a", "plain"]
    thought, text = prompt.messages[4].parts
    assert thought == Thinking(text="Hm.")
    assert text == Text(
        text="Dock.",
        citations=(Citation(format="cohere_chat", value=CITATION, start=0, end=4),),
    )
    assert (prompt.top_p, prompt.top_k, prompt.stop) == (0.7, 5, ("a",))
    assert prompt.reasoning == Reasoning(budget_tokens=100)
    assert prompt.tool_choice == ToolChoice("required")
    assert prompt.tools == (Tool("f", None, SCHEMA, strict=True, extras={"later": 3}),)


@dataclass(frozen=True)
class Refused:
    id: str
    sent: dict[str, Any]
    param: str


def said(**message: Any) -> dict[str, Any]:
    return {"messages": [{"role": "assistant", **message}]}


REFUSED = [
    Refused("no messages", {"messages": []}, "messages"),
    Refused("a role of no such name", said(role="king"), "messages[0].role"),
    Refused("a result of no call", said(role="tool", content=""), "messages[0].tool_call_id"),
    Refused("a number for content", said(content=1), "messages[0].content"),
    Refused("a part of no type", said(content=[{}]), "messages[0].content[0].type"),
    Refused("a document that is text", said(content=[{"type": "document", "document": "a"}]),
            "messages[0].content[0].document"),
    Refused("a call without a name", said(tool_calls=[{"id": "c", "function": {}}]),
            "messages[0].tool_calls[0].function.name"),
    Refused("arguments as an object",
            said(tool_calls=[{"id": "c", "function": {"name": "f", "arguments": {}}}]),
            "messages[0].tool_calls[0].function.arguments"),
    Refused("another's tool choice", {"tool_choice": "auto"}, "tool_choice"),
    Refused("another's format", {"response_format": {"type": "json_schema"}},
            "response_format.type"),
    Refused("thinking of no type", {"thinking": {}}, "thinking.type"),
    Refused("no room at all", {"max_tokens": 0}, "max_tokens"),
    Refused("a word for a number", {"p": "most"}, "p"),
]  # fmt: skip


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.id)
def test_wrong_requests_are_refused_by_field(case: Refused) -> None:
    plain = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}
    with pytest.raises(BadRequest) as refused:
        cohere_chat.decode_request(plain | case.sent)
    assert refused.value.param == case.param


def prompt(*parts: Part, role: Any = "user", format: str = "openai_chat", **more: Any) -> Prompt:
    messages = (Message(role, parts or (Text(text="Hi"),)),)
    return Prompt(format=format, model="x", messages=messages, **more)


F, G = Tool("f", strict=True), Tool("g", "G", SCHEMA)
EMPTY = {"type": "object", "properties": {}}
SENT_F = {"type": "function", "function": {"name": "f", "parameters": EMPTY}}
SENT_G = {"type": "function", "function": {"name": "g", "description": "G", "parameters": SCHEMA}}
CALL = ToolCall(id="c", name="f", arguments="")
THINKS = Quirks(reasoning="budget")
SENT_CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def turn(**message: Any) -> dict[str, Any]:
    return {"messages": [{"role": "assistant", **message}]}


@dataclass(frozen=True)
class Sent:
    id: str
    prompt: Prompt
    expect: dict[str, Any]
    dropped: tuple[str, ...] = ()
    quirks: Quirks = field(default_factory=Quirks)


SENT = [
    Sent("a message", prompt(), {}),
    Sent("sampling has other names", prompt(top_p=0.5, top_k=2, stop=("a",), seed=0),
         {"p": 0.5, "k": 2, "stop_sequences": ["a"], "seed": 0}),
    Sent("penalties go from 0 to 1",
         prompt(presence_penalty=-1.5, frequency_penalty=2),
         {"presence_penalty": 0, "frequency_penalty": 1},
         ("presence_penalty", "frequency_penalty")),
    Sent("all is nearly all", prompt(top_p=1, top_k=900), {"p": 0.99, "k": 500},
         ("top_p", "top_k")),
    Sent("a limit above the model's own", prompt(max_tokens=9), {"max_tokens": 8},
         ("max_tokens",), Quirks(max_output_tokens=8)),
    Sent("what a row says is refused", prompt(seed=1), {}, ("seed",),
         Quirks(unsupported=("seed",))),
    Sent("one certain tool is the only one, and a must",
         prompt(tools=(F, G), tool_choice=ToolChoice("named", "g")),
         {"tools": [SENT_G], "tool_choice": "REQUIRED"}),
    Sent("narrowed tools",
         prompt(tools=(F, G), tool_choice=ToolChoice("required", allowed=("f",))),
         {"tools": [SENT_F], "tool_choice": "REQUIRED", "strict_tools": True}),
    Sent("no tool", prompt(tools=(G,), tool_choice=ToolChoice("none")),
         {"tools": [SENT_G], "tool_choice": "NONE"}),
    Sent("as the model likes", prompt(tools=(G,), tool_choice=ToolChoice("auto")),
         {"tools": [SENT_G]}),
    Sent("strict is said of all tools at once", prompt(tools=(F, G)),
         {"tools": [SENT_F, SENT_G]}, ("tools.strict",)),
    Sent("JSON of any kind", prompt(output_schema=OutputSchema()),
         {"response_format": {"type": "json_object"}}),
    Sent("JSON by a schema", prompt(output_schema=OutputSchema("n", SCHEMA, True)),
         {"response_format": {"type": "json_object", "json_schema": SCHEMA}}),
    Sent("an effort is a budget", prompt(reasoning=Reasoning(effort="low")),
         {"thinking": {"type": "enabled", "token_budget": 2048}}, (), THINKS),
    Sent("as much as it likes", prompt(reasoning=Reasoning(adaptive=True)),
         {"thinking": {"type": "enabled"}}, (), THINKS),
    Sent("no thinking", prompt(reasoning=Reasoning(enabled=False)),
         {"thinking": {"type": "disabled"}}, (), THINKS),
    Sent("a model that cannot think", prompt(reasoning=Reasoning(effort="low")), {},
         ("reasoning_effort",), Quirks(reasoning="none")),
    Sent("what nobody here knows",
         prompt(user="u", service_tier="x", parallel_tool_calls=False, extras={"logit_bias": {}}),
         {}, ("parallel_tool_calls", "user", "service_tier", "logit_bias")),
    Sent("thinking before calls is the plan", prompt(Thinking(text="Hm"), CALL, role="assistant"),
         turn(tool_plan="Hm", tool_calls=[SENT_CALL])),
    Sent("thinking before words is content",
         prompt(Thinking(text="Hm", signature="s"), Text(text="a"), role="assistant"),
         turn(content=[{"type": "thinking", "thinking": "Hm"}, {"type": "text", "text": "a"}]),
         ("thinking.signature",), THINKS),
    Sent("a signature alone says nothing",
         prompt(Thinking(text="", signature="s"), Text(text="a"), role="assistant"),
         turn(content=[{"type": "text", "text": "a"}]), ("thinking.signature",), THINKS),
    Sent("thinking for a model that has none",
         prompt(Thinking(text="Hm"), Text(text="a"), role="assistant"),
         turn(content=[{"type": "text", "text": "a"}]), ("thinking",)),
    Sent("a model that nothing is known of is not asked",
         prompt(reasoning=Reasoning(budget_tokens=9)), {}, ("reasoning_effort",)),
    Sent("thinking that none can read", prompt(RedactedThinking(data="x"), role="assistant"),
         turn(content=[{"type": "text", "text": ""}]), ("thinking",)),
    Sent("a result with a document, a picture and a failure",
         prompt(ToolResult(call_id="c", is_error=True, content=(
             Text(text="no"), File(text="a", name="n"), Image(url="https://e.com/a")))),
         {"messages": [
             {"role": "tool", "tool_call_id": "c", "content": [
                 {"type": "text", "text": "Error:"}, {"type": "text", "text": "no"},
                 {"type": "document", "document": {"data": {"text": "a", "title": "n"}}}]},
             {"role": "user", "content": [
                 {"type": "text", "text": "Content returned by tool call c:"},
                 {"type": "image_url", "image_url": {"url": "https://e.com/a"}}]}]}),
    Sent("a text document of the user's is what the user says",
         prompt(File(text="a", name="n")),
         {"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}]}]}),
]  # fmt: skip


@pytest.mark.parametrize("case", SENT, ids=lambda case: case.id)
def test_encode_request(case: Sent) -> None:
    encoded = cohere_chat.encode_request(case.prompt, "m", case.quirks)
    plain = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}
    assert encoded.body == plain | case.expect
    assert encoded.dropped == case.dropped


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        (prompt(n=2), "n"),
        (prompt(format="anthropic_messages", extras={"mcp_servers": [1]}), "mcp_servers"),
        (prompt(Audio(data="", encoding="mp3")), "messages"),
        (prompt(File(data="AAAA", media_type="application/pdf")), "messages"),
        (prompt(ToolResult(call_id="c", content=(File(data="AAAA"),))), "messages"),
        (prompt(Image(data="AAAA"), role="system"), "messages"),
    ],
    ids=["two answers", "searches", "audio", "a document", "a tool's document", "a system's image"],
)
def test_what_would_mean_something_else_is_refused(asked: Prompt, param: str) -> None:
    with pytest.raises(NotSupported) as refused:
        cohere_chat.encode_request(asked, "m", Quirks())
    assert refused.value.param == param


def test_a_choice_of_no_tool_is_refused() -> None:
    asked = prompt(tools=(F,), tool_choice=ToolChoice("named", "g"))
    with pytest.raises(BadRequest) as refused:
        cohere_chat.encode_request(asked, "m", Quirks())
    assert refused.value.param == "tool_choice"


@pytest.mark.parametrize("other", [openai_chat, anthropic_messages], ids=lambda module: module.NAME)
def test_a_conversation_survives_this_format(other: Any) -> None:
    """Calls and results, as they come from a client and as Cohere would read them."""
    prompt = cohere_chat.decode_request(WHOLE | {"tool_choice": None})
    there = other.encode_request(prompt, "m", Quirks()).body
    asked = other.decode_request(wire.loads(wire.dumps(there)))
    again = cohere_chat.decode_request(cohere_chat.encode_request(asked, "m", Quirks()).body)
    for said in (asked, again):
        parts = [part for message in said.messages for part in message.parts]
        (call,) = (part for part in parts if isinstance(part, ToolCall))
        assert (call.id, call.name) == ("c", "f")
        assert wire.loads(call.arguments) == {"x": 1}
        assert [part.call_id for part in parts if isinstance(part, ToolResult)] == ["c"]
