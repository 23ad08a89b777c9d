"""Streams: Google's, cut anywhere, and ours as Google's SDK reads them."""

import json
from dataclasses import dataclass
from typing import Any

import pytest
from google.genai import types as sdk
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import UpstreamFailed
from gateway.formats import Stage, anthropic_messages, gemini, gemini_array, openai_chat, sse, wire
from gateway.formats.types import (
    Asked,
    Citation,
    CitationSent,
    Event,
    Finished,
    Image,
    Opaque,
    PartSent,
    RedactedThinking,
    RefusalDelta,
    Started,
    TextDelta,
    ThinkingDelta,
    ThinkingSigned,
    ToolCallDelta,
    ToolCallStarted,
    Usage,
)

ASKED = Asked(model="called", id="i", created=1)
USAGE = {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5}


def chunk(*parts: Any, finish: str | None = None, **more: Any) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"parts": list(parts), "role": "model"}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    head = {"usageMetadata": USAGE, "modelVersion": "m", "responseId": "r"}
    return {"candidates": [candidate], **head, **more}


def frames(*chunks: Any, end: str = "\r\n\r\n") -> bytes:
    return "".join(f"data: {json.dumps(c, ensure_ascii=False)}{end}" for c in chunks).encode()


def decode(data: bytes, size: int = 1 << 20) -> list[Event]:
    decoder = gemini.StreamDecoder()
    events = [e for at in range(0, len(data), size) for e in decoder.feed(data[at : at + size])]
    return events + decoder.close()


def call(**fields: Any) -> dict[str, Any]:
    return {"functionCall": fields}


def piece(path: str, **value: Any) -> dict[str, Any]:
    return call(partialArgs=[{"jsonPath": path, **value}], willContinue=True)


STOP = chunk({"text": ""}, finish="STOP")
STARTED = Started("r", "m", None, Usage(3, 2))
ENDED = Finished("stop", Usage(3, 2))
CALLED = Finished("tool_calls", Usage(3, 2))


@dataclass(frozen=True)
class Case:
    id: str
    data: bytes
    events: list[Event]


