"""Streams: Google's chunks to neutral events, and to the same format.

A chunk is an answer in small: parts, and with the last ones why it ended and the usage so far.
Nothing marks the end: chunks may follow the one that tells the finish reason.

Source: https://ai.google.dev/api/generate-content#method:-models.streamgeneratecontent
(read 2026-11)
"""

from contextlib import suppress
from typing import Any

from msgspec import Struct

from gateway.errors import UpstreamFailed
from gateway.formats import relay, sse, wire
from gateway.formats.failures import NotAnEvent, reported
from gateway.formats.gemini import grounding
from gateway.formats.gemini.calls import Ids
from gateway.formats.gemini.partial_args import Arguments
from gateway.formats.gemini.response import (
    answer_part,
    counts,
    is_blocked,
    read_finish,
    read_usage,
    text_of,
)
from gateway.formats.typed import Reader
from gateway.formats.types import (
    Citation,
    CitationSent,
    Event,
    Finished,
    JSONDict,
    Part,
    PartSent,
    Started,
    Text,
    TextDelta,
    Thinking,
    ThinkingDelta,
    ThinkingSigned,
    ToolCall,
    ToolCallDelta,
    ToolCallStarted,
)


class _Chunk(Struct, gc=False):
    candidates: Any = None
    usageMetadata: Any = None
    promptFeedback: Any = None
    modelVersion: Any = None
    responseId: Any = None
    error: Any = None


_READER = Reader(_Chunk, "chunks")
_ARRAYS = Reader(list[_Chunk], "chunks")


def _chunks(data: bytes) -> list[_Chunk]:
    """One chunk; or those of an array, in which Google wraps errors.

    Raises `NotAnEvent` where the stream holds something else.
    """
    if data == b"[DONE]":  # OpenAI's end, which some compatible servers add
        return []
    return _ARRAYS.one(data) if data.lstrip().startswith(b"[") else [_READER.one(data)]


def _only(data: bytes) -> bytes | None:
    """The JSON of a piece that is one ordinary frame, as nearly every piece is; else null."""
    if not data.startswith(b"data: ") or data.count(b"\n") != 2:
        return None
    returns = data.count(b"\r")
    if returns == 2 and data.endswith(b"\r\n\r\n"):
        return data[6:-4]
    return data[6:-2] if not returns and data.endswith(b"\n\n") else None


def data_of(frame: bytes) -> bytes:
    """The JSON of a frame; Google sends an error in the midst of a stream without `data:`."""
    only = _only(frame)
    if only is not None:
        return only.strip()
    return sse.data_of(frame) or (frame.strip() if frame.lstrip()[:1] in (b"{", b"[") else b"")


