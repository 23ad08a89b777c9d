"""Answers: what Google says, and what its own SDK reads of what we say."""

from dataclasses import dataclass
from typing import Any

import pytest
from google.genai import types as sdk

from gateway.errors import UpstreamFailed
from gateway.formats import anthropic_messages, gemini, openai_chat, wire
from gateway.formats.types import (
    Asked,
    Audio,
    Citation,
    Finish,
    Image,
    Opaque,
    Part,
    Quirks,
    RedactedThinking,
    Refusal,
    Reply,
    Text,
    Thinking,
    ToolCall,
    Usage,
)

ASKED = Asked(model="called", id="i", created=1)
CALL = {"functionCall": {"id": "a", "name": "f", "args": {"x": [1.0, "ü"]}}}


def answer(*parts: Any, finish: Any = "STOP", **candidate: Any) -> dict[str, Any]:
    content = {"parts": list(parts), "role": "model"}
    return {
        "candidates": [{"content": content, "finishReason": finish, "index": 0, **candidate}],
        "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5},
        "modelVersion": "called",
        "responseId": "r1",
    }


@dataclass(frozen=True)
class Case:
    id: str
    body: dict[str, Any]
    parts: tuple[Part, ...]
    finish: Finish = "stop"


CASES = [
    Case("a text", answer({"text": "hi"}), (Text(text="hi"),)),
    Case("an empty text", answer({"text": ""}), ()),
    Case("a thought, and a signed text", answer({"text": "Hm", "thought": True}, {"text": "hi", "thoughtSignature": "c2ln"}),
         (Thinking(text="Hm", signature="c2ln", signed_by="gemini"), Text(text="hi"))),
    Case("a signed call", answer({**CALL, "thoughtSignature": "c2ln"}),
         (Thinking(text="", signature="c2ln", signed_by="gemini"), ToolCall(id="a", name="f", arguments='{"x":[1.0,"ü"]}')), "tool_calls"),
    Case("calls without ids", answer({"functionCall": {"name": "f", "args": {}}}, {"functionCall": {"name": "f", "args": {}}}),
         (ToolCall(id="call_gemini_r1_0", name="f", arguments="{}"), ToolCall(id="call_gemini_r1_1", name="f", arguments="{}")), "tool_calls"),
    Case("an image", answer({"inlineData": {"mimeType": "image/png", "data": "AAAA"}}), (Image(data="AAAA", media_type="image/png"),)),
    Case("a sound", answer({"inlineData": {"mimeType": "audio/L16;rate=24000", "data": "AAAA"}}), (Audio(data="AAAA", encoding="L16;rate=24000"),)),
    Case("code", answer({"executableCode": {"code": "1", "language": "PYTHON"}}),
         (Opaque(format="gemini", value={"executableCode": {"code": "1", "language": "PYTHON"}}),)),
    Case("the limit", answer({"text": "hi"}, finish="MAX_TOKENS"), (Text(text="hi"),), "length"),
    Case("a filter", answer({"text": "hi"}, finish="RECITATION"), (Text(text="hi"),), "content_filter"),
    Case("a broken call", answer(finish="MALFORMED_FUNCTION_CALL", finishMessage="f("), ()),
    Case("a reason by number", answer({"text": "hi"}, finish=2), (Text(text="hi"),), "length"),
    Case("an unknown reason", answer({"text": "hi"}, finish="NEW"), (Text(text="hi"),)),
    Case("no content", {"candidates": [{"finishReason": "NO_IMAGE", "index": 0}], "modelVersion": "called", "responseId": "r1"}, ()),
    Case("a content without parts", {"candidates": [{"content": {"role": "model"}, "finishReason": "SAFETY"}], "modelVersion": "called", "responseId": "r1"}, (), "content_filter"),
    Case("two candidates, and unknown fields", answer({"text": "hi", "x": 1}, y=2) | {"z": 3, "candidates": answer({"text": "hi", "x": 1}, y=2)["candidates"] + [{"index": 1}]},
         (Text(text="hi", extras={"x": 1}),)),
    Case("a blocked prompt", {"promptFeedback": {"blockReason": "SAFETY"}, "modelVersion": "called", "responseId": "r1"}, (), "content_filter"),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_an_answer_is_read_and_written_again(case: Case) -> None:
    reply = gemini.decode_response(case.body)
    assert (reply.parts, reply.finish) == (case.parts, case.finish)
    assert (reply.id, reply.model) == ("r1", "called")
    assert gemini.encode_response(reply, ASKED) == case.body
    assert gemini.sniff_response(wire.dumps(case.body)) == reply.usage


USAGES: list[tuple[str, dict[str, Any], Usage | None]] = [
    (
        "thoughts are output, and what tools put in is input",
        {"promptTokenCount": 10, "cachedContentTokenCount": 4, "candidatesTokenCount": 5,
         "thoughtsTokenCount": 7, "toolUsePromptTokenCount": 100, "totalTokenCount": 122},
        Usage(110, 12, cache_read_tokens=4, reasoning_tokens=7),
    ),
    ("a prompt that was blocked", {"promptTokenCount": 10}, Usage(10)),
    ("nonsense", {"promptTokenCount": "x", "candidatesTokenCount": -1}, Usage()),
    ("more from the cache than there is", {"promptTokenCount": 1, "cachedContentTokenCount": 9}, Usage(1, 0, 1)),
    ("the kind of traffic alone", {"trafficType": "ON_DEMAND"}, None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("told", "usage"), [case[1:] for case in USAGES], ids=[case[0] for case in USAGES]
)
def test_usage(told: dict[str, Any], usage: Usage | None) -> None:
    assert gemini.decode_response(answer() | {"usageMetadata": told}).usage == usage


NO_ANSWERS: list[tuple[str, dict[str, Any], str]] = [
    ("nothing", {}, "no candidates"),
    ("no candidates", {"candidates": [], "promptFeedback": {}}, "no candidates"),
    ("an error in a 200", {"error": {"code": 503, "message": "busy"}}, "busy"),
    ("a cache's description", {"name": "cachedContents/x", "usageMetadata": {}}, "no candidates"),
]


@pytest.mark.parametrize(
    ("told", "words"), [case[1:] for case in NO_ANSWERS], ids=[case[0] for case in NO_ANSWERS]
)
def test_what_is_no_answer(told: dict[str, Any], words: str) -> None:
    with pytest.raises(UpstreamFailed, match=words):
        gemini.decode_response(told)
    with pytest.raises(UpstreamFailed, match=words):
        gemini.sniff_response(wire.dumps(told))


# --- Citations ---------------------------------------------------------------------------------

GROUNDED = answer(
    {"text": "Größe: 5. Mehr."},
    groundingMetadata={
        "groundingChunks": [{"web": {"uri": "https://a", "title": "A"}}, {"odd": 1}],
        "groundingSupports": [
            {"segment": {"endIndex": 11, "text": "Größe: 5."}, "groundingChunkIndices": [0, 7]}
        ],
    },
)


def test_grounding_is_read_in_characters_and_written_in_bytes() -> None:
    reply = gemini.decode_response(GROUNDED)
    (text,) = reply.parts
    assert isinstance(text, Text)
    (citation,) = text.citations
    assert (citation.url, citation.title) == ("https://a", "A")
    assert (citation.cited_text, citation.start, citation.end) == ("Größe: 5.", 0, 9)
    foreign = Reply(id="r1", model="m", parts=reply.parts)
    told = gemini.encode_response(foreign, ASKED)["candidates"][0]["groundingMetadata"]
    assert told["groundingChunks"] == [{"web": {"uri": "https://a", "title": "A"}}]
    assert told["groundingSupports"][0]["segment"] == {
        "startIndex": 0, "endIndex": 11, "text": "Größe: 5."
    }  # fmt: skip


def test_passages_that_are_recited_are_citations() -> None:
    told = {"citations": [{"startIndex": 1, "endIndex": 3, "uri": "https://b", "license": "mit"}]}
    reply = gemini.decode_response(answer({"text": "abcd"}, citationMetadata=told))
    assert reply.parts == (
        Text(
            text="abcd",
            citations=(
                Citation(
                    format="gemini",
                    value=told["citations"][0],
                    url="https://b",
                    start=1,
                    end=3,
                ),
            ),
        ),
    )


# --- To Gemini clients -------------------------------------------------------------------------

FOREIGN: list[tuple[str, tuple[Part, ...], Finish]] = [
    ("a text", (Text(text="hi"),), "stop"),
    ("nothing", (), "length"),
    ("thinking and calls", (
        Thinking(text="Hm", signature="not base64 at all, ü", signed_by="anthropic_messages"),
        Text(text="Let me see"),
        ToolCall(id="toolu_1", name="f", arguments='{"x":1}'),
        ToolCall(id="toolu_2", name="g", arguments="{}"),
    ), "tool_calls"),
    ("thoughts that only Anthropic reads", (RedactedThinking(data="secret", signed_by="anthropic_messages"), Text(text="hi")), "stop"),
    ("a signature without thoughts", (Thinking(text="", signature="s", signed_by="openai_responses"), Text(text="hi")), "stop"),
    ("Google's own", (Thinking(text="Hm"), Thinking(text="", signature="c2ln", signed_by="gemini"), ToolCall(id="a", name="f", arguments="{}")), "tool_calls"),
    ("an image and a sound", (Image(data="AAAA", media_type="image/png"), Audio(data="AAAA", encoding="wav")), "stop"),
    ("a filter", (Text(text="hi"),), "content_filter"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("parts", "finish"), [case[1:] for case in FOREIGN], ids=[case[0] for case in FOREIGN]
)
def test_googles_sdk_reads_an_answer_and_we_do_too(parts: tuple[Part, ...], finish: Finish) -> None:
    usage = Usage(10, 9, cache_read_tokens=4, reasoning_tokens=3)
    reply = Reply(id="r", model="m", parts=parts, finish=finish, usage=usage)
    told = wire.loads(wire.dumps(gemini.encode_response(reply, ASKED)))
    read = sdk.GenerateContentResponse.model_validate(told)
    assert read.usage_metadata is not None
    assert read.usage_metadata.total_token_count == 19
    assert read.model_version == "called"
    again = gemini.decode_response(told)
    joined = {("thought", p.text) for p in parts if isinstance(p, Thinking)}
    assert {("thought", p.text) for p in again.parts if isinstance(p, Thinking)} <= joined
    assert [p for p in again.parts if not isinstance(p, Thinking)] == [
        p for p in parts if not isinstance(p, Thinking)
    ]
    assert _signatures(again.parts) == _signatures(parts)
    assert (again.finish, again.usage) == (finish, usage)


def _signatures(parts: tuple[Part, ...]) -> list[tuple[str, str | None]]:
    return [(p.signature, p.signed_by) for p in parts if isinstance(p, Thinking) and p.signature]


@pytest.mark.parametrize("parts", [case[1] for case in FOREIGN], ids=[case[0] for case in FOREIGN])
def test_signatures_come_back_through_googles_sdk(parts: tuple[Part, ...]) -> None:
    """The SDK holds them as bytes and writes base64 with another alphabet."""
    reply = Reply(id="r", model="m", parts=parts)
    read = sdk.GenerateContentResponse.model_validate(gemini.encode_response(reply, ASKED))
    assert read.candidates is not None
    assert read.candidates[0].content is not None
    content = read.candidates[0].content.model_dump(mode="json", exclude_none=True)
    prompt = gemini.decode_request({"contents": [content]})
    back = prompt.messages[0].parts
    assert _signatures(back) == _signatures(parts)
    assert [p for p in back if isinstance(p, RedactedThinking)] == [
        p for p in parts if isinstance(p, RedactedThinking)
    ]


def test_anthropics_thoughts_come_back_to_anthropic_through_a_gemini_client() -> None:
    content = [
        {"type": "thinking", "thinking": "Hm", "signature": "EqQB+/=="},
        {"type": "redacted_thinking", "data": "x"},
        {"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}},
    ]
    theirs = {"id": "m", "model": "m", "content": content, "stop_reason": "tool_use"}
    told = gemini.encode_response(anthropic_messages.decode_response(theirs), ASKED)
    result = {"functionResponse": {"id": "a", "name": "f", "response": {"output": "1"}}}
    contents = [told["candidates"][0]["content"], {"role": "user", "parts": [result]}]
    prompt = gemini.decode_request({"contents": contents})
    sent = anthropic_messages.encode_request(prompt, "m", Quirks()).body
    assert sent["messages"][0]["content"] == content


def test_a_refusal_is_a_text_and_what_others_know_is_left_out() -> None:
    parts = (Refusal(text="No"), Opaque(format="anthropic_messages", value={"type": "x"}))
    told = gemini.encode_response(Reply(id="", model="m", parts=parts, finish="refusal"), ASKED)
    assert told == {
        "candidates": [
            {"content": {"role": "model", "parts": [{"text": "No"}]}, "finishReason": "SAFETY", "index": 0}
        ],
        "modelVersion": "called",
        "responseId": "i",
    }  # fmt: skip


def test_arguments_that_are_no_object_are_kept() -> None:
    calls = (
        ToolCall(id="a", name="f", arguments="{broken"),
        ToolCall(id="b", name="patch", arguments="free text", custom=True),
    )
    told = gemini.encode_response(Reply(id="r", model="m", parts=calls), ASKED)
    args = [part["functionCall"]["args"] for part in told["candidates"][0]["content"]["parts"]]
    assert args == [{"_unparsed": "{broken"}, {"input": "free text"}]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_other_clients_can_read_it(case: Case) -> None:
    reply = gemini.decode_response(case.body)
    for format in (openai_chat, anthropic_messages):
        again = format.decode_response(format.encode_response(reply, ASKED))
        texts = "".join(p.text for p in again.parts if isinstance(p, Text))
        assert texts == "".join(p.text for p in reply.parts if isinstance(p, Text))
        assert [p for p in again.parts if isinstance(p, ToolCall)] == [
            p for p in reply.parts if isinstance(p, ToolCall)
        ]