CASES = [
    Case("a text", frames(chunk({"text": "Grüße "}), chunk({"text": "🌍"}), STOP),
         [STARTED, TextDelta("Grüße "), TextDelta("🌍"), ENDED]),
    Case("a thought and a signed call", frames(
        chunk({"text": "Hm", "thought": True}),
        chunk({**call(name="f", args={"x": 1}, id="a"), "thoughtSignature": "c2ln"}, call(name="g")),
        STOP),
        [STARTED, ThinkingDelta("Hm"), ThinkingSigned("c2ln", "gemini"),
         ToolCallStarted(0, "a", "f"), ToolCallDelta(0, '{"x":1}'),
         ToolCallStarted(1, "call_gemini_r_0", "g"), ToolCallDelta(1, "{}"), CALLED]),
    Case("a signature at the end", frames(chunk({"text": "hi"}), chunk({"text": "", "thoughtSignature": "c2ln"}, finish="STOP")),
         [STARTED, TextDelta("hi"), ThinkingSigned("c2ln", "gemini"), ENDED]),
    Case("a call in pieces", frames(
        chunk({**call(name="f", willContinue=True), "thoughtSignature": "c2ln"}),
        chunk(piece("$.a[0].text", stringValue="x", willContinue=True)),
        chunk(piece("$.a[0].text", stringValue="y")),
        chunk(piece("$.a[1]", numberValue=0.5)),
        chunk(piece("$['b c']", boolValue=True), piece("$.n", nullValue=None)),
        chunk(call()),
        STOP),
        [STARTED, ThinkingSigned("c2ln", "gemini"), ToolCallStarted(0, "call_gemini_r_0", "f"),
         ToolCallDelta(0, '{"a":[{"text":"xy"},0.5],"b c":true,"n":null}'), CALLED]),
    Case("a call in pieces without its end", frames(chunk(call(name="f", willContinue=True)), chunk(piece("$.a", stringValue="x")), STOP),
         [STARTED, ToolCallStarted(0, "call_gemini_r_0", "f"), ToolCallDelta(0, '{"a":"x"}'), CALLED]),
    Case("chunks after the finish", frames(chunk({"text": "a"}, finish="STOP"), chunk({"text": "b"}), {"usageMetadata": {"promptTokenCount": 9}}),
         [STARTED, TextDelta("a"), TextDelta("b"), Finished("stop", Usage(9))]),
    Case("usage without counts", frames(chunk({"text": "a"}), STOP | {"usageMetadata": {"trafficType": "ON_DEMAND"}}),
         [STARTED, TextDelta("a"), ENDED]),
    Case("no role, and a second candidate", frames({"candidates": [{"content": {"parts": [{"text": "a"}]}, "finishReason": "MAX_TOKENS"},
          {"index": 1, "content": {"parts": [{"text": "other"}]}}]}),
         [Started("", ""), TextDelta("a"), Finished("length")]),
    Case("a blocked prompt", frames({"promptFeedback": {"blockReason": "OTHER"}, "usageMetadata": {"promptTokenCount": 4}}),
         [Started("", "", None, Usage(4)), Finished("content_filter", Usage(4))]),
    Case("an image, and code", frames(chunk({"inlineData": {"mimeType": "image/png", "data": "AAAA"}}), chunk({"executableCode": {"code": "1"}}), STOP),
         [STARTED, PartSent(Image(data="AAAA", media_type="image/png")), PartSent(Opaque(format="gemini", value={"executableCode": {"code": "1"}})), ENDED]),
    Case("an array in one event", b"data: " + json.dumps([chunk({"text": "a"}), STOP]).encode() + b"\n\n", [STARTED, TextDelta("a"), ENDED]),
    Case("no empty line at the end", frames(chunk({"text": "a"}), STOP).rstrip(), [STARTED, TextDelta("a"), ENDED]),
    Case("half a character", b'data: {"candidates":[{"content":{"parts":[{"text":"\\ud83d"}]},"finishReason":"STOP"}]}\n\n',
         [Started("", ""), TextDelta("\ud83d"), Finished("stop")]),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
@pytest.mark.parametrize("size", [1 << 20, 1, 5])
def test_a_stream_is_read_however_it_is_cut(case: Case, size: int) -> None:
    assert decode(case.data, size) == case.events


@given(places=st.lists(st.integers(0, 10_000), max_size=12))
@pytest.mark.parametrize("case", CASES[:2], ids=lambda case: case.id)
def test_a_cut_in_a_character_or_a_line_end_changes_nothing(case: Case, places: list[int]) -> None:
    ends = sorted({place % len(case.data) for place in places} | {len(case.data)})
    decoder = gemini.StreamDecoder()
    events: list[Event] = []
    for start, end in zip([0, *ends], ends, strict=False):
        events += decoder.feed(case.data[start:end])
    assert events + decoder.close() == case.events


def test_citations_come_before_a_signature_and_the_end() -> None:
    support = {"segment": {"endIndex": 2}, "groundingChunkIndices": [0]}
    grounding = {"groundingChunks": [{"web": {"uri": "https://a"}}], "groundingSupports": [support]}
    last = chunk({"text": "", "thoughtSignature": "c2ln"}, finish="STOP")
    last["candidates"][0]["groundingMetadata"] = grounding
    events = decode(frames(chunk({"text": "hi"}), last, last))
    assert [type(event) for event in events] == [
        Started, TextDelta, CitationSent, ThinkingSigned, ThinkingSigned, Finished
    ]  # fmt: skip
    assert isinstance(events[2], CitationSent)
    assert (events[2].citation.url, events[2].citation.end) == ("https://a", 2)


RAW_ERROR = (
    b'{\n  "error": {\n    "code": 499,\n    "message": "busy",\n    "status": "X"\n  }\n}\n'
)
BROKEN: list[tuple[str, bytes, str, int | None]] = [
    ("nothing", b"", "broke off", None),
    ("no finish reason", frames(chunk({"text": "a"})), "broke off", None),
    ("half a chunk", frames(chunk({"text": "a"})) + b'data: {"cand', "broke off", None),
    ("something else", b"data: <html>\n\n", "something else", None),
    ("an error", frames({"error": {"code": 503, "message": "busy"}}), "busy", 503),
    ("an error in an array", frames([{"error": {"code": 429, "message": "busy"}}]), "busy", 429),
    ("an error without its frame", RAW_ERROR, "busy", 499),
    ("a piece without its call", frames(chunk(piece("$.a", stringValue="x"))), "put together", None),
    ("a piece that fits nowhere", frames(chunk(call(name="f", willContinue=True), piece("$.a[9]", stringValue="x"))), "put together", 200),
    ("a path that is none", frames(chunk(call(name="f", willContinue=True), piece("x", stringValue="x"))), "put together", 200),
]  # fmt: skip


@pytest.mark.parametrize(
    ("data", "words", "status"), [case[1:] for case in BROKEN], ids=[case[0] for case in BROKEN]
)
def test_a_broken_stream_fails(data: bytes, words: str, status: int | None) -> None:
    with pytest.raises(UpstreamFailed, match=words) as caught:
        decode(data)
    assert caught.value.upstream_status == status


# --- To Gemini clients -------------------------------------------------------------------------


def encode(encoder: Any, events: list[Event]) -> bytes:
    return b"".join(encoder.encode(event) for event in events)


FOREIGN: list[tuple[str, list[Event]]] = [
    ("a text", [Started("x", "m"), TextDelta("Grüße\n\n"), TextDelta("\ud83d"), ENDED]),
    ("calls whose pieces interleave", [
        Started("x", "m"), TextDelta("a"), ToolCallStarted(0, "a", "f"), ToolCallStarted(1, "b", "g"),
        ToolCallDelta(0, '{"x"'), ToolCallDelta(1, "{}"), ToolCallDelta(0, ":1}"), CALLED]),
    ("thinking of Anthropic's", [
        Started("x", "m"), ThinkingDelta("Hm"), ThinkingDelta("m"), ThinkingSigned("sï", "anthropic_messages"),
        PartSent(RedactedThinking(data="d", signed_by="anthropic_messages")), TextDelta("a"), ENDED]),
    ("Google's own thinking", [
        Started("x", "m"), ThinkingDelta("Hm"), ThinkingSigned("c2ln", "gemini"), TextDelta("a"),
        ThinkingSigned("c2k=", "gemini"), ToolCallStarted(0, "a", "f"), ToolCallDelta(0, "{}"), CALLED]),
    ("nothing", [Started("x", "m"), Finished("length")]),
    ("an image", [Started("x", "m"), PartSent(Image(data="AAAA", media_type="image/png")), ENDED]),
    ("a signature at the end", [Started("x", "m"), TextDelta("a"), ThinkingSigned("c2ln", "gemini"), ENDED]),
]  # fmt: skip


@pytest.mark.parametrize("events", [case[1] for case in FOREIGN], ids=[case[0] for case in FOREIGN])
def test_googles_sdk_reads_each_chunk_and_the_whole_says_the_same(events: list[Event]) -> None:
    data = encode(gemini.StreamEncoder(ASKED), events)
    chunks = [sse.data_of(frame) for frame in sse.Splitter().feed(data)]
    for told in chunks:
        if b"\\ud83d" not in told:  # half a character is no text to pydantic
            sdk.GenerateContentResponse.model_validate_json(told)
    assert all(wire.loads(told)["responseId"] == "x" for told in chunks)
    again = decode(data)
    assert whole(again) == whole(events)
    array = encode(gemini_array.StreamEncoder(ASKED), events)
    assert json.loads(array)[1:] == [json.loads(told) for told in chunks]


def whole(events: list[Event]) -> list[object]:
    """What is told, calls whole and after the rest; those without arguments yet have none."""
    rest: list[object] = []
    calls: dict[int, list[str]] = {}
    for event in events:
        if isinstance(event, ToolCallStarted):
            calls[event.index] = [event.id, event.name, ""]
        elif isinstance(event, ToolCallDelta):
            calls[event.index][2] += event.arguments
        elif isinstance(event, Started):
            rest.append(event.id)
        elif isinstance(event, ThinkingSigned | ThinkingDelta | TextDelta | PartSent | Finished):
            rest.append(event)
    return [rest, calls]


def test_there_is_nothing_but_data_in_a_stream() -> None:
    """No comments, no names, no end mark: Google's clients fail on them or take them for text."""
    data = encode(gemini.StreamEncoder(ASKED), FOREIGN[1][1])
    lines = [line for line in data.split(b"\n") if line]
    assert all(line.startswith(b'data: {"') for line in lines)
    assert data.endswith(b"\n\n")
    assert [wire.loads(line[6:])["candidates"][0].get("finishReason") for line in lines] == [
        None, "STOP"
    ]  # fmt: skip
    assert wire.loads(lines[-1][6:])["usageMetadata"] == USAGE


def test_citations_stand_in_the_last_chunk() -> None:
    citation = Citation(format="openai_chat", value={}, url="https://a", title="A", start=1, end=2)
    foreign = Citation(format="anthropic_messages", value={})
    events: list[Event] = [
        Started("x", "m"),
        TextDelta("öhm"),
        CitationSent(citation),
        CitationSent(foreign),
        ENDED,
    ]
    data = encode(gemini.StreamEncoder(ASKED), events)
    last = wire.loads(sse.data_of(sse.Splitter().feed(data)[-1]))
    assert last["candidates"][0]["groundingMetadata"] == {
        "groundingChunks": [{"web": {"uri": "https://a", "title": "A"}}],
        "groundingSupports": [
            {"segment": {"startIndex": 2, "endIndex": 3, "text": "h"}, "groundingChunkIndices": [0]}
        ],
    }  # fmt: skip


def test_a_refusal_is_text() -> None:
    events: list[Event] = [Started("x", "m"), RefusalDelta("No"), Finished("refusal")]
    again = decode(encode(gemini.StreamEncoder(ASKED), events))
    assert again[1:] == [TextDelta("No"), Finished("content_filter")]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_other_clients_get_the_same(case: Case) -> None:
    for format in (openai_chat, anthropic_messages):
        encoder = format.StreamEncoder(Asked(model="m", id="i", created=1, include_usage=True))
        decoder: Any = format.StreamDecoder()
        again = decoder.feed(encode(encoder, case.events)) + decoder.close()
        texts = "".join(event.text for event in again if isinstance(event, TextDelta))
        assert texts == "".join(e.text for e in case.events if isinstance(e, TextDelta))
        calls = (ToolCallStarted, ToolCallDelta)
        assert [e for e in again if isinstance(e, calls)] == [
            e for e in case.events if isinstance(e, calls)
        ]


# --- The same format on both ends --------------------------------------------------------------


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
@pytest.mark.parametrize("size", [1 << 20, 1, 7])
def test_a_relay_passes_frames_on_and_reads_along(case: Case, size: int) -> None:
    relay = gemini.Relay(False)
    passed = run(relay, case.data, size)
    assert passed.rstrip() == case.data.rstrip()
    last = case.events[-1]
    assert isinstance(last, Finished)
    assert (relay.finished, relay.started, relay.usage) == (True, True, last.usage)


def run(relay: Stage, data: bytes, size: int) -> bytes:
    passed = b"".join(relay.feed(data[at : at + size]) for at in range(0, len(data), size))
    return passed + relay.close()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
@pytest.mark.parametrize("size", [1 << 20, 7])
def test_a_relay_makes_an_array_of_frames(case: Case, size: int) -> None:
    relay = gemini_array.Relay(False)
    elements = json.loads(run(relay, case.data, size))
    told = [line.removeprefix(b"data: ") for line in case.data.splitlines() if line]
    assert elements == [json.loads(line) for line in told]
    assert relay.finished


@pytest.mark.parametrize("format", [gemini, gemini_array], ids=["events", "array"])
def test_an_error_fails_the_attempt_before_content_and_is_passed_on_after(format: Any) -> None:
    error = frames({"error": {"code": 503, "message": "busy", "status": "UNAVAILABLE"}})
    with pytest.raises(UpstreamFailed, match="busy"):
        format.Relay(False).feed(error)
    relay = format.Relay(False)
    passed = relay.feed(frames(chunk({"text": "a"})) + error) + relay.close()
    assert b"UNAVAILABLE" in passed
    assert str(relay.failed) == "busy"
    assert not relay.finished
    if format is gemini_array:
        assert "error" in json.loads(passed)[1]


@pytest.mark.parametrize("format", [gemini, gemini_array], ids=["events", "array"])
def test_a_stream_that_breaks_off_is_never_ended_cleanly(format: Any) -> None:
    relay = format.Relay(False)
    passed = relay.feed(frames(chunk({"text": "a"})) + b'data: {"cand')
    with pytest.raises(UpstreamFailed, match="broke off") as caught:
        relay.close()
    assert b"cand" not in passed.split(b"candidates")[-1]
    passed += format.encode_stream_error(caught.value, "r")
    if format is gemini_array:
        assert json.loads(passed)[-1]["error"]["status"] == "UNAVAILABLE"


def test_half_a_frame_after_the_finish_is_not_passed_on() -> None:
    relay = gemini.Relay(False)
    data = frames(chunk({"text": "a"}), STOP)
    assert run(relay, data + b'data: {"cand', 1 << 20) == data
    assert relay.finished


def test_an_array_announces_itself() -> None:
    assert gemini_array.NAME == gemini.NAME
    assert gemini_array.STREAM_TYPE.startswith("application/json")
    assert gemini.STREAM_TYPE.startswith("text/event-stream")
