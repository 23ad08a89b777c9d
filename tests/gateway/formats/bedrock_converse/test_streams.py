"""Bedrock's streams: read, written, relayed and broken."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import UpstreamFailed
from gateway.formats import aws_eventstream, bedrock_converse, wire
from gateway.formats.types import (
    Asked,
    Citation,
    CitationSent,
    Event,
    Finished,
    Image,
    JSONDict,
    Opaque,
    PartSent,
    RedactedThinking,
    Started,
    TextDelta,
    ThinkingDelta,
    ThinkingSigned,
    ToolCallDelta,
    ToolCallStarted,
    Usage,
)

ASKED = Asked(model="m", id="id", created=0)


def stream(*events: JSONDict) -> bytes:
    """Each event an object with a single key, as SDKs show them."""
    return b"".join(
        aws_eventstream.event(kind, wire.dumps(told | {"p": "abcdef"}))
        for event in events
        for kind, told in event.items()
    )


def delta(index: int, **told: Any) -> JSONDict:
    return {"contentBlockDelta": {"contentBlockIndex": index, "delta": told}}


def start(index: int, **told: Any) -> JSONDict:
    return {"contentBlockStart": {"contentBlockIndex": index, "start": told}}


def stop(index: int) -> JSONDict:
    return {"contentBlockStop": {"contentBlockIndex": index}}


def end(reason: str = "end_turn", **told: Any) -> JSONDict:
    return {"messageStop": {"stopReason": reason, **told}}


BEGIN: JSONDict = {"messageStart": {"role": "assistant"}}
METADATA: JSONDict = {
    "metadata": {
        "usage": {"inputTokens": 5, "outputTokens": 7, "cacheReadInputTokens": 2},
        "metrics": {"latencyMs": 1},
    }
}
USAGE = Usage(7, 7, 2, 0)
STOPPED = Finished("stop", USAGE)
CITED: JSONDict = {"title": "t", "location": {"web": {"url": "https://x.test/"}}}
CALL: JSONDict = {"toolUseId": "1", "name": "n"}
CODE: JSONDict = {"toolUseId": "s", "name": "code", "type": "server_tool_use"}
RAN: JSONDict = {"toolUseId": "s", "status": "success", "type": "code_result"}


def read(*pieces: bytes) -> list[Event]:
    decoder = bedrock_converse.StreamDecoder()
    events = [event for piece in pieces for event in decoder.feed(piece)]
    return events + decoder.close()


@dataclass(frozen=True)
class Case:
    """`events` stand between `Started` and `Finished`."""

    id: str
    sent: list[JSONDict]
    events: list[Event]
    finished: Finished = STOPPED


CASES = [
    Case(
        "text begins without a start",
        [BEGIN, delta(0, text="Hel"), delta(0, text=""), delta(0, text="lo"), stop(0), end(), METADATA],
        [TextDelta("Hel"), TextDelta("lo")],
    ),
    Case(
        "a start that says nothing",
        [BEGIN, start(0), delta(0, text="Hi"), stop(0), end(), METADATA],
        [TextDelta("Hi")],
    ),
    Case("no messageStart", [delta(0, text="Hi"), stop(0), end(), METADATA], [TextDelta("Hi")]),
    Case("no metadata", [BEGIN, delta(0, text="Hi"), end()], [TextDelta("Hi")], Finished("stop")),
    Case("the metadata first", [BEGIN, delta(0, text="Hi"), METADATA, end()], [TextDelta("Hi")]),
    Case(
        "what comes after the end is not read",
        [BEGIN, end(), METADATA, delta(0, text="?")],
        [],
    ),
    Case(
        "two calls, the second without arguments",
        [
            BEGIN,
            start(0, toolUse=CALL | {"type": "tool_use"}),
            delta(0, toolUse={"input": ""}),
            delta(0, toolUse={"input": '{"a":'}),
            delta(0, toolUse={"input": "1}"}),
            stop(0),
            start(1, toolUse={"toolUseId": "2", "name": "m"}),
            delta(1, toolUse={"input": ""}),
            stop(1),
            end("tool_use"),
            METADATA,
        ],
        [
            ToolCallStarted(0, "1", "n"),
            ToolCallDelta(0, '{"a":'),
            ToolCallDelta(0, "1}"),
            ToolCallStarted(1, "2", "m"),
            ToolCallDelta(1, "{}"),
        ],
        Finished("tool_calls", USAGE),
    ),
    Case(
        "a call whose block does not end",
        [BEGIN, start(0, toolUse=CALL), end("tool_use"), METADATA],
        [ToolCallStarted(0, "1", "n"), ToolCallDelta(0, "{}")],
        Finished("tool_calls", USAGE),
    ),
    Case(
        "thoughts, signed and redacted",
        [
            BEGIN,
            delta(0, reasoningContent={"text": "Hm"}),
            delta(0, reasoningContent={"signature": "sig"}),
            stop(0),
            delta(1, reasoningContent={"redactedContent": "RXFR"}),
            delta(1, reasoningContent={"redactedContent": "Qg=="}),
            stop(1),
            end(),
            METADATA,
        ],
        [
            ThinkingDelta("Hm"),
            ThinkingSigned("sig", "anthropic_messages"),
            PartSent(RedactedThinking(data="EqQB", signed_by="anthropic_messages")),
        ],
    ),
    Case(
        "a citation comes before the text that it is of, and is told after it",
        [BEGIN, delta(0, citation=CITED), delta(0, text="In 1993"), stop(0), end(), METADATA],
        [
            TextDelta("In 1993"),
            CitationSent(
                Citation(format="bedrock_converse", value=CITED, url="https://x.test/", title="t")
            ),
        ],
    ),
    Case(
        "a tool that the provider runs",
        [
            BEGIN,
            start(0, toolUse=CODE),
            delta(0, toolUse={"input": '{"x":'}),
            delta(0, toolUse={"input": "1}"}),
            stop(0),
            start(1, toolResult=RAN),
            delta(1, toolResult=[{"json": {"out": 2}}]),
            stop(1),
            end(),
            METADATA,
        ],
        [
            PartSent(
                Opaque(format="bedrock_converse", value={"toolUse": CODE | {"input": {"x": 1}}})
            ),
            PartSent(
                Opaque(
                    format="bedrock_converse",
                    value={"toolResult": RAN | {"content": [{"json": {"out": 2}}]}},
                )
            ),
        ],
    ),
    Case(
        "an image",
        [
            BEGIN,
            start(0, image={"format": "png"}),
            delta(0, image={"source": {"bytes": "AAAA"}}),
            stop(0),
            end(),
            METADATA,
        ],
        [PartSent(Image(data="AAAA", media_type="image/png"))],
    ),
    Case(
        "the stop sequence that was met, where Claude tells",
        [
            BEGIN,
            end("stop_sequence", additionalModelResponseFields={"delta": {"stop_sequence": "|"}}),
            METADATA,
        ],
        [],
        Finished("stop_sequence", USAGE, "|"),
    ),
    Case(
        "an event of a kind that is not known yet",
        [BEGIN, {"hologram": {"a": 1}}, delta(0, hologram=1), end(), METADATA],
        [],
    ),
    Case(
        "fields of another type",
        [BEGIN, delta(0, text="Hi", citation=3), {"contentBlockStop": {}}, end(), METADATA],
        [TextDelta("Hi")],
    ),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_stream_is_read(case: Case) -> None:
    assert read(stream(*case.sent)) == [Started("", ""), *case.events, case.finished]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_stream_that_is_written_and_read_again_says_the_same(case: Case) -> None:
    encoder = bedrock_converse.StreamEncoder(ASKED)
    events = read(stream(*case.sent))
    assert read(b"".join(encoder.encode(event) for event in events)) == events


@given(cuts=st.lists(st.integers(0, 2000), max_size=8), which=st.sampled_from(CASES))
def test_where_a_stream_is_cut_makes_no_difference(cuts: list[int], which: Case) -> None:
    data = stream(*which.sent)
    ends = sorted({min(cut, len(data)) for cut in cuts} | {len(data)})
    pieces = [data[a:b] for a, b in zip([0, *ends], ends, strict=False)]
    assert read(*pieces) == read(data)
    relay = bedrock_converse.Relay(False)
    assert b"".join(map(relay.feed, pieces)) + relay.close() == data
    assert (relay.started, relay.finished) == (True, True)
    assert relay.usage == which.finished.usage


def test_half_a_character_is_read() -> None:
    payload = b'{"contentBlockIndex":0,"delta":{"text":"\\ud83d"}}'
    events = read(aws_eventstream.event("contentBlockDelta", payload) + stream(end(), METADATA))
    assert events[1] == TextDelta("\ud83d")


EXCEPTIONS = [
    ("throttlingException", 429),
    ("ThrottlingException", 429),
    ("serviceUnavailableException", 503),
    ("internalServerException", 500),
    ("modelStreamErrorException", 424),
    ("validationException", 400),
    ("unheardOfException", 200),
]


@pytest.mark.parametrize(("kind", "status"), EXCEPTIONS)
def test_an_exception_in_a_stream_is_a_failure(kind: str, status: int) -> None:
    sent = stream(BEGIN, delta(0, text="Hi"))
    sent += aws_eventstream.exception(kind, b'{"message":"Too many requests"}')
    decoder = bedrock_converse.StreamDecoder()
    with pytest.raises(UpstreamFailed, match="Too many requests") as failure:
        decoder.feed(sent)
    assert failure.value.upstream_status == status


def test_an_error_without_a_payload_is_one_too() -> None:
    headers = {
        ":message-type": "error",
        ":error-code": "InternalServerException",
        ":error-message": "Broken",
    }
    with pytest.raises(UpstreamFailed, match="Broken") as failure:
        read(aws_eventstream.write(headers, b""))
    assert failure.value.upstream_status == 500


def test_a_relay_passes_an_exception_on_once_content_has_gone() -> None:
    broken = aws_eventstream.exception("throttlingException", b'{"message":"Slower"}')
    early = bedrock_converse.Relay(False)
    with pytest.raises(UpstreamFailed, match="Slower"):
        early.feed(stream(BEGIN) + broken)
    late, sent = bedrock_converse.Relay(False), stream(BEGIN, delta(0, text="Hi")) + broken
    assert late.feed(sent) + late.close() == sent
    assert str(late.failed) == "Slower"
    assert not late.finished


BROKEN = [
    ("no end", stream(BEGIN, delta(0, text="Hi"), stop(0))),
    ("nothing", b""),
    ("half a message", stream(BEGIN, delta(0, text="Hi"), end())[:-9]),
    ("JSON and no stream", b'{"message":"No"}' * 4),
    ("a payload that is no JSON", aws_eventstream.event("messageStop", b"{")),
    ("a payload that is no object", aws_eventstream.event("messageStop", b"[]")),
]


@pytest.mark.parametrize("data", [row[1] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_a_stream_that_breaks_off_is_a_failure(data: bytes) -> None:
    with pytest.raises(UpstreamFailed):
        read(data)
    relay = bedrock_converse.Relay(False)
    with pytest.raises(UpstreamFailed):
        _ = relay.feed(data) + relay.close()


NAMES = st.sampled_from(
    [
        "contentBlockIndex", "delta", "start", "stopReason", "usage", "toolUse", "text", "input",
        "reasoningContent", "redactedContent", "citation", "toolResult", "image", "source", "type",
        "content", "signature", "inputTokens", "toolUseId",
    ]
)  # fmt: skip
VALUES: Any = st.recursive(
    st.none() | st.integers() | st.text(max_size=4) | st.just("server_tool_use"),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
BLOCK = st.dictionaries(
    st.sampled_from(["toolUse", "toolResult", "image", "text", "reasoningContent"]),
    st.dictionaries(NAMES, VALUES, max_size=3) | VALUES,
    max_size=2,
)
EVENTS = st.one_of(
    st.tuples(st.just("contentBlockStart"), st.fixed_dictionaries({"start": BLOCK})),
    st.tuples(st.just("contentBlockDelta"), st.fixed_dictionaries({"delta": BLOCK})),
    st.tuples(
        st.sampled_from(["messageStart", "contentBlockStop", "messageStop", "metadata", "x"]),
        st.dictionaries(NAMES, VALUES, max_size=2) | VALUES,
    ),
)


@settings(max_examples=400)
@given(sent=st.lists(EVENTS, max_size=6))
def test_any_events_are_read_or_are_a_failure(sent: list[tuple[str, Any]]) -> None:
    data = b"".join(aws_eventstream.event(kind, wire.dumps(told)) for kind, told in sent)
    with suppress(UpstreamFailed):
        encoder = bedrock_converse.StreamEncoder(ASKED)
        for event in read(data):
            encoder.encode(event)


def test_a_call_that_never_began_cannot_go_on() -> None:
    with pytest.raises(UpstreamFailed, match="never began"):
        bedrock_converse.StreamEncoder(ASKED).encode(ToolCallDelta(0, "{}"))
