"""What a request needs of a model is seen in its body, and what it says no to is no need."""

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import formats
from gateway.formats.needs import Needs
from gateway.formats.thinking import Thinking
from gateway.formats.types import JSONDict
from tests.gateway.formats.bodies import REQUESTS
from tests.gateway.formats.test_fuzz import SCALARS, at_place, mutated, places, put

NOTHING = Needs()


@dataclass(frozen=True)
class Case:
    id: str
    format: str
    request: dict[str, Any]
    needs: Needs = NOTHING


def chat(*parts: Any, role: str = "user") -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": "hi"}, {"role": role, "content": [*parts]}]}


def items(*found: Any) -> dict[str, Any]:
    return {"input": [{"role": "user", "content": "hi"}, *found]}


def contents(*parts: Any) -> dict[str, Any]:
    return {"contents": [{"parts": [{"text": "hi"}]}, {"parts": [*parts]}]}


def config(**fields: Any) -> dict[str, Any]:
    return {"generationConfig": fields}


def asked(**reasoning: Any) -> dict[str, Any]:
    return {"reasoning": reasoning}


def source(kind: str) -> dict[str, Any]:
    return {"type": "document", "source": {"type": kind, "data": "x"}}


def inline(kind: str) -> dict[str, Any]:
    return {"inlineData": {"mimeType": kind, "data": "AAAA"}}


def result(*blocks: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": "t", "content": [*blocks]}


FUNCTION = {"type": "function", "function": {"name": "f"}}
ITS_ITEM = {"type": "function", "name": "f"}
ITS_TOOL = {"name": "f", "input_schema": {}}
DECLARED = {"functionDeclarations": [{"name": "f"}]}
IMAGE_URL = {"type": "image_url", "image_url": {"url": "https://x/y.png"}}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "a", "schema": {}}}
ITS_SCHEMA = {"type": "json_schema", "name": "a", "schema": {}}
TOOLS, IMAGES, AUDIO = Needs(tools=True), Needs(images=True), Needs(audio=True)
FILES, AS_SCHEMA, THINKING = Needs(files=True), Needs(schema=True), Needs(thinking=True)
PARALLEL = Needs(tools=True, parallel_tools=True)

