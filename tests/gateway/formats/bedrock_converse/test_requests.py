"""Requests to Bedrock: what leaves for each thing that a client of another format may ask."""

import base64
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BadRequest, NotSupported
from gateway.formats import anthropic_messages, bedrock_converse, openai_chat
from gateway.formats.types import JSONDict, Quirks

HELLO: JSONDict = {"role": "user", "content": "Hello"}
TOLD: JSONDict = {"role": "user", "content": [{"text": "Hello"}]}
SCHEMA: JSONDict = {"type": "object", "properties": {"city": {"type": "string"}}}
WEATHER: JSONDict = {
    "type": "function",
    "function": {"name": "weather", "description": "Of a city", "parameters": SCHEMA},
}
SPEC: JSONDict = {
    "toolSpec": {"name": "weather", "description": "Of a city", "inputSchema": {"json": SCHEMA}}
}
CALLED: JSONDict = {
    "role": "assistant",
    "content": None,
    "tool_calls": [
        {
            "id": "c1",
            "type": "function",
            "function": {"name": "weather", "arguments": '{"city": "Bern"}'},
        }
    ],
}
RESULT: JSONDict = {"role": "tool", "tool_call_id": "c1", "content": "rain"}
USED: JSONDict = {"toolUse": {"toolUseId": "c1", "name": "weather", "input": {"city": "Bern"}}}
GIVEN: JSONDict = {"toolResult": {"toolUseId": "c1", "content": [{"text": "rain"}]}}
PNG = "iVBORw0KGgo="


@dataclass(frozen=True)
class Case:
    """`asked` is OpenAI's, or Anthropic's where it has `max_tokens` and no `messages`' text."""

    id: str
    asked: JSONDict
    sent: JSONDict
    dropped: tuple[str, ...] = ()
    quirks: Quirks = field(default_factory=Quirks)


def chat(*messages: JSONDict, **fields: Any) -> JSONDict:
    return {"model": "m", "messages": list(messages or [HELLO]), **fields}


def anthropic(*content: JSONDict | str, **fields: Any) -> JSONDict:
    blocks = [{"type": "text", "text": c} if isinstance(c, str) else c for c in content]
    turn = {"role": "user", "content": blocks or "Hello"}
    return {"model": "m", "max_tokens": 100, "messages": [turn], **fields}


