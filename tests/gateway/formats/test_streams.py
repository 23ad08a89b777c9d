"""Streams, cut at any byte, mean the same; and nothing but the errors that are ours comes out."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import formats
from gateway.errors import BadRequest, NotSupported, UpstreamFailed
from gateway.formats import sse, wire
from gateway.formats.types import (
    Asked,
    Event,
    Finished,
    PartSent,
    Quirks,
    RedactedThinking,
    Started,
    TextDelta,
    ThinkingDelta,
    ThinkingSigned,
    ToolCallDelta,
    ToolCallStarted,
    Usage,
)

NAMES = sorted(formats.FORMATS)
# Those whose tool calls stream in pieces.
PIECEWISE = [name for name in NAMES if name != "ollama_chat"]
BOTH = ["anthropic_messages", "openai_chat"]


def openai(*choices: dict[str, Any], end: str = "data: [DONE]\n\n", **last: Any) -> bytes:
    head = {"id": "c1", "created": 5, "model": "m"}
    lines = [json.dumps({**head, "choices": [choice]}, ensure_ascii=False) for choice in choices]
    if last:
        lines.append(json.dumps({**head, "choices": [], **last}))
    return ("".join(f"data: {line}\n\n" for line in lines) + end).encode()


def delta(finish: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"index": 0, "delta": fields, "finish_reason": finish}


def call(index: int | None, **fields: Any) -> dict[str, Any]:
    return delta(tool_calls=[({} if index is None else {"index": index}) | fields])


def started(id: str, name: str) -> dict[str, Any]:
    return {"id": id, "function": {"name": name, "arguments": ""}}


def more(arguments: str) -> dict[str, Any]:
    return {"function": {"arguments": arguments}}


USAGE = {"prompt_tokens": 3, "completion_tokens": 2}
TEXT = openai(delta(content="Grüße "), delta(content="🌍"), delta("stop"), usage=USAGE)
TOOLS = openai(
    call(0, **started("a", "f")), call(0, **more('{"x"')), call(0, **more(": 1}")),
    call(1, **started("b", "g")), call(1, **more("{}")), delta("tool_calls"), usage=USAGE,
)  # fmt: skip
_EVENTS: list[tuple[str, dict[str, Any]]] = [
    ("message_start", {"message": {"id": "m1", "model": "m", "usage": {"input_tokens": 3}}}),
    ("ping", {}),
    ("content_block_start", {"index": 0, "content_block": {"type": "thinking"}}),
    ("content_block_delta", {"index": 0, "delta": {"thinking": "Hm 🤔"}}),
    ("content_block_delta", {"index": 0, "delta": {"signature": "s"}}),
    ("content_block_stop", {"index": 0}),
    ("content_block_start", {"index": 1, "content_block": {"type": "text", "text": ""}}),
    ("content_block_delta", {"index": 1, "delta": {"text": "Grüße"}}),
    ("content_block_stop", {"index": 1}),
    (
        "message_delta",
        {
            "delta": {"stop_reason": "end_turn"},
            "usage": {"output_tokens": 2, "input_tokens": None},
        },
    ),
    ("message_stop", {}),
]
ANTHROPIC = b"".join(
    sse.frame(wire.dumps({"type": kind, **content}), kind) for kind, content in _EVENTS
)
STREAMS = {"text": ("openai_chat", TEXT), "tools": ("openai_chat", TOOLS),
           "thinking": ("anthropic_messages", ANTHROPIC)}  # fmt: skip


def decode(name: str, *pieces: bytes) -> list[Event]:
    decoder = formats.by_name(name).StreamDecoder()
    events = [event for piece in pieces for event in decoder.feed(piece)]
    return events + decoder.close()


def cut(data: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({place % len(data) for place in places} | {len(data)})
    return [data[start:end] for start, end in zip([0, *ends], ends, strict=False)]


@pytest.mark.parametrize("stream", STREAMS)
@given(places=st.lists(st.integers(0, 10_000), max_size=12), crlf=st.booleans())
def test_where_a_stream_is_cut_makes_no_difference(
    stream: str, places: list[int], crlf: bool
) -> None:
    name, data = STREAMS[stream]
    if crlf:
        data = data.replace(b"\n", b"\r\n")
    assert decode(name, *cut(data, places)) == decode(name, STREAMS[stream][1])


@pytest.mark.parametrize("stream", STREAMS)
@given(places=st.lists(st.integers(0, 10_000), max_size=12), crlf=st.booleans())
def test_a_relay_passes_every_byte_on(stream: str, places: list[int], crlf: bool) -> None:
    name, data = STREAMS[stream]
    if crlf:
        data = data.replace(b"\n", b"\r\n")
    relay = formats.by_name(name).Relay(False)
    passed = b"".join(relay.feed(piece) for piece in cut(data, places)) + relay.close()
    assert passed == data
    assert relay.finished
    assert relay.usage == Usage(3, 2)


@pytest.mark.parametrize("target", PIECEWISE)
@pytest.mark.parametrize("stream", STREAMS)
def test_a_translated_stream_says_the_same(stream: str, target: str) -> None:
    events = decode(*STREAMS[stream])
    encoder = formats.by_name(target).StreamEncoder(
        Asked(model="called", include_usage=True, id="i", created=1)
    )
    again = decode(target, b"".join(encoder.encode(event) for event in events))
    assert whole(again) == whole(events)


def whole(events: list[Event]) -> list[Event]:
    """What is told, with arguments in one piece: some formats know no pieces of them."""
    kept: list[Event] = []
    for event in events:
        last = kept[-1] if kept else None
        if isinstance(event, ToolCallDelta) and isinstance(last, ToolCallDelta):
            kept[-1] = ToolCallDelta(last.index, last.arguments + event.arguments)
        elif isinstance(
            event, TextDelta | ThinkingDelta | ToolCallStarted | ToolCallDelta | Finished
        ):
            kept.append(event)
    return [_compact(event) for event in kept]


def _compact(event: Event) -> Event:
    """Arguments without white space, where a format holds them as an object."""
    if not isinstance(event, ToolCallDelta):
        return event
    return ToolCallDelta(event.index, wire.dumps(wire.loads(event.arguments)).decode())


def test_what_the_events_are() -> None:
    assert decode("openai_chat", TOOLS) == [
        Started("c1", "m", 5),
        ToolCallStarted(0, "a", "f"),
        ToolCallDelta(0, '{"x"'),
        ToolCallDelta(0, ": 1}"),
        ToolCallStarted(1, "b", "g"),
        ToolCallDelta(1, "{}"),
        Finished("tool_calls", Usage(3, 2)),
    ]
    assert ThinkingSigned("s", "anthropic_messages") in decode("anthropic_messages", ANTHROPIC)


def test_calls_without_an_index_are_told_apart_by_their_ids() -> None:
    whole = [
        call(None, id=id, function={"name": "f", "arguments": arguments})
        for id, arguments in (("a", "{}"), ("b", '{"x": 1}'))
    ]
    events = decode("openai_chat", openai(*whole, delta("stop")))
    assert [(e.index, e.id) for e in events if isinstance(e, ToolCallStarted)] == [
        (0, "a"),
        (1, "b"),
    ]
    assert events[-1] == Finished("tool_calls", None)


def test_interleaved_calls_become_blocks_one_after_the_other() -> None:
    data = openai(
        call(0, **started("a", "f")), call(1, **started("b", "g")),
        call(0, **more('{"x"')), call(1, **more('{"y"')), call(0, **more(": 1}")),
        call(1, **more(": 2}")), delta("tool_calls"),
    )  # fmt: skip
    encoder = formats.by_name("anthropic_messages").StreamEncoder(
        Asked(model="m", include_usage=True, id="i", created=1)
    )
    out = b"".join(encoder.encode(event) for event in decode("openai_chat", data))
    again = decode("anthropic_messages", out)
    arguments = {
        index: "".join(
            e.arguments for e in again if isinstance(e, ToolCallDelta) and e.index == index
        )
        for index in (0, 1)
    }
    assert arguments == {0: '{"x": 1}', 1: '{"y": 2}'}


@pytest.mark.parametrize("name", BOTH)
def test_a_stream_that_breaks_off_is_a_failure(name: str) -> None:
    data = TEXT if name == "openai_chat" else ANTHROPIC
    beginning = data[: data.index("Grüße".encode()) + 60]
    with pytest.raises(UpstreamFailed, match="broke off"):
        decode(name, beginning)
    relay = formats.by_name(name).Relay(False)
    relay.feed(beginning)
    with pytest.raises(UpstreamFailed, match="broke off"):
        relay.close()


def test_content_cannot_end_the_stream() -> None:
    trick = "\n\ndata: [DONE]\n\nevent: x"
    for name in NAMES:
        encoder = formats.by_name(name).StreamEncoder(
            Asked(model="m", include_usage=False, id="i", created=1)
        )
        events: list[Event] = [Started("i", "m"), TextDelta(trick), Finished("stop")]
        again = decode(name, b"".join(encoder.encode(event) for event in events))
        assert TextDelta(trick) in again


def test_half_a_surrogate_pair_survives() -> None:
    data = b'data: {"id":"c","choices":[{"delta":{"content":"\\ud83d"}}]}\n\n' + openai(
        delta("stop")
    )
    events = decode("openai_chat", data)
    encoder = formats.by_name("anthropic_messages").StreamEncoder(
        Asked(model="m", include_usage=True, id="i", created=1)
    )
    assert b"\\ud83d" in b"".join(encoder.encode(event) for event in events)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "model",
                    "messages",
                    "role",
                    "content",
                    "type",
                    "text",
                    "tools",
                    "function",
                    "name",
                    "arguments",
                    "id",
                    "tool_calls",
                    "system",
                    "max_tokens",
                    "source",
                    "data",
                    "url",
                    "image_url",
                    "choices",
                    "delta",
                    "message",
                    "usage",
                    "error",
                    "index",
                    "finish_reason",
                    "stop_reason",
                    "content_block",
                    "thinking",
                    "input",
                    "tool_use_id",
                    "stream",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=25,
)


@pytest.mark.parametrize("name", NAMES)
@given(
    body=st.dictionaries(st.sampled_from(["messages", "tools", "tool_choice", "thinking"]), JSON),
    messages=st.lists(
        st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant"]), "content": JSON})
    ),
)
def test_no_request_raises_anything_but_a_400(name: str, body: Any, messages: Any) -> None:
    try:
        prompt = formats.by_name(name).decode_request(
            {"model": "m", "max_tokens": 9, "messages": messages} | body
        )
        for target in NAMES:
            formats.by_name(target).encode_request(prompt, "m", Quirks())
    except (BadRequest, NotSupported):
        pass


@pytest.mark.parametrize("name", NAMES)
@given(
    body=st.dictionaries(
        st.sampled_from(["choices", "content", "message", "usage", "error", "id"]), JSON
    )
)
def test_no_answer_raises_anything_but_an_upstream_error(name: str, body: Any) -> None:
    format = formats.by_name(name)
    try:
        reply = format.decode_response(body)
        for target in NAMES:
            formats.by_name(target).encode_response(reply, Asked(model="m", id="i", created=1))
        format.sniff_response(wire.dumps(body))
    except UpstreamFailed:
        pass


@pytest.mark.parametrize("name", NAMES)
@given(events=st.lists(JSON, max_size=6))
def test_no_stream_raises_anything_but_an_upstream_error(name: str, events: list[Any]) -> None:
    data = b"".join(sse.frame(wire.dumps(event)) for event in events)
    for work in (lambda: decode(name, data), lambda: formats.by_name(name).Relay(True).feed(data)):
        with suppress(UpstreamFailed):
            work()


@given(data=st.binary(max_size=200))
def test_no_bytes_raise_anything_but_value_error(data: bytes) -> None:
    with suppress(ValueError):
        wire.loads(data)


def test_calls_that_share_an_index_are_told_apart_by_their_ids() -> None:
    """Some servers send every call under index 0."""
    data = openai(
        call(0, **started("a", "f")), call(0, **more("1")), call(0, id="a", **more("2")),
        call(0, **started("b", "g")), call(0, id="", **more("3")), delta("tool_calls"),
    )  # fmt: skip
    told = [e for e in decode("openai_chat", data) if isinstance(e, ToolCallDelta)]
    assert told == [ToolCallDelta(0, "1"), ToolCallDelta(0, "2"), ToolCallDelta(1, "3")]


def test_signed_thoughts_reach_an_anthropic_client_from_an_openai_upstream() -> None:
    def detail(**fields: Any) -> dict[str, Any]:
        return {"type": "reasoning.text", "format": "anthropic-claude-v1", **fields}

    data = openai(
        delta(reasoning="Hm", reasoning_details=[detail(text="Hm")]),
        delta(reasoning_details=[detail(signature="s")]),
        delta(reasoning_details=[{"type": "reasoning.encrypted", "data": "d"}]),
        delta(reasoning_details=[{"type": "reasoning.encrypted", "data": "e", "format": "x"}]),
        delta(content="Hello"),
        delta("stop"),
    )
    events = decode("openai_chat", data)
    assert events[1:6] == [
        ThinkingDelta("Hm"),
        ThinkingSigned("s", "anthropic_messages"),
        PartSent(RedactedThinking(data="d", signed_by="anthropic_messages")),
        PartSent(RedactedThinking(data="e", signed_by="x")),
        TextDelta("Hello"),
    ]
    encoder = formats.by_name("anthropic_messages").StreamEncoder(
        Asked(model="m", include_usage=True, id="i", created=1)
    )
    again = decode("anthropic_messages", b"".join(encoder.encode(event) for event in events))
    assert again[1:6] == events[1:6]


def test_an_answer_begins_with_its_first_choice() -> None:
    """Azure begins with a chunk that has the filters' findings, and neither id nor model."""
    first = b'data: {"id":"","model":"","choices":[],"prompt_filter_results":[]}\n\n'
    assert decode("openai_chat", first + TEXT)[0] == Started("c1", "m", 5)


