"""Recorded answers and errors, into the same format and into each that a client may speak."""

import pytest

from gateway import formats
from gateway.errors import UpstreamFailed
from gateway.formats import wire
from gateway.formats.types import Asked, Reply
from tests.gateway.formats.corpus.compare import answer_of, differences, said
from tests.gateway.formats.corpus.exceptions import REFUSALS, Refusal, refused, unexplained
from tests.gateway.formats.corpus.recordings import Recording, each, others


def answers(recording: Recording) -> bool:
    """Is it an answer, and not an error in a 200 or an answer of some other endpoint?"""
    if recording.answer is None or recording.answer.get("error"):
        return False
    return not any(row.deed == "error" and explains_answer(row, recording) for row in REFUSALS)


def explains_answer(row: Refusal, recording: Recording) -> bool:
    return row in refused("error", recording.id, row.words)


def asked_by(recording: Recording, model: str, to: str) -> Asked:
    """What the answer repeats of its request: here the model by the name that the answer gives.

    The request is the client's, so of the format `to`.
    """
    request = recording.request if to == recording.dialect else None
    return Asked(model=model, id="none-told", created=0, include_usage=True, request=request or {})


@each(answers)
def test_an_answer_in_its_own_format_keeps_everything(recording: Recording) -> None:
    assert recording.answer is not None
    reply = recording.format.decode_response(recording.answer)
    told = recording.format.encode_response(
        reply, asked_by(recording, reply.model, recording.dialect)
    )
    before = answer_of(recording.dialect, recording.answer)
    after = answer_of(recording.dialect, told)
    assert unexplained("answer", recording.id, differences(before, after)) == []


@each(answers)
def test_the_usage_of_a_relayed_answer_is_that_of_a_read_one(recording: Recording) -> None:
    assert recording.answer is not None
    reply = recording.format.decode_response(recording.answer)
    assert recording.format.sniff_response(wire.dumps(recording.answer)) == reply.usage


@each(answers)
def test_an_answer_in_another_format_says_the_same(recording: Recording) -> None:
    assert recording.answer is not None
    reply = recording.format.decode_response(recording.answer)
    lost = {to: _lost(recording, reply, to) for to in others(recording)}
    assert {to: paths for to, paths in lost.items() if paths} == {}


def _lost(recording: Recording, reply: Reply, to: str) -> list[str]:
    other = formats.by_name(to)
    told = other.encode_response(reply, asked_by(recording, reply.model, to))
    lost = differences(said(reply), said(other.decode_response(told)))
    return unexplained("other answer", recording.id, lost, to)


@each(lambda recording: recording.failure is not None)
def test_an_error_has_words(recording: Recording) -> None:
    assert recording.failure is not None
    words = recording.format.decode_error(recording.status, recording.failure)
    assert words
    assert words != f"the upstream answered {recording.status}"
    assert not words.startswith(("{", "[")), "the body, and not what it says"


@each(lambda recording: recording.answer and not answers(recording))
def test_an_error_with_status_200_is_a_failure(recording: Recording) -> None:
    assert recording.answer is not None
    with pytest.raises(UpstreamFailed) as caught:
        recording.format.decode_response(recording.answer)
    assert refused("error", recording.id, str(caught.value))
    with pytest.raises(UpstreamFailed):
        recording.format.sniff_response(wire.dumps(recording.answer))