OPENAI = [
    Case("a text", chat(), {"messages": [TOLD]}),
    Case(
        "messages of one role in a row become one, results first",
        chat(HELLO, CALLED, {"role": "user", "content": "And?"}, tools=[WEATHER])
        | {"messages": [HELLO, CALLED, {"role": "user", "content": "And?"}, RESULT]},
        {
            "messages": [
                TOLD,
                {"role": "assistant", "content": [USED]},
                {"role": "user", "content": [GIVEN, {"text": "And?"}]},
            ],
            "toolConfig": {"tools": [SPEC]},
        },
    ),
    Case(
        "system messages become system, wherever they stood",
        chat(HELLO, {"role": "system", "content": "Be brief"}),
        {"messages": [TOLD], "system": [{"text": "Be brief"}]},
    ),
    Case(
        "an empty text is left out",
        chat({"role": "user", "content": ""}, HELLO),
        {"messages": [TOLD]},
    ),
    Case(
        "sampling",
        chat(max_tokens=9, temperature=1.5, top_p=0.5, stop=["\n", ""]),
        {
            "messages": [TOLD],
            "inferenceConfig": {
                "maxTokens": 9,
                "temperature": 1,
                "topP": 0.5,
                "stopSequences": ["\n"],
            },
            "additionalModelResponseFieldPaths": ["/stop_sequence", "/delta/stop_sequence"],
        },
        ("temperature",),
    ),
    Case(
        "what Bedrock has no word for is named",
        chat(seed=1, user="u", presence_penalty=1, parallel_tool_calls=False, logprobs=True),
        {"messages": [TOLD]},
        ("seed", "presence_penalty", "user", "parallel_tool_calls", "logprobs"),
    ),
    Case(
        "any tool",
        chat(tools=[WEATHER], tool_choice="required"),
        {"messages": [TOLD], "toolConfig": {"tools": [SPEC], "toolChoice": {"any": {}}}},
    ),
    Case(
        "a named tool",
        chat(
            tools=[WEATHER],
            tool_choice={"type": "function", "function": {"name": "weather"}},
        ),
        {
            "messages": [TOLD],
            "toolConfig": {"tools": [SPEC], "toolChoice": {"tool": {"name": "weather"}}},
        },
    ),
    Case(
        "no tool: none is offered",
        chat(tools=[WEATHER], tool_choice="none"),
        {"messages": [TOLD]},
    ),
    Case(
        "a schema goes as a string",
        chat(
            response_format={
                "type": "json_schema",
                "json_schema": {"name": "city", "schema": SCHEMA},
            }
        ),
        {
            "messages": [TOLD],
            "outputConfig": {
                "textFormat": {
                    "type": "json_schema",
                    "structure": {
                        "jsonSchema": {
                            "name": "city",
                            "schema": '{"type":"object","properties":{"city":{"type":"string"}}}',
                        }
                    },
                }
            },
        },
    ),
    Case(
        "an effort becomes Claude's budget, with room for the answer",
        chat(reasoning_effort="low", max_tokens=100, temperature=0.5),
        {
            "messages": [TOLD],
            "inferenceConfig": {"maxTokens": 2148},
            "additionalModelRequestFields": {
                "thinking": {"type": "enabled", "budget_tokens": 2048}
            },
        },
        ("temperature",),
    ),
    Case(
        "an effort as it is",
        chat(reasoning_effort="low"),
        {"messages": [TOLD], "additionalModelRequestFields": {"reasoning_effort": "low"}},
        quirks=Quirks(reasoning="effort"),
    ),
    Case(
        "an effort of a model that decides itself",
        chat(reasoning_effort="minimal"),
        {
            "messages": [TOLD],
            "additionalModelRequestFields": {"thinking": {"type": "adaptive"}},
            "outputConfig": {"effort": "low"},
        },
        quirks=Quirks(reasoning="adaptive"),
    ),
    Case(
        "an effort of a model that does not think",
        chat(reasoning_effort="low"),
        {"messages": [TOLD]},
        ("reasoning_effort",),
        quirks=Quirks(reasoning="none"),
    ),
    Case(
        "a forced tool goes before thinking",
        chat(tools=[WEATHER], tool_choice="required", reasoning_effort="low"),
        {"messages": [TOLD], "toolConfig": {"tools": [SPEC], "toolChoice": {"any": {}}}},
        ("reasoning_effort",),
    ),
    Case(
        "what the row says that the model refuses",
        chat(temperature=0.5, tools=[WEATHER], tool_choice="auto"),
        {"messages": [TOLD], "toolConfig": {"tools": [SPEC]}},
        ("temperature", "tool_choice"),
        quirks=Quirks(unsupported=("temperature", "tool_choice", "top_p")),
    ),
    Case(
        "a service tier",
        chat(service_tier="flex"),
        {"messages": [TOLD], "serviceTier": {"type": "flex"}},
    ),
    Case("no service tier in particular", chat(service_tier="auto"), {"messages": [TOLD]}),
]


@pytest.mark.parametrize("case", OPENAI, ids=lambda case: case.id)
def test_what_openais_clients_ask_leaves_as(case: Case) -> None:
    prompt = openai_chat.decode_request(case.asked)
    encoded = bedrock_converse.encode_request(prompt, "m", case.quirks)
    assert encoded.body == case.sent
    assert encoded.dropped == case.dropped


