"""Answers, streams, errors and the list of models, as Ollama gives them."""

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import ModelNotFound, UpstreamFailed
from gateway.formats import ndjson, ollama_chat, openai_chat
from gateway.formats.types import (
    Asked,
    Event,
    Finished,
    Image,
    PartSent,
    RefusalDelta,
    Reply,
    Started,
    Text,
    TextDelta,
    Thinking,
    ThinkingDelta,
    ThinkingSigned,
    ToolCall,
    ToolCallDelta,
    ToolCallStarted,
    Usage,
)

ASKED = Asked(model="m", id="i", created=1_700_000_000)
WHEN = "2026-08-05T08:11:02.420867123Z"
ARGUMENTS = {"city": "Zürich", "at": 1.0}
COUNTS = {"prompt_eval_count": 3, "eval_count": 2, "total_duration": 5, "load_duration": 1}
WHOLE: dict[str, Any] = {
    "model": "m",
    "created_at": WHEN,
    "message": {
        "role": "assistant",
        "content": "Grüße",
        "thinking": "Hm 🤔",
        "tool_calls": [{"id": "c", "function": {"index": 0, "name": "f", "arguments": ARGUMENTS}}],
    },
    "done": True,
    "done_reason": "stop",
    **COUNTS,
}


def line(done: bool = False, **message: Any) -> dict[str, Any]:
    said = {"role": "assistant", "content": "", **message}
    return {"model": "m", "created_at": WHEN, "message": said, "done": done}


def lines(*told: dict[str, Any], end: str = "\n") -> bytes:
    return (end.join(json.dumps(item, ensure_ascii=False) for item in told) + end).encode()


LAST = line(True) | {"done_reason": "stop"} | COUNTS
STREAM = lines(
    line(thinking="Hm "), line(thinking="🤔"), line(content="Grü"), line(content="ße"),
    line(tool_calls=WHOLE["message"]["tool_calls"]), LAST,
)  # fmt: skip
EVENTS: list[Event] = [
    Started("", "m", 1785917462),
    ThinkingDelta("Hm "),
    ThinkingDelta("🤔"),
    TextDelta("Grü"),
    TextDelta("ße"),
    ToolCallStarted(0, "c", "f"),
    ToolCallDelta(0, '{"city":"Zürich","at":1.0}'),
    Finished("tool_calls", Usage(3, 2)),
]


def decode(*pieces: bytes) -> list[Event]:
    decoder = ollama_chat.StreamDecoder()
    return [event for piece in pieces for event in decoder.feed(piece)] + decoder.close()


def encode(*events: Event) -> list[dict[str, Any]]:
    encoder = ollama_chat.StreamEncoder(ASKED)
    sent = b"".join(encoder.encode(event) for event in events)
    assert sent.endswith(b"\n")
    return [json.loads(item) for item in sent.splitlines()]


def test_an_answer_and_back() -> None:
    reply = ollama_chat.decode_response(WHOLE)
    assert reply.parts == (
        Thinking(text="Hm 🤔"),
        Text(text="Grüße"),
        ToolCall(id="c", name="f", arguments='{"city":"Zürich","at":1.0}'),
    )
    assert (reply.finish, reply.usage, reply.created) == ("tool_calls", Usage(3, 2), 1785917462)
    assert ollama_chat.encode_response(reply, ASKED) == WHOLE


@pytest.mark.parametrize("reason", ["load", "unload", "length", "stop"])
def test_reasons_come_back(reason: str) -> None:
    told = line(True) | {"done_reason": reason}
    reply = ollama_chat.decode_response(told)
    assert reply.finish == ("length" if reason == "length" else "stop")
    assert reply.usage is None
    assert ollama_chat.encode_response(reply, ASKED) == told


