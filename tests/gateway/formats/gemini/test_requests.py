"""Requests: read in both spellings, written again as they were, and in other formats' place."""

import re
from dataclasses import dataclass
from typing import Any

import pytest

from gateway.errors import BadRequest, NotSupported
from gateway.formats import anthropic_messages, gemini, openai_chat
from gateway.formats.gemini.spelling import camel
from gateway.formats.types import (
    Asked,
    Audio,
    File,
    Image,
    Message,
    Opaque,
    OpaqueTool,
    OutputSchema,
    Quirks,
    Reasoning,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)

PLAIN = Quirks()
LEVELS = Quirks(reasoning="effort")
USER = {"role": "user", "parts": [{"text": "hi"}]}
ANSWERED = [
    {"role": "model", "parts": [{"functionCall": {"id": "a", "name": "f", "args": {"x": 1}}}]},
    {
        "role": "user",
        "parts": [{"functionResponse": {"id": "a", "name": "f", "response": {"output": "2"}}}],
    },
]


def body(*parts: Any, **fields: Any) -> dict[str, Any]:
    return {"contents": [{"role": "user", "parts": list(parts) or [{"text": "hi"}]}], **fields}


def function(**fields: Any) -> dict[str, Any]:
    return body(tools=[{"functionDeclarations": [{"name": "f", **fields}]}])


def calling(**config: Any) -> dict[str, Any]:
    return function() | {"toolConfig": {"functionCallingConfig": config}}


def config(**fields: Any) -> dict[str, Any]:
    return body(generationConfig=fields)


OPENAPI = {
    "type": "OBJECT",
    "properties": {"n": {"type": "INTEGER", "nullable": True}, "nullable": {"type": "STRING"}},
    "propertyOrdering": ["n"],
}
JSON_SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}}


@dataclass(frozen=True)
class Case:
    id: str
    body: dict[str, Any]