@pytest.mark.parametrize("fields", [{}, {"tools": [WEATHER], "tool_choice": "none"}], ids=str)
def test_a_history_of_tools_needs_a_tool_that_cannot_be_called(fields: JSONDict) -> None:
    prompt = openai_chat.decode_request(chat(HELLO, CALLED, RESULT, **fields))
    config = bedrock_converse.encode_request(prompt, "m", Quirks()).body["toolConfig"]
    assert [tool["toolSpec"]["name"] for tool in config["tools"]] == ["no_tool_available"]
    assert "toolChoice" not in config


def told(*blocks: JSONDict, **fields: Any) -> JSONDict:
    turn = {"role": "user", "content": list(blocks)}
    return {"messages": [turn], "inferenceConfig": {"maxTokens": 100}, **fields}


def document(name: str, **source: Any) -> JSONDict:
    source = source or {"type": "base64", "media_type": "application/pdf", "data": "JVBERg=="}
    return {"type": "document", "title": name, "source": source}


def pdf(name: str, **fields: Any) -> JSONDict:
    return {"document": {"format": "pdf", "name": name, "source": {"bytes": "JVBERg=="}} | fields}


EPHEMERAL = {"type": "ephemeral"}
POINT: JSONDict = {"cachePoint": {"type": "default"}}

ANTHROPICS = [
    Case(
        "an image",
        anthropic(
            {
                "type": "image",
                "source": {"type": "base64", "media_type": "image/jpeg", "data": PNG},
            }
        ),
        told({"image": {"format": "jpeg", "source": {"bytes": PNG}}}),
    ),
    Case(
        "names of documents are made to fit, and each is another",
        anthropic(document("the_report.v2.pdf"), document("the report v2 pdf"), document("…")),
        told(pdf("the report v2 pdf"), pdf("the report v2 pdf (2)"), pdf("document")),
    ),
    Case(
        "a document is cited where that is asked",
        anthropic(document("d") | {"citations": {"enabled": True}, "context": "A manual"}),
        told(pdf("d", citations={"enabled": True}, context="A manual")),
    ),
    Case(
        "a text document goes as bytes, which every model takes",
        anthropic(document("notes", type="text", media_type="text/plain", data="Grüezi")),
        told(
            {
                "document": {
                    "format": "txt",
                    "name": "notes",
                    "source": {"bytes": base64.b64encode("Grüezi".encode()).decode()},
                }
            }
        ),
    ),
    Case(
        "a cache hint is a point after its block",
        anthropic(
            {"type": "text", "text": "a", "cache_control": EPHEMERAL},
            {"type": "text", "text": "b", "cache_control": EPHEMERAL | {"ttl": "1h"}},
            system=[{"type": "text", "text": "s", "cache_control": EPHEMERAL}],
            tools=[{"name": "weather", "input_schema": SCHEMA, "cache_control": EPHEMERAL}],
        ),
        told(
            {"text": "a"},
            POINT,
            {"text": "b"},
            {"cachePoint": {"type": "default", "ttl": "1h"}},
            system=[{"text": "s"}, POINT],
            toolConfig={
                "tools": [
                    {"toolSpec": {"name": "weather", "inputSchema": {"json": SCHEMA}}},
                    POINT,
                ]
            },
        ),
    ),
    Case(
        "a model that has no cache is given no points",
        anthropic({"type": "text", "text": "a", "cache_control": EPHEMERAL}),
        told({"text": "a"}),
        ("cache_control",),
        quirks=Quirks(unsupported=("cache_control",)),
    ),
    Case(
        "a tool that failed",
        anthropic(
            {
                "type": "tool_result",
                "tool_use_id": "c1",
                "is_error": True,
                "content": [
                    {"type": "text", "text": "no"},
                    {
                        "type": "image",
                        "source": {"type": "base64", "media_type": "image/png", "data": PNG},
                    },
                ],
            },
            tools=[{"name": "weather", "input_schema": SCHEMA}],
        ),
        told(
            {
                "toolResult": {
                    "toolUseId": "c1",
                    "content": [
                        {"text": "no"},
                        {"image": {"format": "png", "source": {"bytes": PNG}}},
                    ],
                    "status": "error",
                }
            },
            toolConfig={
                "tools": [{"toolSpec": {"name": "weather", "inputSchema": {"json": SCHEMA}}}]
            },
        ),
    ),
    Case(
        "thinking with a budget, and how many words to choose among",
        anthropic(thinking={"type": "enabled", "budget_tokens": 4096}, top_k=5),
        told(
            {"text": "Hello"},
            inferenceConfig={"maxTokens": 4196},
            additionalModelRequestFields={"thinking": {"type": "enabled", "budget_tokens": 4096}},
        ),
        ("top_k",),
    ),
    Case(
        "how many words to choose among, without thinking",
        anthropic(top_k=5, metadata={"user_id": "u"}),
        told({"text": "Hello"}, additionalModelRequestFields={"top_k": 5}),
        ("user",),
    ),
]


