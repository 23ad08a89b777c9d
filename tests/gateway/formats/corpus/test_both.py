"""Where an answer was recorded as a stream and whole, either way of reading it gives the same."""

import re
from collections import defaultdict
from collections.abc import Iterator

import pytest

from gateway.formats import sse, wire
from gateway.formats.types import JSONDict, Reply, Text, Thinking, ToolCall
from tests.gateway.formats.corpus.compare import differences, said
from tests.gateway.formats.corpus.exceptions import unexplained
from tests.gateway.formats.corpus.recordings import FOLDER, RECORDINGS, Recording, each, folded


def retold(recording: Recording) -> JSONDict | None:
    """The whole answer that the stream itself tells at its end, as some servers do."""
    if recording.stream is None or recording.dialect not in ("openai_chat", "openai_responses"):
        return None
    told = [sse.data_of(event) for event in sse.Splitter().feed(recording.stream)]
    for data in reversed([data for data in told if data.startswith(b"{")]):
        event = wire.loads(data)
        match event:
            case {
                "type": "response.completed" | "response.incomplete",
                "response": {"output": [_, *_]} as whole,
            }:
                return dict(whole)
            case {"choices": [{"message": {"content": str(_)}, "finish_reason": str(_)}]}:
                return dict(event)
    return None


@each(retold)
def test_the_fold_is_what_the_stream_itself_tells_at_its_end(recording: Recording) -> None:
    assert unexplained("retold", recording.id, told_otherwise(recording)) == []


def told_otherwise(recording: Recording) -> Iterator[str]:
    whole = recording.format.decode_response(retold(recording) or {})
    return differences(said(whole), said(folded(recording.dialect, recording.stream or b"")))


# --- One request, sent for a stream and for a whole answer -----------------------------------


def pairs() -> list[tuple[Recording, Recording]]:
    """A stream and a whole answer, by one vendor, to one request."""
    asked: dict[bytes, list[Recording]] = defaultdict(list)
    for recording in RECORDINGS:
        body = {k: v for k, v in (recording.request or {}).items() if k not in _HOW}
        if body and (recording.answer or recording.stream):
            where = [recording.dialect, recording.document["vendor"], model_in_address(recording)]
            asked[wire.dumps([*where, body])].append(recording)
    return [
        (stream, whole)
        for same in asked.values()
        for stream in same
        for whole in same
        if stream.stream and whole.answer and not whole.answer.get("error")
    ]


def model_in_address(recording: Recording) -> str:
    """Of `/model/<name>/converse-stream` and `…/models/<name>:generateContent` the name."""
    path = recording.document["request"]["path"] or ""
    found = re.search("/models?/([^/:]+)", path)
    return found[1] if found else ""


_HOW = ("stream", "stream_options")
_PAIRS = [pytest.param(stream, whole, id=stream.id) for stream, whole in pairs()]


def shape(reply: Reply) -> JSONDict:
    """What two answers to one request have in common, though the model words them differently."""
    return {
        "kinds": {kind.__name__ for kind in (Text, Thinking) if _has(reply, kind)},
        "called": {part.name for part in reply.parts if isinstance(part, ToolCall)},
        "finish": reply.finish,
        "input": reply.usage.input_tokens if reply.usage else None,
    }


def _has(reply: Reply, kind: type[Text] | type[Thinking]) -> bool:
    return any(isinstance(part, kind) and part.text for part in reply.parts)


@pytest.mark.parametrize(
    ("stream", "whole"), _PAIRS if FOLDER else [pytest.param(None, None, id="-")]
)
def test_a_stream_and_a_whole_answer_are_of_one_shape(stream: Recording, whole: Recording) -> None:
    assert unexplained("pair", stream.id, apart(stream, whole)) == []


def apart(stream: Recording, whole: Recording) -> Iterator[str]:
    """Where the two are not of one shape."""
    reply = folded(stream.dialect, stream.stream or b"")
    return differences(shape(whole.format.decode_response(whole.answer or {})), shape(reply))
