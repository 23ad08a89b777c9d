"""Cohere's answers, streams and errors."""

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BadRequest, UpstreamFailed
from gateway.formats import anthropic_messages, cohere_chat, openai_chat, sse, wire
from gateway.formats.types import (
    Asked,
    Citation,
    CitationSent,
    Event,
    Finished,
    Reply,
    Started,
    Text,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
    ToolCallStarted,
    Usage,
)

ASKED = Asked(model="m", id="i", created=1, include_usage=True)
CITATION = {
    "start": 0,
    "end": 5,
    "text": "Grüße",
    "sources": [
        {"type": "document", "id": "d", "document": {"url": "https://e.com", "title": "E"}}
    ],
    "type": "TEXT_CONTENT",
    "content_index": 1,
}
CITED = Citation(
    format="cohere_chat", value=CITATION, url="https://e.com", title="E", start=0, end=5
)
COUNTS = {
    "billed_units": {"input_tokens": 8, "output_tokens": 50},
    "tokens": {"input_tokens": 1394, "output_tokens": 54, "reasoning_tokens": 9},
    "cached_tokens": 1360,
}
USAGE = Usage(8, 50, cache_read_tokens=8, reasoning_tokens=9)
WHOLE: dict[str, Any] = {
    "id": "a1",
    "message": {
        "role": "assistant",
        "tool_plan": "I will.",
        "content": [
            {"type": "thinking", "thinking": "Hm 🤔"},
            {"type": "text", "text": "Grüße"},
        ],
        "tool_calls": [
            {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"x" : 1}'}}
        ],
        "citations": [CITATION, {"type": "PLAN", "start": 0, "end": 1}],
    },
    "finish_reason": "TOOL_CALL",
    "usage": COUNTS,
    "logprobs": [],
}


def event(kind: str, message: Any = None, **more: Any) -> tuple[str, dict[str, Any]]:
    delta = {} if message is None else {"delta": {"message": message}}
    return kind, {"type": kind, **more, **delta}


def call(index: int, id: str, name: str) -> tuple[str, dict[str, Any]]:
    told = {"id": id, "type": "function", "function": {"name": name, "arguments": ""}}
    return event("tool-call-start", {"tool_calls": told}, index=index)


def more(index: int, arguments: str) -> tuple[str, dict[str, Any]]:
    told = {"function": {"arguments": arguments}}
    return event("tool-call-delta", {"tool_calls": told}, index=index)


def stream(*events: tuple[str, dict[str, Any]], done: bool = True) -> bytes:
    sent = [sse.frame(wire.dumps(content), kind) for kind, content in events]
    return b"".join(sent) + (b"data: [DONE]\n\n" if done else b"")


START = event("message-start", {"role": "assistant", "content": [], "tool_plan": ""}, id="a1")
END = (
    "message-end",
    {"type": "message-end", "delta": {"finish_reason": "TOOL_CALL", "usage": COUNTS}},
)
STREAM = stream(
    START,
    event("tool-plan-delta", {"tool_plan": "I will."}),
    event("content-start", {"content": {"type": "thinking", "thinking": ""}}, index=0),
    event("content-delta", {"content": {"thinking": "Hm 🤔"}}, index=0),
    event("content-end", index=0),
    event("content-start", {"content": {"type": "text", "text": ""}}, index=1),
    event("content-delta", {"content": {"text": "Grü"}}, index=1),
    event("content-delta", {"content": {"text": "ße"}}, index=1),
    event("citation-start", {"citations": CITATION}, index=0),
    event("citation-end", index=0),
    event("content-end", index=1),
    call(0, "c", "f"), call(1, "d", "g"), more(0, '{"x"'), more(1, "{}"), more(0, ":1}"),
    event("tool-call-end", index=0), event("tool-call-end", index=1),
    END,
)  # fmt: skip
EVENTS: list[Event] = [
    Started("a1", ""),
    ThinkingDelta("I will."),
    ThinkingDelta("Hm 🤔"),
    TextDelta("Grü"),
    TextDelta("ße"),
    CitationSent(CITED),
    ToolCallStarted(0, "c", "f"),
    ToolCallStarted(1, "d", "g"),
    ToolCallDelta(0, '{"x"'),
    ToolCallDelta(1, "{}"),
    ToolCallDelta(0, ":1}"),
    Finished("tool_calls", USAGE),
]