@pytest.mark.parametrize("case", ANTHROPICS, ids=lambda case: case.id)
def test_what_anthropics_clients_ask_leaves_as(case: Case) -> None:
    prompt = anthropic_messages.decode_request(case.asked)
    encoded = bedrock_converse.encode_request(prompt, "m", case.quirks)
    assert encoded.body == case.sent
    assert encoded.dropped == case.dropped


def thoughts(signature: str, data: str) -> JSONDict:
    asked = anthropic()
    asked["messages"] += [
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "Hm", "signature": signature},
                {"type": "redacted_thinking", "data": data},
                {"type": "text", "text": "Hi"},
            ],
        },
        HELLO,
    ]
    return asked


def sent_by(asked: JSONDict, **quirks: Any) -> tuple[JSONDict, tuple[str, ...]]:
    prompt = anthropic_messages.decode_request(asked)
    encoded = bedrock_converse.encode_request(prompt, "m", Quirks(**quirks))
    return encoded.body["messages"][1], encoded.dropped


def test_thoughts_that_claude_signed_go_back_to_claude() -> None:
    turn, dropped = sent_by(thoughts("sig", "EqQB"))
    assert turn["content"] == [
        {"reasoningContent": {"reasoningText": {"text": "Hm", "signature": "sig"}}},
        {"reasoningContent": {"redactedContent": base64.b64encode(b"EqQB").decode()}},
        {"text": "Hi"},
    ]
    assert dropped == ()


def test_thoughts_that_another_signed_stay_here() -> None:
    turn, dropped = sent_by(thoughts("omniroute:gemini:sig", "omniroute:openai_responses:x"))
    assert (turn["content"], dropped) == ([{"text": "Hi"}], ("thinking",))


@pytest.mark.parametrize("reasoning", ["none", "effort"])
def test_a_model_that_is_not_claude_is_given_no_thoughts(reasoning: str) -> None:
    turn, dropped = sent_by(thoughts("sig", "EqQB"), reasoning=reasoning)
    assert (turn["content"], dropped) == ([{"text": "Hi"}], ("thinking",))


REFUSED = [
    ("two answers", chat(n=2), "n"),
    ("JSON without a schema", chat(response_format={"type": "json_object"}), "response_format"),
    (
        "an image by its address",
        chat(
            {
                "role": "user",
                "content": [{"type": "image_url", "image_url": {"url": "https://x.test/a.png"}}],
            }
        ),
        "messages",
    ),
    ("only a system message", chat({"role": "system", "content": "s"}), "messages"),
]


@pytest.mark.parametrize(
    ("asked", "param"), [row[1:] for row in REFUSED], ids=[r[0] for r in REFUSED]
)
def test_what_cannot_be_said_is_refused(asked: JSONDict, param: str) -> None:
    with pytest.raises(BadRequest) as refused:
        bedrock_converse.encode_request(openai_chat.decode_request(asked), "m", Quirks())
    assert refused.value.param == param


def test_an_image_of_a_kind_that_bedrock_has_not_is_refused() -> None:
    source = {"type": "base64", "media_type": "image/tiff", "data": "TU0="}
    prompt = anthropic_messages.decode_request(anthropic({"type": "image", "source": source}))
    with pytest.raises(NotSupported, match="png, jpeg, gif, webp"):
        bedrock_converse.encode_request(prompt, "m", Quirks())