EXACT = [
    Case("a text", body()),
    Case("a conversation", {"contents": [USER, *ANSWERED]}),
    Case("a system instruction", body(systemInstruction={"parts": [{"text": "Be brief"}]})),
    Case("an image", body({"inlineData": {"mimeType": "image/png", "data": "AAAA"}})),
    Case("an image by address", body({"fileData": {"mimeType": "image/png", "fileUri": "https://x/y"}})),
    Case("a sound", body({"inlineData": {"mimeType": "audio/L16;codec=pcm;rate=24000", "data": "AAAA"}})),
    Case("a text file", body({"inlineData": {"mimeType": "text/csv", "data": "YSxi"}})),
    Case("a document with a name", body({"inlineData": {"mimeType": "application/pdf", "data": "AAAA", "displayName": "a.pdf"}})),
    Case("a film, and how to see it", body({"fileData": {"mimeType": "video/mp4", "fileUri": "gs://b/o"}, "videoMetadata": {"fps": 2}})),
    Case("an unknown field of a part", body({"text": "hi", "partMetadata": {"a_b": 1}})),
    Case("an unknown field of a content", {"contents": [USER | {"x": 1}]}),
    Case("an unknown part", body({"futurePart": {"a": 1}})),
    Case("code that ran", body({"executableCode": {"code": "1", "language": "PYTHON"}}, {"codeExecutionResult": {"outcome": "OUTCOME_OK"}})),
    Case("a signed call and a signed text", {"contents": [USER, {"role": "model", "parts": [
        {"text": "Hm", "thought": True},
        {"functionCall": {"name": "f", "args": {}}, "thoughtSignature": "c2ln"},
        {"functionCall": {"name": "g", "args": {"a": 1.5}}},
        {"text": "ok", "thoughtSignature": "c2k="},
    ]}]}),
    Case("a signature on the thought itself", {"contents": [{"role": "model", "parts": [
        {"text": "A", "thought": True},
        {"text": "B", "thought": True, "thoughtSignature": "c2ln"},
        {"text": "C"},
    ]}]}),
    Case("a signature at the end", {"contents": [{"role": "model", "parts": [
        {"text": "ok"}, {"text": "", "thoughtSignature": "c2ln"}]}]}),
    Case("results of any shape", {"contents": [{"role": "model", "parts": [
        {"functionCall": {"id": id, "name": "f", "args": {}}} for id in "abcde"
    ]}, {"role": "user", "parts": [
        {"functionResponse": {"id": "a", "name": "f", "response": {"result": {"n": 1}}}},
        {"functionResponse": {"id": "b", "name": "f", "response": {"error": "no"}}},
        {"functionResponse": {"id": "c", "name": "f", "response": {"output": '{"output":"x"}'}}},
        {"functionResponse": {"id": "d", "name": "f", "response": {"output": "x", "more": 1}}},
        {"functionResponse": {"id": "e", "name": "f", "response": {}}},
    ]}]}),
    Case("a result with an image", {"contents": [ANSWERED[0], {"role": "user", "parts": [{"functionResponse": {
        "id": "a", "name": "f", "response": {"output": "see"}, "scheduling": "SILENT",
        "parts": [{"inlineData": {"mimeType": "image/png", "data": "AAAA"}}]}}]}]}),
    Case("a function with Google's schema", function(description="d", parameters=OPENAPI)),
    Case("a function with a JSON schema", function(parametersJsonSchema=JSON_SCHEMA, behavior="BLOCKING")),
    Case("hosted tools", body(tools=[{"googleSearch": {}}, {"urlContext": {}}])),
    Case("a forced function", calling(mode="ANY", allowedFunctionNames=["f"])),
    Case("one of some functions", calling(mode="ANY", allowedFunctionNames=["f", "g"])),
    Case("calls that keep to their schema", calling(mode="VALIDATED", allowedFunctionNames=["f"])),
    Case("no calls", calling(mode="NONE")),
    Case("a place to search from", function() | {"toolConfig": {"retrievalConfig": {"languageCode": "de"}}}),
    Case("all of sampling", config(temperature=0, topP=0.5, topK=4, maxOutputTokens=9, stopSequences=["x"],
        candidateCount=1, seed=3, presencePenalty=0.5, frequencyPenalty=0.25)),
    Case("what only Google has", config(responseModalities=["TEXT"], speechConfig={"a": 1}, mediaResolution="LOW")),
    Case("any JSON", config(responseMimeType="application/json")),
    Case("Google's schema", config(responseMimeType="application/json", responseSchema=OPENAPI)),
    Case("a JSON schema", config(responseMimeType="application/json", responseJsonSchema=JSON_SCHEMA)),
    Case("one of some words", config(responseMimeType="text/x.enum", responseSchema={"type": "STRING", "enum": ["a"]})),
    Case("a budget", config(thinkingConfig={"includeThoughts": True, "thinkingBudget": 4096})),
    Case("no thinking", config(thinkingConfig={"thinkingBudget": 0})),
    Case("as much thinking as is needed", config(thinkingConfig={"thinkingBudget": -1})),
    Case("a level", config(thinkingConfig={"thinkingLevel": "HIGH", "includeThoughts": False})),
    Case("fields beside", body(safetySettings=[{"category": "X", "threshold": "Y"}], cachedContent="c", labels={"a_b": "c"})),
]  # fmt: skip


@pytest.mark.parametrize("case", EXACT, ids=lambda case: case.id)
def test_a_request_is_written_again_as_it_was(case: Case) -> None:
    prompt = gemini.decode_request(case.body)
    encoded = gemini.encode_request(prompt, "m", PLAIN)
    assert encoded.body == case.body
    assert encoded.dropped == ()


@pytest.mark.parametrize("case", EXACT, ids=lambda case: case.id)
def test_snake_case_says_the_same(case: Case) -> None:
    assert gemini.decode_request(snake(case.body)) == gemini.decode_request(case.body)


_OTHERS = frozenset(["args", "response", "parameters", "parametersJsonSchema", "responseSchema"])