def test_calls_without_ids_get_one_each_and_another_the_next_time() -> None:
    calls = [{"function": {"name": "f", "arguments": {}}}] * 2

    def ids(when: str) -> list[str]:
        reply = ollama_chat.decode_response(line(True, tool_calls=calls) | {"created_at": when})
        return [part.id for part in reply.parts if isinstance(part, ToolCall)]

    assert len({*ids(WHEN), *ids("2027-01-01T00:00:00Z")}) == 4
    assert ids(WHEN) == ids(WHEN)
    streamed = decode(lines(line(tool_calls=calls[:1]), line(tool_calls=calls[:1]), LAST))
    assert [event.id for event in streamed if isinstance(event, ToolCallStarted)] == ids(WHEN)


def test_an_answer_says_nothing_that_is_not_known() -> None:
    sent = ollama_chat.encode_response(Reply(id="x", model="y", parts=()), ASKED)
    assert sent == {
        "model": "m",
        "created_at": "2023-11-14T22:13:20Z",
        "message": {"role": "assistant", "content": ""},
        "done": True,
        "done_reason": "stop",
    }


def test_a_stream_means_what_the_answer_means() -> None:
    assert decode(STREAM) == EVENTS


@given(st.lists(st.integers(0, len(STREAM)), max_size=12), st.sampled_from(["\n", "\r\n"]))
def test_a_stream_cut_anywhere_is_the_same(cuts: list[int], end: str) -> None:
    data = STREAM.replace(b"\n", end.encode())
    places = [0, *sorted(cuts), len(data)]
    pieces = [data[a:b] for a, b in itertools.pairwise(places)]
    assert decode(*pieces) == EVENTS
    relay = ollama_chat.Relay(False)
    assert b"".join(relay.feed(piece) for piece in pieces) + relay.close() == data
    assert (relay.started, relay.finished, relay.usage) == (True, True, Usage(3, 2))


def test_a_last_line_without_its_end_counts() -> None:
    assert decode(STREAM[:-1]) == EVENTS
    relay = ollama_chat.Relay(False)
    assert relay.feed(STREAM[:-1]) + relay.close() == STREAM