# --- Bedrock's own ---------------------------------------------------------------------------

OWN: JSONDict = {
    "messages": [
        {
            "role": "user",
            "content": [
                {"text": "Look"},
                POINT,
                {"image": {"format": "webp", "source": {"bytes": PNG}}},
                pdf("a_b", context="c", citations={"enabled": True}),
                {"document": {"format": "txt", "name": "t", "source": {"text": "plain"}}},
                {"document": {"format": "md", "name": "s", "source": {"s3Location": {"uri": "s3://b/k"}}}},
                {"video": {"format": "mp4", "source": {"bytes": "AAAA"}}},
                {"audio": {"format": "wav", "source": {"bytes": "AAAA"}}},
                {"guardContent": {"text": {"text": "g", "qualifiers": ["query"]}}},
                {"cachePoint": {"type": "default", "ttl": "5m"}},
            ],
        },
        {
            "role": "assistant",
            "content": [
                {"reasoningContent": {"reasoningText": {"text": "Hm", "signature": "s"}}},
                {"reasoningContent": {"reasoningText": {"text": "unsigned"}}},
                {"reasoningContent": {"redactedContent": "RXFRQg=="}},
                {"reasoningContent": {"redactedContent": "/wD/"}},
                {
                    "citationsContent": {
                        "content": [{"text": "20 days"}],
                        "citations": [{"title": "t", "location": {"documentChar": {"start": 0}}}],
                    }
                },
                {"citationsContent": {"content": [{"text": "a"}, {"text": "b"}], "citations": []}},
                {"toolUse": {"toolUseId": "1", "name": "n", "input": {"a": [1, None]}}},
                {"toolUse": {"toolUseId": "2", "name": "x", "input": {}, "type": "server_tool_use"}},
            ],
        },
        {
            "role": "user",
            "content": [
                {
                    "toolResult": {
                        "toolUseId": "1",
                        "status": "success",
                        "content": [{"json": {"a": 1}}, {"text": "t"}, {"searchResult": {"title": "t"}}],
                    }
                },
                {"toolResult": {"toolUseId": "2", "status": "error", "content": [{"text": "no"}]}},
                {"unheardOf": {"a": 1}},
            ],
        },
    ],
    "system": [{"text": "s"}, POINT],
    "inferenceConfig": {
        "maxTokens": 5, "temperature": 0.5, "topP": 0.9, "stopSequences": ["|"], "new": 1,
    },
    "toolConfig": {
        "tools": [
            {"toolSpec": {"name": "n", "inputSchema": {"json": SCHEMA}, "strict": True}},
            POINT,
            {"systemTool": {"name": "nova_grounding"}},
            {"cachePoint": {"type": "default"}},
        ],
        "toolChoice": {"auto": {}},
    },
    "additionalModelRequestFields": {
        "thinking": {"type": "enabled", "budget_tokens": 1024},
        "top_k": 3,
        "anthropic_beta": ["b"],
    },
    "additionalModelResponseFieldPaths": ["/stop_sequence"],
    "guardrailConfig": {"guardrailIdentifier": "g", "guardrailVersion": "1"},
    "performanceConfig": {"latency": "optimized"},
    "requestMetadata": {"team": "search"},
    "promptVariables": {"v": {"text": "x"}},
    "serviceTier": {"type": "priority"},
    "outputConfig": {
        "effort": "high",
        "textFormat": {
            "type": "json_schema",
            "structure": {"jsonSchema": {"name": "n", "schema": '{"type":"object"}'}},
        },
    },
}  # fmt: skip


def test_a_request_of_its_own_format_keeps_everything() -> None:
    prompt = bedrock_converse.decode_request(OWN)
    encoded = bedrock_converse.encode_request(prompt, "m", Quirks())
    assert encoded.body == OWN
    assert encoded.dropped == ()


