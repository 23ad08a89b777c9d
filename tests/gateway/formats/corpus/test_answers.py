"""Recorded answers and errors, into the same format and into each that a client may speak."""

import pytest

from gateway import formats
from gateway.errors import UpstreamFailed
from gateway.formats import wire
from gateway.formats.types import Asked
from tests.gateway.formats.corpus.compare import answer_of, differences, said
from tests.gateway.formats.corpus.exceptions import refused, unexplained
from tests.gateway.formats.corpus.recordings import Recording, each, each_into


def answers(recording: Recording) -> bool:
    return recording.answer is not None and "error" not in recording.answer


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


@each_into(answers)
def test_an_answer_in_another_format_says_the_same(recording: Recording, to: str) -> None:
    assert recording.answer is not None
    reply, other = recording.format.decode_response(recording.answer), formats.by_name(to)
    asked = asked_by(recording, reply.model, to)
    again = other.decode_response(other.encode_response(reply, asked))
    lost = differences(said(reply), said(again))
    assert unexplained("other answer", recording.id, lost, to) == []


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
