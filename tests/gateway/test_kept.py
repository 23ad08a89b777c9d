"""Answers that are kept: whole, to the byte, and only those that ended."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import kept as answers
from gateway.formats.types import Usage
from gateway.kept import MAX_BYTES, PIECE_BYTES, Kept, Recorder

HEADERS = (
    (b"x-omniroute-provider", b"mock"),
    (b"x-omniroute-model", b"mk/m1"),
    (b"x-omniroute-connection", b"caf%C3%A9 100%25"),
    (b"x-omniroute-dropped", b"seed"),
)


def record(recorder: Recorder, stream: bool = True) -> Kept | None:
    return recorder.kept(
        status=200,
        content_type="text/event-stream",
        stream=stream,
        headers=HEADERS,
        usage=Usage(3, 5),
        made_at=1000.5,
    )


def recorded(*pieces: bytes) -> Kept:
    recorder = Recorder()
    for piece in pieces:
        recorder.add(piece)
    recorder.end()
    kept = record(recorder)
    assert kept is not None
    return kept


def test_an_answer_is_kept_in_the_pieces_in_which_it_was_sent() -> None:
    kept = recorded(b"data: a\n\n", b"", b"data: b\n\n")
    assert kept == Kept(
        status=200,
        content_type="text/event-stream",
        stream=True,
        pieces=(b"data: a\n\n", b"data: b\n\n"),
        headers=HEADERS,
        usage=Usage(3, 5),
        made_at=1000.5,
    )
    assert kept.body == b"data: a\n\ndata: b\n\n"


def test_who_answered_is_told_by_the_names_that_are_configured() -> None:
    kept = recorded(b"{}")
    assert (kept.provider, kept.model, kept.connection) == ("mock", "mk/m1", "café 100%")
    nobody = Kept(400, "application/json", False, (b"{}",), (), None, 0)
    assert (nobody.provider, nobody.model, nobody.connection) == ("", "", "")


def test_what_did_not_end_is_not_kept() -> None:
    recorder = Recorder()
    recorder.add(b"data: a\n\n")
    assert record(recorder) is None
    assert not recorder.too_large


@pytest.mark.parametrize(
    ("pieces", "fits"),
    [
        ([MAX_BYTES - PIECE_BYTES], True),
        ([MAX_BYTES - PIECE_BYTES + 1], False),
        ([MAX_BYTES // 2 - PIECE_BYTES] * 2, True),
        ([MAX_BYTES // 2 - PIECE_BYTES] * 2 + [1], False),
        ([1] * (MAX_BYTES // (PIECE_BYTES + 1)), True),
        ([1] * (MAX_BYTES // (PIECE_BYTES + 1) + 1), False),
    ],
    ids=["whole", "too large", "pieces", "a piece too many", "tiny pieces", "too many tiny ones"],
)
def test_an_answer_is_kept_up_to_a_size(pieces: list[int], fits: bool) -> None:
    recorder = Recorder()
    for size in pieces:
        recorder.add(bytes(size))
    recorder.end()
    assert (record(recorder) is not None) is fits
    assert recorder.too_large is not fits


def test_who_gave_up_holds_nothing_and_does_not_begin_again() -> None:
    recorder = Recorder(max_bytes=200)
    for size in (100, 100, 1):
        recorder.add(bytes(size))
    recorder.end()
    assert recorder._pieces == []
    assert record(recorder) is None


@given(st.lists(st.binary(min_size=1)), st.booleans())
def test_what_is_read_is_what_was_written(pieces: list[bytes], stream: bool) -> None:
    kept = Kept(200, "text/event-stream", stream, tuple(pieces), HEADERS, None, 1.5)
    assert answers.decode(answers.encode(kept)) == kept


@given(st.integers(0, 2**20))
def test_a_record_that_is_cut_is_none(at: int) -> None:
    data = answers.encode(recorded(b"data: a\n\n", b"data: b\n\n"))
    assert answers.decode(data[: at % len(data)]) is None


@given(st.binary())
def test_other_bytes_are_no_record(data: bytes) -> None:
    assert answers.decode(data) is None


def test_a_record_of_an_older_shape_is_none() -> None:
    assert answers.decode(answers.encode((200, "text/event-stream", [b"data: a\n\n"]))) is None