def snake(value: Any) -> Any:
    if isinstance(value, list):
        return [snake(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        re.sub("([A-Z])", lambda m: "_" + m[1].lower(), name): (
            inner if name in _OTHERS or name.startswith(("responseJ", "partM", "labels")) else snake(inner)
        )
        for name, inner in value.items()
    }  # fmt: skip


def test_names_that_are_the_users_keep_their_spelling() -> None:
    told = {"function_call": {"args": {"snake_case": None}}, "generation_config": None}
    assert camel(told) == {"functionCall": {"args": {"snake_case": None}}}


DECODED: list[tuple[str, dict[str, Any], Any]] = [
    ("an image", body({"inlineData": {"mimeType": "image/png", "data": "AAAA"}}), Image(data="AAAA", media_type="image/png")),
    ("a sound", body({"inline_data": {"mime_type": "audio/mpeg", "data": "AAAA"}}), Audio(data="AAAA", encoding="mp3")),
    ("a text file", body({"inlineData": {"mimeType": "text/plain", "data": "aGk="}}), File(text="hi", media_type="text/plain")),
    ("a file at Google", body({"fileData": {"fileUri": "gs://b/o"}}), File(file_id="gs://b/o")),
    ("a film by address", body({"fileData": {"fileUri": "https://youtu.be/x"}}), File(url="https://youtu.be/x")),
    ("a thought", body({"text": "Hm", "thought": True}), Thinking(text="Hm")),
    ("what nobody else knows", body({"toolCall": {"a": 1}}), Opaque(format="gemini", value={"toolCall": {"a": 1}})),
]  # fmt: skip


@pytest.mark.parametrize(
    ("told", "part"), [case[1:] for case in DECODED], ids=[case[0] for case in DECODED]
)
def test_parts_are_read(told: dict[str, Any], part: Any) -> None:
    assert gemini.decode_request(told).messages == (Message("user", (part,)),)


def test_one_part_and_one_content_need_no_list() -> None:
    told = {"contents": {"parts": {"text": "hi"}}, "systemInstruction": "Be brief"}
    assert gemini.decode_request(told).messages == (
        Message("system", (Text(text="Be brief"),)),
        Message("user", (Text(text="hi"),)),
    )


def test_calls_without_ids_get_some_and_results_are_paired_with_them() -> None:
    def call(name: str) -> dict[str, Any]:
        return {"functionCall": {"name": name}}

    def result(name: str) -> dict[str, Any]:
        return {"functionResponse": {"name": name, "response": {"output": name}}}

    told = {
        "contents": [
            {"role": "model", "parts": [call("f"), call("g"), call("f")]},
            {"role": "function", "parts": [result("g"), result("f"), result("f")]},
        ]
    }
    prompt = gemini.decode_request(told)
    calls = [part.id for part in prompt.messages[0].parts if isinstance(part, ToolCall)]
    results = [part.call_id for part in prompt.messages[1].parts if isinstance(part, ToolResult)]
    assert results == [calls[1], calls[0], calls[2]]
    assert len(set(calls)) == 3
    sent = gemini.encode_request(prompt, "m", PLAIN).body["contents"]
    assert all("id" not in part["functionCall"] for part in sent[0]["parts"])
    assert all("id" not in part["functionResponse"] for part in sent[1]["parts"])


def test_schemas_become_json_schema() -> None:
    prompt = gemini.decode_request(function(parameters=OPENAPI))
    assert prompt.tools == (
        Tool(
            "f",
            parameters={
                "type": "object",
                "properties": {"n": {"type": ["integer", "null"]}, "nullable": {"type": "string"}},
            },
            original={"parameters": OPENAPI},
        ),
    )


CHOICES = [
    ({"mode": "AUTO"}, ToolChoice("auto")),
    ({"mode": "any"}, ToolChoice("required")),
    ({"mode": "ANY", "allowedFunctionNames": ["f"]}, ToolChoice("named", "f")),
    ({"mode": "ANY", "allowedFunctionNames": ["f", "g"]}, ToolChoice("required", allowed=("f", "g"))),
    ({"mode": "NONE"}, ToolChoice("none")),
    ({"mode": "VALIDATED"}, ToolChoice("auto")),
    ({"mode": 2}, ToolChoice("required")),
]  # fmt: skip


@pytest.mark.parametrize(("told", "choice"), CHOICES, ids=[str(case[0]) for case in CHOICES])
def test_which_function_to_call(told: dict[str, Any], choice: ToolChoice) -> None:
    assert gemini.decode_request(calling(**told)).tool_choice == choice


def test_hosted_tools_are_named() -> None:
    prompt = gemini.decode_request(body(tools=[{"google_search": {}, "functionDeclarations": []}]))
    assert prompt.tools == (OpaqueTool("gemini", "googleSearch", {"googleSearch": {}}),)
    with pytest.raises(NotSupported, match="googleSearch"):
        openai_chat.encode_request(prompt, "m", PLAIN)


THINKING = [
    ({"thinkingBudget": 0}, Reasoning(enabled=False)),
    ({"thinkingBudget": -1}, Reasoning(adaptive=True)),
    ({"thinkingBudget": 5, "includeThoughts": True}, Reasoning(budget_tokens=5, display="summarized")),
    ({"thinkingLevel": "THINKING_LEVEL_UNSPECIFIED"}, Reasoning()),
    ({"thinkingLevel": "low"}, Reasoning(effort="low")),
]  # fmt: skip


@pytest.mark.parametrize(("told", "wanted"), THINKING, ids=[str(case[0]) for case in THINKING])
def test_how_much_to_think(told: dict[str, Any], wanted: Reasoning) -> None:
    assert gemini.decode_request(config(thinkingConfig=told)).reasoning == wanted


WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("no contents", {}, "contents"),
    ("empty contents", {"contents": []}, "contents"),
    ("contents as a text", {"contents": "hi"}, "contents"),
    ("a content that is no object", {"contents": ["hi"]}, "contents[0]"),
    ("an unknown role", {"contents": [{"role": "tool", "parts": []}]}, "contents[0].role"),
    ("a text that is a number", body({"text": 1}), "contents[0].parts[0].text"),
    ("a call without a name", body({"functionCall": {}}), "contents[0].parts[0].functionCall.name"),
    ("arguments as a text", body({"functionCall": {"name": "f", "args": "x"}}), "contents[0].parts[0].functionCall.args"),
    ("a number as a text", config(temperature="x"), "generationConfig.temperature"),
    ("an unknown level", config(thinkingConfig={"thinkingLevel": "x"}), "generationConfig.thinkingConfig.thinkingLevel"),
    ("an unknown mode", calling(mode="x"), "toolConfig.functionCallingConfig.mode"),
    ("tools as an object", body(tools={}), "tools"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("told", "param"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG]
)
def test_a_wrong_field_is_named(told: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as caught:
        gemini.decode_request(told)
    assert caught.value.param == param


# --- From other formats ------------------------------------------------------------------------


def openai(*messages: dict[str, Any], **fields: Any) -> Any:
    return openai_chat.decode_request({"model": "m", "messages": list(messages), **fields})


def sent(prompt: Any, quirks: Quirks = PLAIN) -> dict[str, Any]:
    return gemini.encode_request(prompt, "m", quirks).body


HI = {"role": "user", "content": "hi"}


def tool(**function: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": "f", **function}}


def call(id: str, name: str = "f", arguments: str = "{}") -> dict[str, Any]:
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


def test_messages_of_one_role_are_one_content_and_system_messages_stand_apart() -> None:
    prompt = openai(
        HI,
        {"role": "assistant", "content": None, "tool_calls": [call("a"), call("b", "g", '{"x":1}')]},
        {"role": "tool", "tool_call_id": "b", "content": "B"},
        {"role": "tool", "tool_call_id": "a", "content": '{"n": 1}'},
        {"role": "user", "content": "so?"},
        {"role": "system", "content": "Be brief"},
    )  # fmt: skip
    assert sent(prompt) == {
        "systemInstruction": {"parts": [{"text": "Be brief"}]},
        "contents": [
            {"role": "user", "parts": [{"text": "hi"}]},
            {"role": "model", "parts": [
                {"functionCall": {"id": "a", "name": "f", "args": {}},
                 "thoughtSignature": "skip_thought_signature_validator"},
                {"functionCall": {"id": "b", "name": "g", "args": {"x": 1}}},
            ]},
            {"role": "user", "parts": [
                {"functionResponse": {"id": "a", "name": "f", "response": {"n": 1}}},
                {"functionResponse": {"id": "b", "name": "g", "response": {"output": "B"}}},
                {"text": "so?"},
            ]},
        ],
    }  # fmt: skip


def test_calls_of_earlier_turns_need_no_signature() -> None:
    prompt = openai(
        HI,
        {"role": "assistant", "content": None, "tool_calls": [call("a")]},
        {"role": "tool", "tool_call_id": "a", "content": "A"},
        {"role": "assistant", "content": "done"},
        HI,
    )
    assert sent(prompt)["contents"][1]["parts"] == [
        {"functionCall": {"id": "a", "name": "f", "args": {}}}
    ]


def test_tools_go_with_their_json_schema() -> None:
    schema = {"$schema": "x", "type": "object", "additionalProperties": False, "properties": {}}
    prompt = openai(HI, tools=[tool(description="d", parameters=schema, strict=True)],
                    tool_choice={"type": "function", "function": {"name": "f"}})  # fmt: skip
    encoded = gemini.encode_request(prompt, "m", PLAIN)
    assert encoded.body["tools"] == [{"functionDeclarations": [{
        "name": "f", "description": "d",
        "parametersJsonSchema": {"type": "object", "additionalProperties": False, "properties": {}},
    }]}]  # fmt: skip
    assert encoded.body["toolConfig"] == {
        "functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}
    }
    assert encoded.dropped == ("tools.strict",)


def test_a_narrowed_choice_leaves_tools_out() -> None:
    named = {"type": "function", "function": {"name": "f"}}
    prompt = openai(HI, tools=[tool(), {"type": "function", "function": {"name": "g"}}],
        tool_choice={"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [named]}},
    )  # fmt: skip
    assert sent(prompt)["tools"] == [{"functionDeclarations": [{"name": "f"}]}]


def test_a_schema_for_the_answer() -> None:
    schema = {"$schema": "x", "type": "object"}
    wanted = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}
    assert sent(openai(HI, response_format=wanted))["generationConfig"] == {
        "responseMimeType": "application/json",
        "responseJsonSchema": {"type": "object"},
    }
    told = config(responseMimeType="application/json", responseSchema=OPENAPI)
    output = gemini.decode_request(told).output_schema
    assert output == OutputSchema(
        schema=gemini.decode_request(function(parameters=OPENAPI)).tools[0].parameters,  # type: ignore[union-attr]
        original={"responseSchema": OPENAPI},
    )


EFFORTS: list[tuple[str, dict[str, Any], Quirks, dict[str, Any] | None, tuple[str, ...]]] = [
    ("a budget for an effort", {"reasoning_effort": "low"}, PLAIN, {"includeThoughts": True, "thinkingBudget": 2048}, ()),
    ("the largest budget there is", {"reasoning_effort": "max"}, PLAIN, {"includeThoughts": True, "thinkingBudget": 24576}, ("reasoning_effort",)),
    ("none", {"reasoning_effort": "none"}, PLAIN, {"thinkingBudget": 0}, ()),
    ("a level for an effort", {"reasoning_effort": "high"}, LEVELS, {"includeThoughts": True, "thinkingLevel": "HIGH"}, ()),
    ("the nearest level", {"reasoning_effort": "minimal"}, LEVELS, {"includeThoughts": True, "thinkingLevel": "LOW"}, ("reasoning_effort",)),
    ("a model that does not think", {"reasoning_effort": "low"}, Quirks(reasoning="none"), None, ("reasoning_effort",)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "quirks", "wanted", "dropped"),
    [case[1:] for case in EFFORTS],
    ids=[case[0] for case in EFFORTS],
)
def test_an_effort_is_a_budget_or_a_level(
    fields: dict[str, Any], quirks: Quirks, wanted: Any, dropped: tuple[str, ...]
) -> None:
    encoded = gemini.encode_request(openai(HI, **fields), "m", quirks)
    assert encoded.body.get("generationConfig", {}).get("thinkingConfig") == wanted
    assert encoded.dropped == dropped


def test_what_cannot_be_said_is_left_out_visibly_or_refused() -> None:
    prompt = openai(HI, user="u", service_tier="flex", parallel_tool_calls=False, tools=[tool()],
                    logit_bias={"1": 1}, temperature=0.5)  # fmt: skip
    encoded = gemini.encode_request(prompt, "m", Quirks(unsupported=("temperature",)))
    assert set(encoded.dropped) == {
        "user", "service_tier", "parallel_tool_calls", "logit_bias", "temperature"
    }  # fmt: skip
    assert "generationConfig" not in encoded.body or not encoded.body["generationConfig"]
    with pytest.raises(NotSupported, match="web_search_options"):
        sent(openai(HI, web_search_options={"a": 1}))


IMAGE_RESULT = {
    "model": "m",
    "max_tokens": 9,
    "messages": [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "f", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "is_error": True, "content": [
            {"type": "text", "text": "see"},
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
        ]}]},
    ],
}  # fmt: skip
INLINE = {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}


