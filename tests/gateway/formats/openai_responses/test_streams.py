"""Streams of the Responses API, both ways."""

import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import formats
from gateway.errors import UpstreamFailed
from gateway.formats import openai_responses, sse, wire
from gateway.formats.types import (
    Asked,
    Citation,
    CitationSent,
    Event,
    Finish,
    Finished,
    Image,
    JSONDict,
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

NAME = "openai_responses"
USAGE = {"input_tokens": 3, "output_tokens": 2}


def event(kind: str, named: bool = True, **content: Any) -> bytes:
    data = wire.dumps({"type": f"response.{kind}", **content})
    return sse.frame(data, f"response.{kind}" if named else None)


def item(index: int, kind: str, **fields: Any) -> JSONDict:
    return {"output_index": index, "item": {"type": kind, "id": f"i_{index}", **fields}}


def message(*content: JSONDict) -> JSONDict:
    return {"role": "assistant", "content": list(content)}


def ended(kind: str = "completed", **fields: Any) -> bytes:
    return event(kind, response={"status": kind, "usage": USAGE, "output": []} | fields)


URL = {"type": "url_citation", "url": "u", "title": "t", "start_index": 0, "end_index": 2}
CREATED = event("created", response={"id": "resp_1", "model": "m", "created_at": 7, "status": "in_progress", "error": None})  # fmt: skip
PROGRESS = event("in_progress", response={"id": "resp_1", "model": "m"})
SUMMARY = "reasoning_summary_text.delta"
THOUGHT = b"".join([
    event("output_item.added", **item(0, "reasoning", summary=[])),
    event("reasoning_summary_part.added", output_index=0, summary_index=0),
    event(SUMMARY, output_index=0, summary_index=0, delta="Hm", obfuscation="x"),
    event(SUMMARY, output_index=0, summary_index=1, delta="sö"),
    event("output_item.done", **item(0, "reasoning", summary=[{"type": "summary_text", "text": "Hm"}, {"type": "summary_text", "text": "sö"}], encrypted_content="gAAA")),
])  # fmt: skip
TEXT = b"".join([
    event("output_item.added", **item(1, "message", role="assistant", content=[])),
    event("content_part.added", output_index=1, content_index=0),
    event("output_text.delta", output_index=1, content_index=0, delta="Grüße", logprobs=[]),
    event("output_text.delta", output_index=1, content_index=0, delta=" 👋", logprobs=[]),
    event("output_text.annotation.added", output_index=1, annotation=URL),
    event("output_text.done", output_index=1, text="Grüße 👋"),
    event("output_item.done", **item(1, "message", **message({"type": "output_text", "text": "Grüße 👋", "annotations": [URL]}))),
])  # fmt: skip
CALLS = b"".join([
    event("output_item.added", **item(2, "function_call", call_id="a", name="f", arguments="")),
    event("function_call_arguments.delta", output_index=2, delta='{"x"'),
    event("function_call_arguments.delta", output_index=2, delta=":1}"),
    event("output_item.done", **item(2, "function_call", call_id="a", name="f", arguments='{"x":1}')),
    event("output_item.added", **item(3, "custom_tool_call", call_id="b", name="p", input="")),
    event("custom_tool_call_input.delta", output_index=3, delta="x\n"),
    event("output_item.done", **item(3, "custom_tool_call", call_id="b", name="p", input="x\n")),
])  # fmt: skip
STREAM = CREATED + PROGRESS + THOUGHT + TEXT + CALLS + ended()
EVENTS: list[Event] = [
    Started("resp_1", "m", 7),
    ThinkingDelta("Hm"),
    ThinkingDelta("\n\nsö"),
    ThinkingSigned("gAAA", NAME),
    TextDelta("Grüße"),
    TextDelta(" 👋"),
    CitationSent(Citation(format=NAME, value=URL, url="u", title="t", start=0, end=2)),
    ToolCallStarted(0, "a", "f"),
    ToolCallDelta(0, '{"x"'),
    ToolCallDelta(0, ":1}"),
    ToolCallStarted(1, "b", "p", True),
    ToolCallDelta(1, "x\n"),
    Finished("tool_calls", Usage(3, 2)),
]


def decode(*pieces: bytes) -> list[Event]:
    decoder = openai_responses.StreamDecoder()
    events = [event for piece in pieces for event in decoder.feed(piece)]
    return events + decoder.close()


def cut(data: bytes, places: list[int]) -> list[bytes]:
    ends = sorted(place % (len(data) + 1) for place in places)
    return [data[start:end] for start, end in zip([0, *ends], [*ends, len(data)], strict=True)]


def test_what_the_events_are() -> None:
    assert decode(STREAM) == EVENTS


@given(places=st.lists(st.integers(0, 10_000), max_size=12), crlf=st.booleans())
def test_where_a_stream_is_cut_makes_no_difference(places: list[int], crlf: bool) -> None:
    data = STREAM.replace(b"\n", b"\r\n") if crlf else STREAM
    assert decode(*cut(data, places)) == EVENTS
    relay = openai_responses.Relay(False)
    passed = b"".join(relay.feed(piece) for piece in cut(data, places)) + relay.close()
    assert passed == data
    assert relay.finished
    assert relay.usage == Usage(3, 2)
    assert relay.text_chars == len("Hm\n\nsöGrüße 👋") + len('{"x":1}x\n')


ODDITIES: list[tuple[str, bytes]] = [
    ("no `event:` lines", STREAM.replace(b"event: ", b"x-event: ")),
    ("comments", b": ping\n\n" + STREAM.replace(TEXT, b": ping\n\n" + TEXT)),
    ("a marker after the end", STREAM + b"data: [DONE]\n\n"),
    ("a marker in the same piece as the end of an event", STREAM[:-1] + b"\ndata: [DONE]\n\n"),
    ("no empty line at the end", STREAM.removesuffix(b"\n\n")),
    ("events after the end", STREAM + TEXT),
    ("events that are not known", STREAM.replace(TEXT, event("made_up", x=1) + TEXT)),
    ("no second announcement", STREAM.replace(PROGRESS, b"")),
]


@pytest.mark.parametrize("data", [row[1] for row in ODDITIES], ids=[row[0] for row in ODDITIES])
def test_oddities_of_servers_make_no_difference(data: bytes) -> None:
    assert decode(data) == EVENTS


WHOLE: list[tuple[str, JSONDict, list[Event]]] = [
    ("text", item(0, "message", **message({"type": "output_text", "text": "a", "annotations": [URL]})), [TextDelta("a"), EVENTS[6]]),
    ("a refusal", item(0, "message", **message({"type": "refusal", "refusal": "no"})), [RefusalDelta("no")]),
    ("a call", item(0, "function_call", call_id="a", name="f", arguments="{}"), [ToolCallStarted(0, "a", "f"), ToolCallDelta(0, "{}")]),
    ("a thought", item(0, "reasoning", summary=[], content=[{"type": "reasoning_text", "text": "Hm"}]), [ThinkingDelta("Hm")]),
    ("a thought in cipher", item(0, "reasoning", summary=[], encrypted_content="g"), [PartSent(RedactedThinking(data="g", signed_by=NAME))]),
    ("an image", item(0, "image_generation_call", result="AAAA"), [PartSent(Image(data="AAAA", media_type="image/png"))]),
    ("a search", item(0, "web_search_call", status="completed"), [PartSent(Opaque(format=NAME, value={"type": "web_search_call", "id": "i_0", "status": "completed"}))]),
]  # fmt: skip


@pytest.mark.parametrize(("content", "events"), [row[1:] for row in WHOLE], ids=[row[0] for row in WHOLE])  # fmt: skip
def test_an_item_that_comes_in_one_piece_is_told(content: JSONDict, events: list[Event]) -> None:
    """Some servers send no deltas, and some nothing but the whole answer at the end."""
    finish: Finish = "tool_calls" if content["item"]["type"] == "function_call" else "stop"
    if isinstance(events[0], RefusalDelta):
        finish = "refusal"
    expected = [EVENTS[0], *events, Finished(finish, Usage(3, 2))]
    output = [content["item"]]
    done = event("output_item.done", **content)
    assert decode(CREATED + done + ended()) == expected
    assert decode(CREATED + done + ended(output=output)) == expected
    assert decode(CREATED + event("output_item.added", **content) + ended(output=output)) == expected  # fmt: skip
    assert decode(CREATED + ended(output=output)) == expected
    first = ended(output=output, id="resp_1", model="m", created_at=7)
    assert decode(first) == expected


def test_raw_thoughts_and_refusals_come_in_deltas_too() -> None:
    raw = event("reasoning_text.delta", output_index=0, content_index=0, delta="Hm")
    no = event("refusal.delta", output_index=1, delta="no")
    finish = Finished("length", Usage(3, 2))
    end = ended("incomplete", incomplete_details={"reason": "max_output_tokens"})
    assert decode(CREATED + raw + no + end) == [EVENTS[0], ThinkingDelta("Hm"), RefusalDelta("no"), finish]  # fmt: skip


FAILURES: list[tuple[str, bytes, str, int | None]] = [
    ("a failed response", event("failed", response={"status": "failed", "error": {"code": "rate_limit_exceeded", "message": "slow down"}}), "slow down", 429),
    ("an error event", sse.frame(b'{"type":"error","code":"server_error","message":"no luck"}', "error"), "no luck", 200),
    ("an error event with an object", sse.frame(b'{"type":"error","error":{"type":"rate_limit_error","message":"slow"}}', "error"), "slow", 429),
    ("no end", b"", "broke off", None),
    ("a marker instead of an end", b"data: [DONE]\n\n", "broke off", None),
    ("what is no JSON", b"data: oops\n\n", "something else", None),
    ("what is no object", b"data: 5\n\n", "something else", None),
]  # fmt: skip


@pytest.mark.parametrize(("data", "words", "status"), [row[1:] for row in FAILURES], ids=[row[0] for row in FAILURES])  # fmt: skip
def test_a_broken_stream_is_a_failure(data: bytes, words: str, status: int | None) -> None:
    for begun in (b"", CREATED, CREATED + PROGRESS + TEXT):
        with pytest.raises(UpstreamFailed, match=words) as caught:
            decode(begun + data)
        assert caught.value.upstream_status == status


def test_a_failure_before_any_content_leaves_room_for_another_target() -> None:
    relay = openai_responses.Relay(False)
    relay.feed(CREATED + PROGRESS)
    assert not relay.started
    with pytest.raises(UpstreamFailed, match="slow down"):
        relay.feed(FAILURES[0][1])


def test_a_failure_after_some_content_is_passed_on() -> None:
    relay = openai_responses.Relay(False)
    assert relay.feed(CREATED + TEXT + FAILURES[0][1]).endswith(FAILURES[0][1])
    assert str(relay.failed) == "slow down"
    assert relay.close() == b""


def test_half_a_surrogate_pair_survives() -> None:
    delta = b'data: {"type":"response.output_text.delta","delta":"\\ud83d"}\n\n'
    assert decode(CREATED + delta + ended())[1] == TextDelta("\ud83d")
    encoder = openai_responses.StreamEncoder(ASKED)
    sent = encoder.encode(TextDelta("\ud83d")) + encoder.encode(Finished("stop"))
    assert json.loads(sent.decode().split("data: ")[-1])["response"]["output"][0]["content"][0]["text"] == "\ud83d"  # fmt: skip


# --- For a client ----------------------------------------------------------------------------

PATCH = {"type": "custom", "name": "apply_patch"}
SPACE = {"type": "namespace", "name": "crm", "tools": [{"type": "function", "name": "f"}]}
ASKED = Asked(model="m", id="x", created=7, request={"tools": [PATCH, SPACE], "instructions": "s"})


def encode(*events: Event) -> bytes:
    encoder = openai_responses.StreamEncoder(ASKED)
    return b"".join(encoder.encode(event) for event in events)


def sent(*events: Event) -> list[JSONDict]:
    """What a client gets, each event checked for its frame and its number."""
    told = []
    for number, frame in enumerate(encode(*events).decode().removesuffix("\n\n").split("\n\n")):
        name, data = frame.split("\n")
        content = json.loads(data.removeprefix("data: "))
        assert name == f"event: {content['type']}"
        assert content.pop("sequence_number") == number
        told.append(content)
    return told


def kinds(*events: Event) -> list[str]:
    return [content["type"].removeprefix("response.") for content in sent(*events)]


BEGIN = Started("chatcmpl-1", "theirs", 8)
STOP = Finished("stop", Usage(3, 2))
AROUND = ["created", "in_progress"]
MESSAGE = [
    "output_item.added", "content_part.added", "output_text.delta", "output_text.done", "content_part.done",
    "output_item.done",
]  # fmt: skip
REASONING = [
    "output_item.added", "reasoning_summary_part.added", "reasoning_summary_text.delta",
    "reasoning_summary_text.done", "reasoning_summary_part.done", "output_item.done",
]  # fmt: skip
CALL = ["output_item.added", "function_call_arguments.delta", "function_call_arguments.done", "output_item.done"]  # fmt: skip
CUSTOM = [kind.replace("function_call_arguments", "custom_tool_call_input") for kind in CALL]
PIECE = ["output_item.added", "output_item.done"]
CITED = CitationSent(Citation(format="anthropic_messages", value={}, url="u", title="t"))

ORDERS: list[tuple[str, list[Event], list[str]]] = [
    ("nothing", [], []),
    ("text", [TextDelta("a")], MESSAGE),
    ("text and a refusal in one message", [TextDelta("a"), RefusalDelta("b")], [*MESSAGE[:-1], "content_part.added", "refusal.delta", "refusal.done", "content_part.done", "output_item.done"]),
    ("a citation", [TextDelta("a"), CITED], [*MESSAGE[:3], "output_text.annotation.added", *MESSAGE[3:]]),
    ("a citation of nothing that has an address", [TextDelta("a"), CitationSent(Citation(format="x", value={}))], MESSAGE),
    ("a thought, then text", [ThinkingDelta("a"), ThinkingSigned("s", "gemini"), TextDelta("b")], REASONING + MESSAGE),
    ("a thought that nobody signed", [ThinkingDelta("a"), TextDelta("b")], REASONING + MESSAGE),
    ("a signature without a thought", [ThinkingSigned("s", "gemini")], [kind for kind in REASONING if not kind.endswith("delta")]),
    ("a thought in cipher", [PartSent(RedactedThinking(data="d", signed_by="gemini"))], PIECE),
    ("text around an image", [TextDelta("a"), PartSent(Image(data="AA")), TextDelta("b")], MESSAGE + PIECE + MESSAGE),
    ("a part of another provider", [PartSent(Opaque(format="gemini", value={}))], []),
    ("calls one after the other", [ToolCallStarted(0, "a", "g"), ToolCallDelta(0, "{}"), ToolCallStarted(1, "b", "g"), ToolCallDelta(1, "{}")], CALL + CALL),
    ("a call without arguments", [ToolCallStarted(0, "a", "g")], CALL),
    ("calls that take turns", [ToolCallStarted(0, "a", "g"), ToolCallStarted(1, "b", "g"), ToolCallDelta(0, "{}"), ToolCallDelta(1, "{}")], [CALL[0], CALL[0], CALL[1], CALL[1], *CALL[2:], *CALL[2:]]),
    ("a call, then text", [ToolCallStarted(0, "a", "g"), ToolCallDelta(0, "{}"), TextDelta("a")], CALL + MESSAGE),
    ("a call of a custom tool", [ToolCallStarted(0, "a", "p", True), ToolCallDelta(0, "x")], CUSTOM),
    ("a function that stands for one", [ToolCallStarted(0, "a", "apply_patch"), ToolCallDelta(0, '{"inp'), ToolCallDelta(0, 'ut":"x"}')], CUSTOM),
]  # fmt: skip


@pytest.mark.parametrize(("events", "order"), [row[1:] for row in ORDERS], ids=[row[0] for row in ORDERS])  # fmt: skip
def test_events_come_in_the_documented_order(events: list[Event], order: list[str]) -> None:
    assert kinds(BEGIN, *events, STOP) == [*AROUND, *order, "completed"]
    assert kinds(*events, STOP) == [*AROUND, *order, "completed"], "an upstream told no beginning"


def test_the_last_event_holds_the_whole_answer() -> None:
    events: list[Event] = [BEGIN, *EVENTS[1:-1], ToolCallStarted(2, "c", "apply_patch"), ToolCallDelta(2, '{"input":"y"}'), ToolCallStarted(3, "d", "crm__f"), STOP]  # fmt: skip
    told = sent(*events)
    response = told[-1]["response"]
    done = [content["item"] for content in told if content["type"].endswith("item.done")]
    assert response["output"] == done
    assert [(item["type"], item["id"]) for item in done] == [
        ("reasoning", "rs_x_0"), ("message", "msg_x_1"), ("function_call", "fc_x_2"),
        ("custom_tool_call", "ctc_x_3"), ("custom_tool_call", "ctc_x_4"), ("function_call", "fc_x_5"),
    ]  # fmt: skip
    assert done[0]["summary"] == [{"type": "summary_text", "text": "Hm\n\nsö"}]
    assert done[0]["encrypted_content"] == "gAAA"
    assert done[1]["content"][0]["annotations"] == [URL]
    assert done[2]["arguments"] == '{"x":1}'
    assert (done[4]["name"], done[4]["input"]) == ("apply_patch", "y")
    assert (done[5]["name"], done[5]["namespace"], done[5]["arguments"]) == ("f", "crm", "{}")
    assert (response["id"], response["status"], response["model"]) == ("resp_x", "completed", "m")
    assert (response["created_at"], response["instructions"]) == (8, "s")
    assert response["usage"]["total_tokens"] == 5
    begun = told[0]["response"]
    assert (begun["status"], begun["output"], begun["usage"]) == ("in_progress", [], None)
    assert told[1]["response"] == begun


def test_an_answer_that_was_cut_short_is_incomplete() -> None:
    *_, done, last = sent(BEGIN, TextDelta("a"), Finished("length", Usage(3, 2)))
    assert last["type"] == "response.incomplete"
    assert last["response"]["incomplete_details"] == {"reason": "max_output_tokens"}
    assert done["item"]["status"] == "incomplete"


def test_a_stream_that_fails_tells_what_there_was() -> None:
    encoder = openai_responses.StreamEncoder(ASKED)
    begun = b"".join(encoder.encode(event) for event in (BEGIN, TextDelta("a")))
    last = json.loads(encoder.fail(UpstreamFailed("no luck")).decode().split("data: ")[1])
    assert last["sequence_number"] == begun.count(b"event: ")
    assert last["response"]["error"] == {"code": "server_error", "message": "no luck"}
    assert (last["response"]["id"], last["response"]["model"]) == ("resp_x", "m")
    assert [item["id"] for item in last["response"]["output"]] == ["msg_x_0"]


@pytest.mark.parametrize("at", [0, 200], ids=["whole events", "cut anywhere"])
def test_a_stream_that_is_passed_on_and_breaks_fails_as_the_response_that_it_began(at: int) -> None:
    begun = event("created", response={"id": "resp_1", "model": "m", "status": "in_progress"}, sequence_number=0)  # fmt: skip
    begun += event("output_text.delta", delta="a", output_index=0, sequence_number=1)
    relay = openai_responses.Relay(False)
    assert relay.feed(begun[:at]) + relay.feed(begun[at:]) == begun
    told = relay.fail(UpstreamFailed("no luck"))
    assert told is not None
    last = json.loads(told.decode().split("data: ")[1])
    assert (last["type"], last["sequence_number"]) == ("response.failed", 2)
    assert (last["response"]["id"], last["response"]["model"]) == ("resp_1", "m")
    assert last["response"]["error"] == {"code": "server_error", "message": "no luck"}


def test_of_a_stream_without_numbers_nothing_is_made_up() -> None:
    relay = openai_responses.Relay(False)
    relay.feed(CREATED + event("output_text.delta", delta="a", output_index=0))
    assert relay.fail(UpstreamFailed("no luck")) is None


def test_arguments_of_a_call_that_has_ended_cannot_be_told() -> None:
    with pytest.raises(UpstreamFailed, match="after other content"):
        encode(ToolCallStarted(0, "a", "g"), TextDelta("a"), ToolCallDelta(0, "{}"))


TEXTS = st.text(max_size=8)
PIECES: st.SearchStrategy[Event] = st.one_of(
    TEXTS.filter(bool).map(TextDelta),
    TEXTS.filter(bool).map(RefusalDelta),
    TEXTS.filter(bool).map(ThinkingDelta),
    st.builds(ThinkingSigned, TEXTS.filter(bool), st.sampled_from(["gemini", NAME])),
    st.builds(lambda data: PartSent(RedactedThinking(data=data, signed_by="gemini")), TEXTS.filter(bool)),
    st.just(PartSent(Image(data="AA", media_type="image/png"))),
)  # fmt: skip


def fold(events: Sequence[Event]) -> list[Any]:
    """Runs of deltas joined; a signature begins no thought of its own, but ends one."""
    folded: list[Any] = []
    for told in events:
        match told:
            case TextDelta(text) | RefusalDelta(text) | ThinkingDelta(text):
                if folded and folded[-1][0] is type(told):
                    folded[-1] = (type(told), folded[-1][1] + text)
                else:
                    folded.append((type(told), text))
            case ToolCallDelta(index, arguments):
                if folded and folded[-1][:2] == (ToolCallDelta, index):
                    folded[-1] = (ToolCallDelta, index, folded[-1][2] + arguments)
                else:
                    folded.append((ToolCallDelta, index, arguments))
            case Started() | Finished():
                pass
            case _:
                folded.append((type(told), told))
    return folded


# Cohere's and Ollama's streams have no place for a signature.
SIGNING = [
    format for name, format in formats.FORMATS.items() if name not in ("cohere_chat", "ollama_chat")
]


@given(events=st.lists(PIECES, max_size=8), places=st.lists(st.integers(0, 10_000), max_size=6))
def test_what_a_client_gets_says_the_same(events: list[Event], places: list[int]) -> None:
    data = encode(BEGIN, *events, STOP)
    back = decode(*cut(data, places))
    assert fold(back) == fold(events)
    refused = any(isinstance(event, RefusalDelta) for event in events)
    assert back[-1] == (Finished("refusal", STOP.usage) if refused else STOP)
    whole = json.loads(data.decode().rpartition("data: ")[2])["response"]
    assert openai_responses.decode_response(whole).usage == STOP.usage


@pytest.mark.parametrize("target", SIGNING, ids=lambda target: target.NAME)
def test_a_translated_stream_says_the_same(target: formats.Format) -> None:
    events = [told for told in EVENTS if told != EVENTS[10] and told != EVENTS[11]]
    encoder = target.StreamEncoder(Asked(model="m", id="x", created=7, include_usage=True))
    decoder = target.StreamDecoder()
    data = b"".join(encoder.encode(told) for told in events)
    back = decoder.feed(data) + decoder.close()
    wanted = [told for told in events if not isinstance(told, CitationSent)]
    got = [told for told in back if not isinstance(told, CitationSent)]
    assert fold(got) == fold(wanted)
    assert got[-1] == EVENTS[-1]


ODD: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, -1, 2**70, 1.5, "", "text", "\ud83d", [], {}, [None], [{}], {"x": 1}]
)
KINDS = sorted({str(line)[len("b'event: ") : -1] for line in STREAM.splitlines() if line.startswith(b"event")})  # fmt: skip
FIELDS = ["delta", "output_index", "sequence_number", "summary_index", "item", "response", "annotation", "error", "code"]  # fmt: skip


@given(
    odd=st.lists(st.tuples(st.sampled_from([*KINDS, "error"]), st.dictionaries(st.sampled_from(FIELDS), ODD)))
)  # fmt: skip
def test_no_stream_raises_anything_but_an_upstream_error(odd: list[tuple[str, JSONDict]]) -> None:
    data = b"".join(sse.frame(wire.dumps({"type": kind} | fields)) for kind, fields in odd)
    with suppress(UpstreamFailed):
        encode(*decode(data + ended()))
    relay = openai_responses.Relay(False)
    with suppress(UpstreamFailed):
        relay.feed(data)
    relay.fail(UpstreamFailed("no luck"))


def test_a_delta_writes_only_the_text_anew() -> None:
    """What a stream holds grows by its text, and by nothing else per event."""
    encoder = openai_responses.StreamEncoder(ASKED)
    encoder.encode(TextDelta("a"))
    piece = encoder.encode(TextDelta("b"))
    assert piece == (
        b"event: response.output_text.delta\n"
        b'data: {"type":"response.output_text.delta","item_id":"msg_x_0","output_index":0,'
        b'"content_index":0,"logprobs":[],"sequence_number":5,"delta":"b"}\n\n'
    )