def test_a_message_in_parts_is_text_and_thinking() -> None:
    parts = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]},
        {"type": "text", "text": "Hello"},
        "odd",
    ]
    events = decode("openai_chat", openai(delta(content=parts), delta("stop")))
    assert events[1:-1] == [ThinkingDelta("Hm"), TextDelta("Hello")]


def test_usage_is_the_last_told_wherever_it_stands() -> None:
    early = {**delta("stop"), "usage": {"prompt_tokens": 9}}
    events = decode("openai_chat", openai(delta(content="x"), early, delta("stop"), usage=USAGE))
    assert events[-1] == Finished("stop", Usage(3, 2))


def test_an_end_without_its_marker_is_an_end_after_a_finish_reason() -> None:
    assert decode("openai_chat", openai(delta(content="x"), delta("length"), end=""))[-1] == (
        Finished("length", None)
    )
    cut_off = ANTHROPIC.removesuffix(b'event: message_stop\ndata: {"type":"message_stop"}\n\n')
    assert decode("anthropic_messages", cut_off)[-1] == Finished("stop", Usage(3, 2))


@pytest.mark.parametrize("name", BOTH)
def test_an_error_event_is_a_failure_with_the_upstreams_words(name: str) -> None:
    error = sse.frame(b'{"type":"error","error":{"type":"overloaded_error","message":"busy"}}')
    with pytest.raises(UpstreamFailed, match="busy") as caught:
        decode(name, error)
    assert caught.value.upstream_status == 529