@pytest.mark.parametrize("at", [0, 10, len(STREAM) // 2, len(STREAM) - 9])
def test_a_stream_without_its_end_has_failed(at: int) -> None:
    with pytest.raises(UpstreamFailed):
        decode(STREAM[:at])
    relay = ollama_chat.Relay(False)
    relay.feed(STREAM[:at])
    with pytest.raises(UpstreamFailed):
        relay.close()


def test_an_error_fails_the_call_wherever_it_stands() -> None:
    error = b'{"error":"out of memory"}\n'
    for before in (b"", lines(line(content="a"))):
        with pytest.raises(UpstreamFailed, match="out of memory"):
            decode(before + error)
    with pytest.raises(UpstreamFailed, match="out of memory"):
        ollama_chat.Relay(False).feed(error)
    with pytest.raises(UpstreamFailed, match="out of memory"):
        ollama_chat.decode_response({"error": "out of memory"})
    with pytest.raises(UpstreamFailed, match="out of memory"):
        ollama_chat.sniff_response(error)
    relay = ollama_chat.Relay(False)
    relay.feed(lines(line(content="a")) + error)
    assert str(relay.failed) == "out of memory"


def test_an_error_in_a_stream_has_a_status() -> None:
    with pytest.raises(UpstreamFailed, match="busy") as failed:
        decode(b'{"error":"busy","status":503}\n')
    assert failed.value.upstream_status == 503


@pytest.mark.parametrize(
    "data",
    [b"[]\n", b"NaN\n", b'{"message": 1}\n', b'{"done": "yes"}\n', b"\xff\n", b"data: {}\n\n",
     b'{"message":{"content":' + b"[" * 5000 + b"\n"],
)  # fmt: skip
def test_what_is_no_answer_fails(data: bytes) -> None:
    with pytest.raises(UpstreamFailed):
        decode(data)
    with pytest.raises(UpstreamFailed):
        ollama_chat.sniff_response(data)


@given(st.binary(max_size=60))
def test_no_bytes_raise_anything_else(data: bytes) -> None:
    for read in (decode, ollama_chat.sniff_response):
        with pytest.raises(UpstreamFailed):
            read(data)


def test_half_a_character_is_passed_on() -> None:
    sent = b'{"message":{"content":"\\ud83d"},"done":true}\n'
    (_, text, _) = decode(sent)
    assert text == TextDelta("\ud83d")
    assert encode(text, Finished("stop"))[0]["message"]["content"] == "\ud83d"


def test_calls_leave_whole_and_before_the_end() -> None:
    sent = encode(
        Started("x", "y", 1_700_000_001),
        ThinkingDelta("Hm"),
        ThinkingSigned("s", "anthropic_messages"),
        TextDelta('"\n'),
        ToolCallStarted(0, "a", "f"),
        ToolCallStarted(1, "b", "g", custom=True),
        ToolCallDelta(0, '{"x"'),
        ToolCallDelta(1, "free"),
        ToolCallDelta(0, ":1}"),
        RefusalDelta("no"),
        PartSent(Image(data="iVBORw0KGgo=")),
        Finished("tool_calls", Usage(7, 5)),
    )
    assert {item["created_at"] for item in sent} == {"2023-11-14T22:13:21Z"}
    assert [item["message"] for item in sent] == [
        {"role": "assistant", "content": "", "thinking": "Hm"},
        {"role": "assistant", "content": '"\n'},
        {"role": "assistant", "content": "no"},
        {"role": "assistant", "content": "", "images": ["iVBORw0KGgo="]},
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [
                {"id": "a", "function": {"index": 0, "name": "f", "arguments": {"x": 1}}},
                {"id": "b", "function": {"index": 1, "name": "g", "arguments": {"input": "free"}}},
            ],
        },
        {"role": "assistant", "content": ""},
    ]
    assert [item["done"] for item in sent] == [False] * 5 + [True]
    assert sent[-1]["done_reason"] == "stop"
    assert (sent[-1]["prompt_eval_count"], sent[-1]["eval_count"]) == (7, 5)


@pytest.mark.parametrize("finish", ["stop", "length", "content_filter", "refusal"])
def test_finishes_survive_this_format(finish: Any) -> None:
    encoder = ollama_chat.StreamEncoder(ASKED)
    assert decode(encoder.encode(Finished(finish, Usage(1, 2))))[-1] == Finished(
        finish, Usage(1, 2)
    )
    reply = Reply(id="", model="", parts=(Text(text="a"),), finish=finish)
    body = ollama_chat.encode_response(reply, ASKED)
    assert ollama_chat.decode_response(body).finish == finish


def test_a_stream_survives_another_format() -> None:
    encoder = openai_chat.StreamEncoder(Asked(model="m", id="i", created=1, include_usage=True))
    decoder = openai_chat.StreamDecoder()
    events = decoder.feed(b"".join(encoder.encode(event) for event in EVENTS)) + decoder.close()
    assert events[1:] == EVENTS[1:]


def test_errors_are_one_string() -> None:
    error = ModelNotFound("no such model", param="model")
    assert ollama_chat.encode_error(error, "r") == {"error": "no such model"}
    assert ollama_chat.encode_stream_error(error, "r") == b'{"error":"no such model"}\n'
    assert (
        ollama_chat.decode_error(404, b'{"error":"model \'x\' not found"}') == "model 'x' not found"
    )


def test_models_have_what_clients_cut_and_compare() -> None:
    (first, second) = ollama_chat.encode_tags(["a", "b/c"])["models"]
    assert (first["name"], second["model"]) == ("a", "b/c")
    assert len(first["digest"]) == 64
    assert first["digest"] != second["digest"]


def test_a_line_without_end_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ndjson, "MAX_LINE_BYTES", 10)
    splitter = ndjson.Splitter()
    assert splitter.feed(b"123456789\n1234567890") == [b"123456789\n"]
    with pytest.raises(UpstreamFailed, match="line"):
        splitter.feed(b"1")