def test_a_relayed_request_is_the_same_object() -> None:
    assert bedrock_converse.readdress(OWN, "m", Quirks()) == (OWN, False, ())
    assert bedrock_converse.readdress(OWN, "m", Quirks())[0] is OWN
    body, _, dropped = bedrock_converse.readdress(OWN, "m", Quirks(unsupported=("serviceTier",)))
    assert (dropped, "serviceTier" in body) == (("serviceTier",), False)


ARN = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-v1:0"


@pytest.mark.parametrize("model", ["amazon.nova-lite-v1:0", ARN, "ä/ö?#"])
@pytest.mark.parametrize("stream", [False, True])
def test_the_model_stands_in_the_address(model: str, stream: bool) -> None:
    path = bedrock_converse.address(model, stream)
    assert path.count("/") == 3
    assert ":" not in path
    assert bedrock_converse.wants("/bedrock" + path, {}) == (model, stream)


def test_another_address_has_no_model() -> None:
    assert bedrock_converse.wants("/v1/chat/completions", {}) == ("", False)


WRONG = [
    ("no messages", {}, "messages"),
    ("no message", {"messages": []}, "messages"),
    ("a role", {"messages": [{"role": "tool", "content": []}]}, "messages[0].role"),
    ("content as a string", {"messages": [HELLO]}, "messages[0].content"),
    ("a text", {"messages": [{"role": "user", "content": [{"text": 1}]}]}, "messages[0].content[0].text"),
    (
        "a tool's input",
        {"messages": [{"role": "user", "content": [{"toolUse": {"toolUseId": "1", "name": "n", "input": []}}]}]},
        "messages[0].content[0].toolUse.input",
    ),
    (
        "a schema",
        {
            "messages": [TOLD],
            "outputConfig": {
                "textFormat": {"type": "json_schema", "structure": {"jsonSchema": {"schema": "{"}}}
            },
        },
        "outputConfig.textFormat.structure.jsonSchema.schema",
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "param"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG]
)
def test_a_wrong_field_is_named(body: JSONDict, param: str) -> None:
    with pytest.raises(BadRequest) as refused:
        bedrock_converse.decode_request(body)
    assert refused.value.param == param


KEYS = st.sampled_from(
    [
        "text", "image", "document", "audio", "video", "toolUse", "toolResult",
        "reasoningContent", "reasoningText", "signature", "redactedContent", "citationsContent",
        "citations", "content", "cachePoint", "type", "source", "bytes", "format", "name",
        "input", "toolUseId", "json", "role", "messages", "system", "toolConfig", "tools",
        "toolSpec", "inputSchema", "toolChoice", "tool", "inferenceConfig", "maxTokens",
        "outputConfig", "textFormat", "structure", "jsonSchema", "schema",
        "additionalModelRequestFields", "thinking", "serviceTier", "effort",
    ]
)  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)
    | st.sampled_from(["default", "user", "json_schema", "enabled", "\ud800"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)  # fmt: skip


@given(
    content=st.lists(st.dictionaries(KEYS, VALUES, min_size=1, max_size=2)),
    rest=st.dictionaries(KEYS, VALUES),
)
def test_no_request_does_worse_than_be_refused(content: list[Any], rest: JSONDict) -> None:
    body = {"messages": [{"role": "user", "content": content}]} | {
        name: value for name, value in rest.items() if name != "messages"
    }
    with suppress(BadRequest):
        prompt = bedrock_converse.decode_request(body)
        bedrock_converse.encode_request(prompt, "m", Quirks())
        anthropic_messages.encode_request(prompt, "m", Quirks())


def test_nested_deeply_it_is_refused_or_read() -> None:
    deep: Any = "x"
    for _ in range(5000):
        deep = {"toolResult": {"toolUseId": "1", "content": [deep]}}
    body = {"messages": [{"role": "user", "content": [deep]}]}
    with suppress(BadRequest):
        bedrock_converse.decode_request(body)
