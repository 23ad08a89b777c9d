"""Amazon's binary event stream, as the network delivers it and as it can be damaged."""

import struct
from contextlib import suppress
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import UpstreamFailed
from gateway.formats import aws_eventstream
from gateway.formats.aws_eventstream import Message, Splitter, read, write

# Written out byte by byte, so that the reader is not only measured by the writer.
# A message of 16 + 12 + 2 bytes: one header `a` with the text `bcdefghi`, and the payload `{}`.
BY_HAND = (
    bytes.fromhex("0000001e 0000000c".replace(" ", ""))
    + struct.pack(">I", crc32(bytes.fromhex("0000001e0000000c")))
    + b"\x01a\x07\x00\x07bcdefgh"
    + b"{}"
)
BY_HAND += struct.pack(">I", crc32(BY_HAND))

headers = st.dictionaries(st.text(max_size=20), st.text(max_size=40), max_size=4)
messages = st.builds(Message, headers, st.binary(max_size=80))


def read_all(data: bytes) -> list[Message]:
    return [read(frame) for frame in Splitter().feed(data)]


def test_a_message_is_read_from_its_bytes() -> None:
    assert Splitter().feed(BY_HAND) == [BY_HAND]
    assert read(BY_HAND) == Message({"a": "bcdefgh"}, b"{}")
    assert write({"a": "bcdefgh"}, b"{}") == BY_HAND


def test_headers_of_every_type_are_stepped_over() -> None:
    values = {
        0: b"", 1: b"", 2: b"\x01", 3: b"\x00\x01", 4: b"\x00" * 4, 5: b"\x00" * 8,
        6: b"\x00\x03abc", 7: b"\x00\x01x", 8: b"\x00" * 8, 9: b"\x00" * 16,
    }  # fmt: skip
    told = b"".join(bytes([2, 104, 48 + kind, kind]) + value for kind, value in values.items())
    assert read(framed(told, b"{}")) == Message({"h7": "x"}, b"{}")


def framed(told: bytes, payload: bytes) -> bytes:
    lengths = struct.pack(">II", 16 + len(told) + len(payload), len(told))
    whole = lengths + struct.pack(">I", crc32(lengths)) + told + payload
    return whole + struct.pack(">I", crc32(whole))


@given(sent=st.lists(messages, max_size=5), cuts=st.lists(st.integers(0, 800), max_size=8))
def test_where_the_stream_is_cut_makes_no_difference(sent: list[Message], cuts: list[int]) -> None:
    data = b"".join(write(message.headers, message.payload) for message in sent)
    ends = sorted({min(cut, len(data)) for cut in cuts} | {len(data)})
    splitter = Splitter()
    pieces = [data[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    found = [frame for piece in pieces for frame in splitter.feed(piece)]
    assert b"".join(found) == data
    assert [read(frame) for frame in found] == sent
    assert not splitter.holds


def test_byte_by_byte_a_message_comes_out_with_its_last_byte() -> None:
    splitter = Splitter()
    for byte in BY_HAND[:-1]:
        assert splitter.feed(bytes([byte])) == []
        assert splitter.holds
    assert splitter.feed(BY_HAND[-1:]) == [BY_HAND]


def test_the_beginning_of_a_message_is_forgotten_at_the_end() -> None:
    splitter = Splitter()
    splitter.feed(BY_HAND + BY_HAND[:20])
    assert splitter.rest() == b""
    assert splitter.feed(BY_HAND) == [BY_HAND]


@given(position=st.integers(0, len(BY_HAND) - 1), bit=st.integers(0, 7))
def test_a_flipped_bit_is_noticed(position: int, bit: int) -> None:
    damaged = bytearray(BY_HAND)
    damaged[position] ^= 1 << bit
    with pytest.raises(UpstreamFailed, match="damaged"):
        read_all(bytes(damaged))


@given(data=st.binary(max_size=200))
def test_anything_else_is_an_upstream_failure(data: bytes) -> None:
    with suppress(UpstreamFailed):
        read_all(data)


@given(told=st.binary(min_size=1, max_size=60))
def test_headers_of_any_bytes_are_read_or_refused(told: bytes) -> None:
    with suppress(UpstreamFailed):
        read(framed(told, b""))


@pytest.mark.parametrize(
    ("length", "told"),
    [(aws_eventstream.MAX_MESSAGE_BYTES + 1, 0), (1 << 20, aws_eventstream.MAX_HEADERS_BYTES + 1)],
    ids=["a long message", "long headers"],
)
def test_what_would_be_too_long_is_refused_by_its_first_bytes(length: int, told: int) -> None:
    lengths = struct.pack(">II", length, told)
    with pytest.raises(UpstreamFailed, match="over 24 MB"):
        Splitter().feed(lengths + struct.pack(">I", crc32(lengths)))


@pytest.mark.parametrize(("length", "told"), [(0, 0), (15, 0), (20, 5)])
def test_lengths_that_cannot_be_are_refused(length: int, told: int) -> None:
    lengths = struct.pack(">II", length, told)
    with pytest.raises(UpstreamFailed, match="damaged"):
        Splitter().feed(lengths + struct.pack(">I", crc32(lengths)))