def test_arguments_that_come_whole_with_a_calls_start_are_told_once() -> None:
    def tool(input: dict[str, Any], *pieces: str) -> bytes:
        told: list[tuple[str, dict[str, Any]]] = [_EVENTS[0]]
        block = {"type": "tool_use", "id": "a", "name": "f", "input": input}
        told.append(("content_block_start", {"index": 0, "content_block": block}))
        for piece in pieces:
            told.append(("content_block_delta", {"index": 0, "delta": {"partial_json": piece}}))
        told.append(("message_delta", {"delta": {"stop_reason": "tool_use"}}))
        told.append(("message_stop", {}))  # and the block is never closed
        return b"".join(sse.frame(wire.dumps({"type": kind, **more}), kind) for kind, more in told)

    for data, arguments in (
        (tool({"x": 1}), '{"x":1}'),
        (tool({}, '{"x"', ":1}"), '{"x":1}'),
        (tool({"x": 1}, '{"x":1}'), '{"x":1}'),
        (tool({}), ""),
    ):
        events = decode("anthropic_messages", data)
        said = "".join(e.arguments for e in events if isinstance(e, ToolCallDelta))
        assert said == arguments
        assert isinstance(events[-1], Finished)


def test_what_an_openai_client_gets_is_a_stream_of_its_kind() -> None:
    encoder = formats.by_name("openai_chat").StreamEncoder(
        Asked(model="called", include_usage=True, id="i", created=1)
    )
    events: list[Event] = [
        Started("c", "m", 5),
        TextDelta("Hi"),
        ToolCallStarted(0, "a", "f"),
        ToolCallDelta(0, "{}"),
        Finished("tool_calls", Usage(3, 2)),
    ]
    lines = b"".join(encoder.encode(event) for event in events).decode().split("\n\n")
    assert lines[-2:] == ["data: [DONE]", ""]
    chunks = [json.loads(line.removeprefix("data: ")) for line in lines[:-2]]
    assert {(c["id"], c["model"], c["created"], c["object"]) for c in chunks} == {
        ("c", "called", 5, "chat.completion.chunk")
    }
    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    assert deltas[0]["role"] == "assistant"
    assert deltas[1] == {"content": "Hi"}
    assert deltas[2]["tool_calls"][0] == {
        "index": 0,
        "id": "a",
        "type": "function",
        "function": {"name": "f", "arguments": ""},
    }
    assert chunks[-2]["choices"][0]["finish_reason"] == "tool_calls"
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["total_tokens"] == 5