CHAT, RESPONSES, MESSAGES = "openai_chat", "openai_responses", "anthropic_messages"
CASES = [
    Case("text", CHAT, chat({"type": "text", "text": "hi"})),
    Case("a function", CHAT, {"tools": [FUNCTION]}, TOOLS),
    Case("a function of 2023", CHAT, {"functions": [{"name": "f"}]}, TOOLS),
    Case("no tools", CHAT, {"tools": [], "parallel_tool_calls": True}),
    Case("tools that are not to be called", CHAT, {"tools": [FUNCTION], "tool_choice": "none", "parallel_tool_calls": True}),
    Case("calls in the conversation", CHAT, {"messages": [{"role": "assistant", "content": None, "tool_calls": [FUNCTION]}]}, TOOLS),
    Case("a call of 2023 in it", CHAT, {"messages": [{"role": "assistant", "function_call": {"name": "f"}}]}, TOOLS),
    Case("a result in it", CHAT, {"messages": [{"role": "tool", "tool_call_id": "t", "content": "4"}]}, TOOLS),
    Case("several calls at once", CHAT, {"tools": [FUNCTION], "parallel_tool_calls": True}, PARALLEL),
    Case("one call at a time", CHAT, {"tools": [FUNCTION], "parallel_tool_calls": False}, TOOLS),
    Case("an image", CHAT, chat(IMAGE_URL), IMAGES),
    Case("a sound", CHAT, chat({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}), AUDIO),
    Case("a spoken answer", CHAT, {"modalities": ["text", "audio"]}, AUDIO),
    Case("a written answer", CHAT, {"modalities": ["text"]}),
    Case("a file", CHAT, chat({"type": "file", "file": {"file_id": "f"}}), FILES),
    Case("a document by address", CHAT, chat({"type": "document_url", "document_url": "https://x/y.pdf"}), FILES),
    Case("a schema", CHAT, {"response_format": SCHEMA}, AS_SCHEMA),
    Case("any JSON", CHAT, {"response_format": {"type": "json_object"}}),
    Case("text as the form", CHAT, {"response_format": {"type": "text"}}),
    Case("an effort", CHAT, {"reasoning_effort": "low"}, THINKING),
    Case("no effort", CHAT, {"reasoning_effort": "none"}),
    Case("OpenRouter's effort", CHAT, asked(effort="low"), THINKING),
    Case("OpenRouter's budget", CHAT, asked(max_tokens=9), THINKING),
    Case("OpenRouter's yes", CHAT, asked(enabled=True), THINKING),
    Case("OpenRouter's no", CHAT, asked(enabled=False)),
    Case("OpenRouter's effort of none", CHAT, asked(effort="none")),
    Case("thoughts that are not to be told", CHAT, asked(exclude=True)),
    Case("a type", CHAT, {"thinking": {"type": "enabled"}}, THINKING),
    Case("a type of no", CHAT, {"thinking": {"type": "disabled"}}),
    Case("Qwen's yes", CHAT, {"enable_thinking": True}, THINKING),
    Case("Qwen's no", CHAT, {"enable_thinking": False}),
    Case("a template's yes", CHAT, {"chat_template_kwargs": {"thinking": True}}, THINKING),
    Case("a template's no", CHAT, {"chat_template_kwargs": {"enable_thinking": False}}),
    Case("a completion", "openai_completions", {"prompt": "Once"}),
    Case("a completion with an effort", "openai_completions", {"prompt": "Once", "reasoning_effort": "low"}, THINKING),
    Case("text", RESPONSES, {"input": "hi"}),
    Case("a function", RESPONSES, {"tools": [ITS_ITEM]}, TOOLS),
    Case("no tools", RESPONSES, {"tools": [], "parallel_tool_calls": True}),
    Case("tools that are not to be called", RESPONSES, {"tools": [ITS_ITEM], "tool_choice": "none"}),
    Case("a call", RESPONSES, items({"type": "function_call", "call_id": "t", "name": "f", "arguments": ""}), TOOLS),
    Case("a custom tool's result", RESPONSES, items({"type": "custom_tool_call_output", "call_id": "t", "output": "x"}), TOOLS),
    Case("tools in the midst", RESPONSES, items({"type": "additional_tools", "tools": [ITS_ITEM]}), TOOLS),
    Case("several calls at once", RESPONSES, {"tools": [ITS_ITEM], "parallel_tool_calls": True}, PARALLEL),
    Case("an image", RESPONSES, items({"role": "user", "content": [{"type": "input_image", "image_url": "https://x/y.png"}]}), IMAGES),
    Case("an image of the model's", RESPONSES, items({"type": "image_generation_call", "result": "AAAA"}), IMAGES),
    Case("an image as a result", RESPONSES, items({"type": "function_call_output", "call_id": "t", "output": [{"type": "input_image", "image_url": "x"}]}),
        Needs(tools=True, images=True)),
    Case("a sound", RESPONSES, items({"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]}), AUDIO),
    Case("a file", RESPONSES, items({"role": "user", "content": [{"type": "input_file", "file_id": "f"}]}), FILES),
    Case("a schema", RESPONSES, {"text": {"format": ITS_SCHEMA}}, AS_SCHEMA),
    Case("any JSON", RESPONSES, {"text": {"format": {"type": "json_object"}}}),
    Case("an effort", RESPONSES, asked(effort="low"), THINKING),
    Case("no effort", RESPONSES, asked(effort="none", summary="auto")),
    Case("text", MESSAGES, chat({"type": "text", "text": "hi"})),
    Case("a tool", MESSAGES, {"tools": [ITS_TOOL]}, TOOLS),
    Case("no tools", MESSAGES, {"tools": []}),
    Case("tools that are not to be called", MESSAGES, {"tools": [ITS_TOOL], "tool_choice": {"type": "none"}}),
    Case("a call", MESSAGES, chat({"type": "tool_use", "id": "t", "name": "f", "input": {}}, role="assistant"), TOOLS),
    Case("several calls at once", MESSAGES, {"tools": [ITS_TOOL], "tool_choice": {"type": "auto", "disable_parallel_tool_use": False}}, PARALLEL),
    Case("one call at a time", MESSAGES, {"tools": [ITS_TOOL], "tool_choice": {"type": "auto", "disable_parallel_tool_use": True}}, TOOLS),
    Case("an image", MESSAGES, chat({"type": "image", "source": {"type": "url", "url": "https://x/y.png"}}), IMAGES),
    Case("an image as a result", MESSAGES, chat(result({"type": "image", "source": {}})), Needs(tools=True, images=True)),
    Case("a document", MESSAGES, chat(source("base64")), FILES),
    Case("a document as a result", MESSAGES, chat(result(source("url"))), Needs(tools=True, files=True)),
    Case("a document of text", MESSAGES, chat(source("text"))),
    Case("a schema", MESSAGES, {"output_config": {"format": {"type": "json_schema", "schema": {}}}}, AS_SCHEMA),
    Case("a schema as the beta has it", MESSAGES, {"output_format": {"type": "json_schema", "schema": {}}}, AS_SCHEMA),
    Case("a budget", MESSAGES, {"thinking": {"type": "enabled", "budget_tokens": 2000}}, THINKING),
    Case("the model's own choice", MESSAGES, {"thinking": {"type": "adaptive"}}, THINKING),
    Case("no thinking", MESSAGES, {"thinking": {"type": "disabled"}}),
    Case("an effort in writing", MESSAGES, {"output_config": {"effort": "low"}}),
    Case("text", "gemini", contents({"text": "hi"})),
    Case("a text file", "gemini", contents(inline("text/csv"))),
    Case("a function", "gemini", {"tools": [DECLARED]}, TOOLS),
    Case("a search", "gemini", {"tools": [{"googleSearch": {}}]}, TOOLS),
    Case("no functions", "gemini", {"tools": [{"function_declarations": []}, {}]}),
    Case("functions that are not to be called", "gemini", {"tools": [DECLARED], "tool_config": {"function_calling_config": {"mode": "NONE"}}}),
    Case("functions that are not to be called, in small letters", "gemini", {"tools": [DECLARED], "toolConfig": {"functionCallingConfig": {"mode": "none"}}}),
    Case("functions to choose from", "gemini", {"tools": [DECLARED], "toolConfig": {"functionCallingConfig": {"mode": "AUTO"}}}, TOOLS),
    Case("a call", "gemini", contents({"functionCall": {"name": "f"}}), TOOLS),
    Case("an image as a result", "gemini", contents({"function_response": {"name": "f", "parts": [inline("image/png")]}}),
        Needs(tools=True, images=True)),
    Case("an image", "gemini", contents(inline("image/png")), IMAGES),
    Case("an image by address", "gemini", contents({"file_data": {"mime_type": "image/png", "file_uri": "https://x/y"}}), IMAGES),
    Case("one part alone", "gemini", {"contents": {"parts": inline("image/png")}}, IMAGES),
    Case("a sound", "gemini", contents(inline("audio/wav")), AUDIO),
    Case("a spoken answer", "gemini", config(responseModalities=["AUDIO"]), AUDIO),
    Case("a document", "gemini", contents(inline("application/pdf")), FILES),
    Case("a film", "gemini", contents(inline("video/mp4")), FILES),
    Case("a file of no type", "gemini", contents({"fileData": {"fileUri": "gs://b/o"}}), FILES),
    Case("Google's schema", "gemini", config(responseMimeType="application/json", responseSchema={"type": "OBJECT"}), AS_SCHEMA),
    Case("a JSON schema, spelled otherwise", "gemini", {"generation_config": {"response_json_schema": {"type": "object"}}}, AS_SCHEMA),
    Case("any JSON", "gemini", config(responseMimeType="application/json")),
    Case("a budget", "gemini", config(thinkingConfig={"thinkingBudget": -1}), THINKING),
    Case("a level", "gemini", config(thinkingConfig={"thinkingLevel": "low"}), THINKING),
    Case("thoughts that are to be told", "gemini", config(thinkingConfig={"includeThoughts": True}), THINKING),
    Case("no level", "gemini", config(thinkingConfig={"thinkingLevel": "THINKING_LEVEL_UNSPECIFIED"})),
    Case("no thinking", "gemini", {"generation_config": {"thinking_config": {"thinking_budget": 0, "include_thoughts": True}}}),
    Case("text", "ollama_chat", {"messages": [{"role": "user", "content": "hi", "images": []}]}),
    Case("a function", "ollama_chat", {"tools": [FUNCTION]}, TOOLS),
    Case("no tools", "ollama_chat", {"tools": []}),
    Case("a call", "ollama_chat", {"messages": [{"role": "assistant", "tool_calls": [FUNCTION]}]}, TOOLS),
    Case("a result", "ollama_chat", {"messages": [{"role": "tool", "content": "4"}]}, TOOLS),
    Case("an image", "ollama_chat", {"messages": [{"role": "user", "images": ["AAAA"]}]}, IMAGES),
    Case("a schema", "ollama_chat", {"format": {"type": "object"}}, AS_SCHEMA),
    Case("any JSON", "ollama_chat", {"format": "json"}),
    Case("thinking", "ollama_chat", {"think": True}, THINKING),
    Case("a level", "ollama_chat", {"think": "low"}, THINKING),
    Case("no thinking", "ollama_chat", {"think": False}),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.format}, {case.id}")
def test_what_a_request_needs(case: Case) -> None:
    assert formats.for_client(case.format).needs(case.request) == case.needs


NAMES = sorted(REQUESTS)
HOW = st.sampled_from([Thinking("adaptive"), Thinking("fixed", 4000)])


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
def test_a_request_is_not_needier_for_an_operators_text(name: str, data: Any) -> None:
    format = formats.for_client(name)
    request = data.draw(REQUESTS[name])
    assert format.needs(format.with_system(request, "Be brief.")) == format.needs(request)


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
def test_a_request_that_may_not_think_needs_no_model_that_does(name: str, data: Any) -> None:
    format = formats.for_client(name)
    request = format.with_thinking(data.draw(REQUESTS[name]), Thinking("off"))
    assert not format.needs(request).thinking


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data(), thinking=HOW)
def test_a_request_that_is_to_think_needs_one(name: str, data: Any, thinking: Thinking) -> None:
    format = formats.for_client(name)
    request = format.with_thinking(data.draw(REQUESTS[name]), thinking)
    cannot = request.get("thinking") == {"type": "disabled"}  # of Anthropic's, with a forced tool
    assert format.needs(request).thinking is not cannot


# --- Malformed ---------------------------------------------------------------------------------


def bodies_of(name: str) -> list[JSONDict]:
    return [case.request for case in CASES if case.format == name]


@pytest.mark.parametrize("name", sorted({case.format for case in CASES}))
def test_no_odd_thing_in_any_place_raises(name: str) -> None:
    needs = formats.for_client(name).needs
    for body in bodies_of(name):
        for at in places(body)[1:]:
            for odd in SCALARS:
                assert isinstance(needs(at_place(body, at, put(odd))), Needs)


@pytest.mark.parametrize("name", sorted({case.format for case in CASES}))
@given(data=st.data())
def test_no_odd_body_raises(name: str, data: Any) -> None:
    body = data.draw(mutated(data.draw(st.sampled_from(bodies_of(name)))))
    if isinstance(body, dict):
        assert isinstance(formats.for_client(name).needs(body), Needs)
