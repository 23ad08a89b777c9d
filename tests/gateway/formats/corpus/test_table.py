"""The table of exceptions has no row too many, and its counts are what happens."""

from collections import Counter
from collections.abc import Iterator
from fnmatch import fnmatchcase

import pytest

from gateway import formats
from gateway.errors import BadRequest, GatewayError, NotSupported
from gateway.formats.types import Prompt, Quirks
from tests.gateway.formats.corpus.compare import answer_of, asked, differences, request_of, said
from tests.gateway.formats.corpus.exceptions import (
    LOSSES,
    REFUSALS,
    Loss,
    Refusal,
    explains,
    refused,
)
from tests.gateway.formats.corpus.recordings import CLIENTS, RECORDINGS, Recording, folded
from tests.gateway.formats.corpus.test_answers import answers, asked_by
from tests.gateway.formats.corpus.test_both import apart, pairs
from tests.gateway.formats.corpus.test_requests import quirks
from tests.gateway.formats.corpus.test_streams import written

Rows = Iterator[Loss | Refusal]


def needed(deed: str, recording: Recording, paths: Iterator[str], to: str = "") -> Rows:
    """The rows that explain what is lost; several may explain one path."""
    for path in paths:
        yield from (row for row in LOSSES if explains(row, deed, recording.id, path, to))


def of_requests(recording: Recording) -> Rows:
    if recording.request is None:
        return
    try:
        prompt = recording.format.decode_request(recording.request)
    except BadRequest as error:
        yield from refused("request", recording.id, str(error))
        return
    sent = recording.format.encode_request(prompt, prompt.model, quirks(recording)).body
    before, after = (request_of(recording.dialect, body) for body in (recording.request, sent))
    yield from needed("request", recording, differences(before, after))
    for to in others(recording):
        yield from of_other_requests(recording, prompt, to)


def of_other_requests(recording: Recording, prompt: Prompt, to: str) -> Rows:
    other = formats.by_name(to)
    try:
        again = other.decode_request(other.encode_request(prompt, prompt.model, Quirks()).body)
    except NotSupported as error:
        yield from refused("other request", recording.id, str(error), to)
        return
    yield from needed("other request", recording, differences(asked(prompt), asked(again)), to)


def of_answers(recording: Recording) -> Rows:
    if recording.answer is None:
        return
    try:
        reply = recording.format.decode_response(recording.answer)
    except GatewayError as error:
        yield from refused("error", recording.id, str(error))
        return
    if not answers(recording):
        return
    told = recording.format.encode_response(
        reply, asked_by(recording, reply.model, recording.dialect)
    )
    before, after = (answer_of(recording.dialect, body) for body in (recording.answer, told))
    yield from needed("answer", recording, differences(before, after))
    for to in others(recording):
        other = formats.by_name(to)
        again = other.decode_response(
            other.encode_response(reply, asked_by(recording, reply.model, to))
        )
        yield from needed("other answer", recording, differences(said(reply), said(again)), to)


def of_streams(recording: Recording) -> Rows:
    if recording.stream is None:
        return
    try:
        reply = folded(recording.dialect, recording.stream)
    except GatewayError as error:
        yield from refused("stream", recording.id, str(error))
        return
    if not reply.parts:
        yield from needed("stream", recording, iter(["parts"]))
    for to in [recording.dialect, *others(recording)]:
        again = folded(to, written(recording, reply, to))
        yield from needed("other stream", recording, differences(said(reply), said(again)), to)


def others(recording: Recording) -> list[str]:
    return [to for to in CLIENTS if to in formats.FORMATS and to != recording.dialect]


@pytest.fixture(scope="module")
def found() -> Counter[Loss | Refusal]:
    """How often each row explains something; a recording counts once."""
    rows: Counter[Loss | Refusal] = Counter()
    for recording in RECORDINGS:
        for work in (of_requests, of_answers, of_streams):
            rows.update(set(work(recording)))
    for stream, whole in pairs():
        rows.update(set(needed("pair", stream, apart(stream, whole))))
    return rows


def waits(row: Loss | Refusal) -> bool:
    tos = [to for to in (*formats.FORMATS, "") if fnmatchcase(to, row.to)]
    return row.dialect not in formats.FORMATS or not tos


def test_each_loss_of_the_table_happens(found: Counter[Loss | Refusal]) -> None:
    assert [row for row in LOSSES if not found[row] and not waits(row)] == []


def test_as_many_are_refused_as_the_table_says(found: Counter[Loss | Refusal]) -> None:
    wrong = {row: found[row] for row in REFUSALS if found[row] != row.count and not waits(row)}
    assert wrong == {}