def test_what_an_anthropic_client_gets_is_a_stream_of_its_kind() -> None:
    """Named events; blocks one after the other, each closed; the input told at the start."""
    encoder = formats.by_name("anthropic_messages").StreamEncoder(
        Asked(model="called", include_usage=True, id="i", created=1)
    )
    events: list[Event] = [
        Started("m", "x", None, Usage(10, 0, 4)),
        ThinkingDelta("Hm"),
        ThinkingSigned("s", "anthropic_messages"),
        TextDelta("Hi"),
        ToolCallStarted(0, "a", "f"),
        ToolCallDelta(0, "{}"),
        Finished("tool_calls", Usage(10, 2, 4)),
    ]
    out = b"".join(encoder.encode(event) for event in events).decode()
    sent = [frame.split("\n") for frame in out.split("\n\n")[:-1]]
    told = [json.loads(data.removeprefix("data: ")) for _, data in sent]
    assert [name.removeprefix("event: ") for name, _ in sent] == [event["type"] for event in told]
    assert [(event["type"].removeprefix("content_block_"), event.get("index")) for event in told] == [
        ("message_start", None),
        ("start", 0), ("delta", 0), ("delta", 0), ("stop", 0),
        ("start", 1), ("delta", 1), ("stop", 1),
        ("start", 2), ("delta", 2), ("stop", 2),
        ("message_delta", None), ("message_stop", None),
    ]  # fmt: skip
    assert told[0]["message"]["usage"]["input_tokens"] == 6
    assert told[0]["message"]["usage"]["cache_read_input_tokens"] == 4
    assert told[-2]["usage"]["output_tokens"] == 2


@pytest.mark.parametrize("name", NAMES)
def test_what_is_nested_too_deeply_to_be_read_is_a_failure(name: str) -> None:
    data = b'{"error":' + b"[" * 5000
    with pytest.raises(UpstreamFailed):
        decode(name, sse.frame(data))
    with pytest.raises(UpstreamFailed):
        formats.by_name(name).sniff_response(data)
