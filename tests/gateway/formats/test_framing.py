"""Server-sent events and JSON, as the network and other people's servers deliver them."""

import json
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.errors import BadRequest, UpstreamFailed
from gateway.formats import sse, wire


@dataclass(frozen=True)
class Case:
    id: str
    sent: bytes
    data: list[bytes]


CASES = [
    Case("the ordinary event", b"data: {}\n\n", [b"{}"]),
    Case("no blank after the colon", b"data:{}\n\n", [b"{}"]),
    Case("two events", b"data: 1\n\ndata: 2\n\n", [b"1", b"2"]),
    Case("a named event", b"event: x\ndata: {}\n\n", [b"{}"]),
    Case("the name last", b"data: {}\nevent: x\n\n", [b"{}"]),
    Case("a comment before", b": hello\n\ndata: {}\n\n", [b"", b"{}"]),
    Case("a comment inside", b": hello\ndata: {}\n\n", [b"{}"]),
    Case("several lines of data", b'data: {"a":\ndata: 1}\n\n', [b'{"a":\n1}']),
    Case("CRLF", b"data: {}\r\n\r\ndata: 2\r\n\r\n", [b"{}", b"2"]),
    Case("CR", b"data: {}\r\rdata: 2\r\rx", [b"{}", b"2"]),
    Case("mixed line ends", b"data: {}\n\r\ndata: 2\r\n\ndata: 3\n\rx", [b"{}", b"2", b"3"]),
    Case("a byte order mark", b"\xef\xbb\xbfdata: {}\n\n", [b"{}"]),
    Case("empty lines between", b"data: 1\n\n\n\ndata: 2\n\n", [b"1", b"", b"2"]),
    Case("an odd number of them", b"data: 1\n\n\ndata: 2\n\n", [b"1", b"2"]),
    Case("other fields", b"id: 1\nretry: 5\ndata: {}\nfoo\n\n", [b"{}"]),
    Case("no data", b"event: ping\n\n", [b""]),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_events_are_found(case: Case) -> None:
    assert [sse.data_of(event) for event in sse.Splitter().feed(case.sent)] == case.data


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_events_are_found_byte_by_byte(case: Case) -> None:
    splitter = sse.Splitter()
    sent = [event for byte in case.sent for event in splitter.feed(bytes([byte]))]
    assert [sse.data_of(event) for event in sent] == case.data


@given(pieces=st.lists(st.text("a:\r\n ").map(str.encode), max_size=12))
def test_nothing_is_lost_or_added(pieces: list[bytes]) -> None:
    splitter = sse.Splitter()
    events = b"".join(event for piece in pieces for event in splitter.feed(piece))
    sent = b"".join(pieces)
    assert sent.startswith(events)
    assert sent[len(events) :].strip(b"\r\n") == splitter.rest()


PIECES = [b"data: 1\n\n", b"event: x\ndata: 2\n\n", b"data: ", b"event: x\n", b"3", b"\n", b": 4\n"]


@example(data=b"data: 3\n3\n\n")
@example(data=b"data: 3\ndata: 2\n\n")
@given(data=st.lists(st.sampled_from(PIECES), max_size=8).map(b"".join))
def test_the_short_way_finds_what_the_long_way_finds(data: bytes) -> None:
    """`unnamed_lines` and `named_lines` only give what reading event by event gives."""
    events = [content for e in sse.Splitter().feed(data) if (content := sse.data_of(e))]
    for lines in (sse.unnamed_lines(data), sse.named_lines(data)):
        if lines is not None and all(_is_json(line) for line in lines.split(b"\n")):
            assert [line.strip() for line in lines.split(b"\n") if line.strip()] == events


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line or b"0")
    except ValueError:
        return False
    return True


def test_an_ordinary_piece_goes_the_short_way() -> None:
    assert sse.unnamed_lines(b"data: 1\n\ndata: 2\n\n") == b"1\n2\n"
    assert sse.named_lines(b"event: a\ndata: 1\n\nevent: b\ndata: 2\n\n") == b"1\n2"


def test_an_event_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "MAX_EVENT_BYTES", 1000)
    splitter = sse.Splitter()
    for _ in range(10):
        splitter.feed(b"x" * 100)
    with pytest.raises(UpstreamFailed, match="an event of the stream is over"):
        splitter.feed(b"x")


def test_a_frame_is_read_back() -> None:
    assert sse.Splitter().feed(sse.frame(b"{}")) == [b"data: {}\n\n"]
    assert sse.frame(b"{}", "ping") == b"event: ping\ndata: {}\n\n"


# --- JSON ------------------------------------------------------------------------------------

REFUSED: dict[str, bytes | str] = {
    "nothing": b"",
    "half an object": b'{"a":',
    "two values": b"{}{}",
    "no UTF-8": b'"\xff"',
    "half a surrogate pair outside an escape": '"\ud83d"'.encode(errors="surrogatepass"),
    "not a number": b"NaN",
    "infinity": b"-Infinity",
    "a number out of range": b"1e999",
    "an endless integer": b"1" * 5000,
    "nested without end": b"[" * 100_000,
    "a text with half a pair": "\ud83d",
}


@pytest.mark.parametrize("sent", REFUSED.values(), ids=REFUSED.keys())
def test_what_is_no_json_is_a_value_error(sent: bytes | str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # whose words are the parser's
        wire.loads(sent)


@given(sent=st.binary(max_size=60) | st.text(max_size=60))
def test_whatever_is_read_only_value_errors_come(sent: bytes | str) -> None:
    with suppress(ValueError):
        wire.loads(sent)


def test_half_a_surrogate_pair_as_an_escape_survives() -> None:
    sent = b'{"a":"x\\ud83d"}'
    assert wire.dumps(wire.loads(sent)) == sent


def test_order_and_blanks() -> None:
    assert (
        wire.dumps({"b": 1, "a": [True, None, 1.5, "ü"]})
        == '{"b":1,"a":[true,null,1.5,"ü"]}'.encode()
    )


def test_what_could_just_be_read_and_has_grown_is_refused() -> None:
    value: Any = "x"
    for _ in range(5000):
        value = [value]
    with pytest.raises(BadRequest, match="nested too deeply"):
        wire.dumps(value)
    with pytest.raises(BadRequest, match="nested too deeply"):
        wire.dumps(["\ud83d", value])