def decode(*pieces: bytes) -> list[Event]:
    decoder = cohere_chat.StreamDecoder()
    return [event for piece in pieces for event in decoder.feed(piece)] + decoder.close()


def test_an_answer_and_back() -> None:
    reply = cohere_chat.decode_response(WHOLE)
    assert (reply.id, reply.finish, reply.usage) == ("a1", "tool_calls", USAGE)
    assert [type(part).__name__ for part in reply.parts] == [
        "Thinking", "Thinking", "Text", "ToolCall",
    ]  # fmt: skip
    assert Text(text="Grüße", citations=(CITED,)) in reply.parts
    assert cohere_chat.encode_response(reply, ASKED) == WHOLE
    assert cohere_chat.sniff_response(wire.dumps(WHOLE)) == USAGE


@pytest.mark.parametrize(
    ("told", "usage"),
    [
        ({"tokens": {"input_tokens": 7}}, Usage(7)),
        ({"billed_units": {"input_tokens": 3, "output_tokens": 2.0}}, Usage(3, 2)),
        ({"tokens": {"input_tokens": 5}, "cached_tokens": 9}, Usage(5, cache_read_tokens=5)),
        ({"tokens": "many", "cached_tokens": -1}, Usage()),
    ],
    ids=["no output", "only what is billed", "no more is cached than read", "nonsense is nothing"],
)
def test_usage(told: dict[str, Any], usage: Usage) -> None:
    assert cohere_chat.decode_response({"message": {}, "usage": told}).usage == usage


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("COMPLETE", "stop"),
        ("STOP_SEQUENCE", "stop_sequence"),
        ("MAX_TOKENS", "length"),
        ("TOOL_CALL", "tool_calls"),
        ("ERROR_TOXIC", "content_filter"),
    ],
)
def test_finishes_and_back(reason: str, finish: str) -> None:
    reply = cohere_chat.decode_response({"message": {}, "finish_reason": reason})
    assert reply.finish == finish
    assert cohere_chat.encode_response(reply, ASKED)["finish_reason"] == reason


@pytest.mark.parametrize("reason", ["ERROR", "TIMEOUT"])
def test_an_answer_that_could_not_be_made_has_failed(reason: str) -> None:
    body = {"message": {"content": []}, "finish_reason": reason}
    end = {"type": "message-end", "delta": {"finish_reason": reason, "error": "no luck"}}
    with pytest.raises(UpstreamFailed, match=reason):
        cohere_chat.decode_response(body)
    with pytest.raises(UpstreamFailed, match=reason):
        cohere_chat.sniff_response(wire.dumps(body))
    with pytest.raises(UpstreamFailed, match="no luck"):
        decode(stream(START, ("message-end", end)))
    relay = cohere_chat.Relay(False)
    relay.feed(STREAM[:600] + STREAM[600 : STREAM.index(b"event: message-end")])
    relay.feed(stream(("message-end", end)))
    assert str(relay.failed) == "no luck"


def test_an_error_in_a_200_has_failed() -> None:
    body = {"id": "x", "message": "too many tokens"}
    for read in (
        lambda: cohere_chat.decode_response(body),
        lambda: cohere_chat.sniff_response(wire.dumps(body)),
        lambda: decode(sse.frame(wire.dumps(body))),
        lambda: cohere_chat.Relay(False).feed(sse.frame(wire.dumps(body))),
    ):
        with pytest.raises(UpstreamFailed, match="too many tokens"):
            read()