class StreamDecoder:
    """An upstream's bytes in, neutral events out; one instance a stream."""

    def __init__(self) -> None:
        self._splitter = sse.Splitter()
        self._begun = False
        self._finish: object = None
        self._usage: JSONDict = {}  # the last that was told: each counts from the beginning
        self._ids = Ids()
        self._calls = 0
        self._open: Arguments | None = None  # of a call that comes in pieces, the last one
        self._texts: list[str] = []
        self._cited: list[Citation] = []

    def feed(self, data: bytes) -> list[Event]:
        """Raises `UpstreamFailed` for an error event and for what is no chunk."""
        events: list[Event] = []
        only = None if self._splitter.holds else _only(data)
        if only is not None:
            self._read(only.strip(), events)
            return events
        for frame in self._splitter.feed(data):
            self._read(data_of(frame), events)
        return events

    def close(self) -> list[Event]:
        """Raises `UpstreamFailed` where no finish reason was seen."""
        events: list[Event] = []
        with suppress(NotAnEvent):
            self._read(data_of(self._splitter.rest()), events)
        if self._finish is None:
            raise UpstreamFailed("the upstream's stream broke off")
        self._end_call(events)
        events.append(Finished(self._finished(), read_usage(self._usage)))
        return events

    def _finished(self) -> Any:
        if self._finish is _BLOCKED:
            return "content_filter"
        return read_finish(self._finish, self._calls > 0)

    def _read(self, sent: bytes, events: list[Event]) -> None:
        for chunk in _chunks(sent) if sent else ():
            self._take(chunk, events)

    def _take(self, chunk: _Chunk, events: list[Event]) -> None:
        if chunk.error:
            raise reported(chunk.error)
        usage = chunk.usageMetadata
        if isinstance(usage, dict) and counts(usage):
            self._usage = usage
        if not self._begun and (chunk.candidates or chunk.promptFeedback):
            self._begin(chunk, events)
        candidates = chunk.candidates if isinstance(chunk.candidates, list) else []
        for candidate in candidates:
            if isinstance(candidate, dict) and not candidate.get("index"):
                self._candidate(candidate, events)
        if not candidates and is_blocked(chunk.promptFeedback) and self._finish is None:
            self._finish = _BLOCKED

    def _begin(self, chunk: _Chunk, events: list[Event]) -> None:
        self._begun = True
        id = text_of(chunk.responseId)
        self._ids = Ids(id)
        events.append(Started(id, text_of(chunk.modelVersion), None, read_usage(self._usage)))

    def _candidate(self, candidate: JSONDict, events: list[Event]) -> None:
        content = candidate.get("content")
        parts = content.get("parts") if isinstance(content, dict) else None
        for part in parts if isinstance(parts, list) else ():
            match part:
                case {"text": str(text)} if len(part) == 1:  # nearly every part
                    if text:
                        self._write(text, events)
                case {"functionCall": dict(call)} if self._goes_on(call):
                    self._piece(part, call, events)
                case _:
                    for told in answer_part(part, self._ids):
                        self._tell(told, events)
        if "groundingMetadata" in candidate or "citationMetadata" in candidate:
            self._cite(candidate, events)
        if candidate.get("finishReason"):
            self._finish = candidate["finishReason"]

    def _write(self, text: str, events: list[Event]) -> None:
        self._end_call(events)
        self._texts.append(text)
        events.append(TextDelta(text))

    def _tell(self, part: Part, events: list[Event]) -> None:
        self._end_call(events)
        match part:
            case Text(text=text):
                self._write(text, events)
            case Thinking(text=text, signature=signature, signed_by=signed_by):
                if text:
                    events.append(ThinkingDelta(text))
                if signature is not None:
                    events.append(ThinkingSigned(signature, signed_by))
            case ToolCall(id=id, name=name, arguments=arguments):
                events.append(ToolCallStarted(self._calls, id, name))
                events.append(ToolCallDelta(self._calls, arguments))
                self._calls += 1
            case _:
                events.append(PartSent(part))

    def _cite(self, candidate: JSONDict, events: list[Event]) -> None:
        """Citations speak of the text before; a signature that ended it comes after them."""
        new = [
            citation
            for citation in grounding.read(candidate, "".join(self._texts))
            if citation not in self._cited
        ]
        self._cited += new
        signed = [events.pop()] if events and isinstance(events[-1], ThinkingSigned) else []
        events += [CitationSent(citation) for citation in new]
        events += signed

    # A call may come in pieces: its name, arguments at their paths, and an empty call at the end.

    def _goes_on(self, call: JSONDict) -> bool:
        return "partialArgs" in call or "willContinue" in call or not call.get("name")

    def _piece(self, part: JSONDict, call: JSONDict, events: list[Event]) -> None:
        if call.get("name"):
            told = {name: call[name] for name in call if name in ("id", "name", "args")}
            for found in answer_part(part | {"functionCall": told}, self._ids):
                self._tell(found, events)
            begun = events.pop() if isinstance(events[-1], ToolCallDelta) else None
            arguments = told.get("args")
            if begun is not None:  # its arguments come now
                self._open = Arguments(dict(arguments) if isinstance(arguments, dict) else {})
        pieces = call.get("partialArgs")
        for piece in pieces if isinstance(pieces, list) else ():
            if self._open is None or not isinstance(piece, dict):
                raise UpstreamFailed("the upstream's tool call cannot be put together")
            self._open.add(piece)
        if call.get("willContinue") is not True:
            self._end_call(events)

    def _end_call(self, events: list[Event]) -> None:
        if self._open is not None:
            arguments = wire.dumps(self._open.value).decode()
            events.append(ToolCallDelta(self._calls - 1, arguments))
            self._open = None


_BLOCKED = object()


class Relay(relay.Relay):
    """Google on both ends: frames pass as they are. Usage is always told here."""

    def __init__(self, strip_usage: bool) -> None:
        super().__init__(sse.Splitter(), StreamDecoder(), b"\n\n")
