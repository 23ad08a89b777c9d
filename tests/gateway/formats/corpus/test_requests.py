"""Recorded requests, into the same format and into each that a client may speak."""

import pytest

from gateway import formats
from gateway.errors import BadRequest
from gateway.formats.types import Prompt, Quirks
from tests.gateway.formats.corpus.compare import asked, differences, request_of
from tests.gateway.formats.corpus.exceptions import refused, unexplained
from tests.gateway.formats.corpus.recordings import Recording, each, others


def read(recording: Recording) -> Prompt:
    """The request; one that its own provider refused may be refused here too."""
    assert recording.request is not None
    try:
        return recording.format.decode_request(recording.request)
    except BadRequest as error:
        if recording.status >= 400 or refused("request", recording.id, str(error)):
            pytest.skip(f"refused: {error}")
        raise


def quirks(recording: Recording) -> Quirks:
    """What the row of such a provider would say."""
    body = recording.request or {}
    newer = "max_completion_tokens" in body
    roles = [message.get("role") for message in body.get("messages", ())]
    return Quirks(
        max_tokens_field="max_completion_tokens" if newer else "max_tokens",
        developer_role="developer" in roles,
    )


@each(lambda recording: recording.request)
def test_a_request_in_its_own_format_keeps_everything(recording: Recording) -> None:
    prompt = read(recording)
    assert recording.request is not None
    sent = recording.format.encode_request(prompt, prompt.model, quirks(recording))
    before = request_of(recording.dialect, recording.request)
    after = request_of(recording.dialect, sent.body)
    assert unexplained("request", recording.id, differences(before, after)) == []
    assert sent.dropped == ()


@each(lambda recording: recording.request)
def test_a_request_in_another_format_asks_for_the_same(recording: Recording) -> None:
    prompt = read(recording)
    lost = {to: _lost(recording, prompt, to) for to in others(recording)}
    assert {to: paths for to, paths in lost.items() if paths} == {}


def _lost(recording: Recording, prompt: Prompt, to: str) -> list[str]:
    other = formats.by_name(to)
    try:
        sent = other.encode_request(prompt, prompt.model or "from-the-address", Quirks())
        again = other.decode_request(sent.body)
    except BadRequest as error:
        known = refused("other request", recording.id, str(error), to)
        return [] if known else [f"refused: {error}"]
    return unexplained("other request", recording.id, differences(asked(prompt), asked(again)), to)