def test_a_stream_means_what_the_answer_means() -> None:
    assert decode(STREAM) == EVENTS


@given(st.lists(st.integers(0, len(STREAM)), max_size=12), st.sampled_from(["\n", "\r\n"]))
def test_a_stream_cut_anywhere_is_the_same(cuts: list[int], end: str) -> None:
    data = STREAM.replace(b"\n", end.encode())
    places = [0, *sorted(cuts), len(data)]
    pieces = [data[a:b] for a, b in itertools.pairwise(places)]
    assert decode(*pieces) == EVENTS
    relay = cohere_chat.Relay(False)
    assert b"".join(relay.feed(piece) for piece in pieces) + relay.close() == data
    assert (relay.started, relay.finished, relay.usage) == (True, True, USAGE)


def test_events_without_names_are_the_same() -> None:
    lines = [line for line in STREAM.splitlines(keepends=True) if not line.startswith(b"event:")]
    assert decode(b"".join(lines)) == EVENTS


@pytest.mark.parametrize("end", [b"", b"data: [DONE]\n\n", b'data: {"type":"mess'])
def test_a_stream_without_its_end_has_failed(end: bytes) -> None:
    beginning = STREAM[: STREAM.index(b"event: message-end")] + end
    with pytest.raises(UpstreamFailed, match="broke off"):
        decode(beginning)
    relay = cohere_chat.Relay(False)
    relay.feed(beginning)
    with pytest.raises(UpstreamFailed, match="broke off"):
        relay.close()


@given(st.binary(max_size=60))
def test_no_bytes_raise_anything_else(data: bytes) -> None:
    for read in (decode, cohere_chat.sniff_response):
        with pytest.raises(UpstreamFailed):
            read(data)


@pytest.mark.parametrize(
    "format", [openai_chat, anthropic_messages, cohere_chat], ids=lambda module: module.NAME
)
def test_a_stream_survives_every_client(format: Any) -> None:
    encoder, decoder = format.StreamEncoder(ASKED), format.StreamDecoder()
    sent = b"".join(encoder.encode(event) for event in EVENTS)
    events = decoder.feed(sent) + decoder.close()

    def told(kind: type, name: str, found: list[Event]) -> str:
        return "".join(getattr(event, name) for event in found if isinstance(event, kind))

    for kind in (TextDelta, ThinkingDelta):
        assert told(kind, "text", events) == told(kind, "text", EVENTS)
    calls = [event for event in events if isinstance(event, ToolCallStarted)]
    assert calls == [ToolCallStarted(0, "c", "f"), ToolCallStarted(1, "d", "g")]
    for index, arguments in ((0, '{"x":1}'), (1, "{}")):
        pieces = [e.arguments for e in events if isinstance(e, ToolCallDelta) and e.index == index]
        assert "".join(pieces) == arguments
    assert [e.citation.url for e in events if isinstance(e, CitationSent)] == ["https://e.com"]
    assert events[-1] == Finished("tool_calls", USAGE)


def test_anothers_citation_says_where_it_stands() -> None:
    citation = Citation(format="x", value={}, url="https://e.com", title="E", start=1, end=3)
    reply = Reply(id="", model="", parts=(Text(text="abcd", citations=(citation,)),))
    (sent,) = cohere_chat.encode_response(reply, ASKED)["message"]["citations"]
    assert (sent["start"], sent["end"], sent["text"], sent["content_index"]) == (1, 3, "bc", 0)
    assert sent["sources"][0]["document"] == {"url": "https://e.com", "title": "E"}


def test_errors() -> None:
    error = BadRequest("no", param="p")
    assert cohere_chat.encode_error(error, "r") == {"id": "r", "message": "no"}
    sent = cohere_chat.encode_stream_error(error, "r")
    assert json.loads(sse.data_of(sent))["delta"] == {"finish_reason": "ERROR", "error": "no"}
    assert cohere_chat.decode_error(400, b'{"error_type":"X","message":"too long"}') == "too long"