def test_an_image_in_a_result_stands_where_the_model_takes_it() -> None:
    prompt = anthropic_messages.decode_request(IMAGE_RESULT)
    result = {"id": "a", "name": "f", "response": {"error": "see"}}
    assert sent(prompt)["contents"][2]["parts"] == [
        {"functionResponse": result},
        {"text": "Content returned by tool call a:"},
        INLINE,
    ]
    assert sent(prompt, Quirks(tool_result_media=True))["contents"][2]["parts"] == [
        {"functionResponse": result | {"parts": [INLINE]}}
    ]


# --- Thoughts over two turns -------------------------------------------------------------------

SIGNED: list[dict[str, Any]] = [
    {"text": "Hm", "thought": True},
    {"text": "Let me see."},
    {"functionCall": {"id": "a", "name": "f", "args": {}}, "thoughtSignature": "c2ln"},
    {"functionCall": {"id": "b", "name": "f", "args": {}}},
]


def test_a_signature_comes_back_to_its_call_through_openai() -> None:
    """All thoughts stand first there, before the text: the signature must not end up on it."""
    reply = gemini.decode_response({"candidates": [{"content": {"parts": SIGNED}}]})
    answer = openai_chat.encode_response(reply, Asked(model="m", id="i", created=1))
    message = answer["choices"][0]["message"]
    parts = sent(openai(HI, message))["contents"][1]["parts"]
    assert parts == SIGNED[1:]


def test_a_thought_without_googles_signature_is_left_out_visibly() -> None:
    thought = {"type": "thinking", "thinking": "Hm", "signature": "theirs"}
    prompt = anthropic_messages.decode_request(
        {"model": "m", "max_tokens": 9, "messages": [
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": [thought, {"type": "text", "text": "ok"}]},
        ]}
    )  # fmt: skip
    encoded = gemini.encode_request(prompt, "m", PLAIN)
    assert encoded.body["contents"][1]["parts"] == [{"text": "ok"}]
    assert encoded.dropped == ("thinking",)


def test_the_word_that_skips_validation_is_no_signature() -> None:
    part = {**SIGNED[3], "thoughtSignature": "skip_thought_signature_validator"}
    prompt = gemini.decode_request({"contents": [{"role": "model", "parts": [part]}]})
    assert prompt.messages[0].parts == (ToolCall(id="b", name="f", arguments="{}"),)
