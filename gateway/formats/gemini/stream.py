"""Streams: Google's chunks to and from neutral events.

A chunk is an answer in small: parts, and with the last ones why it ended and the usage so far.
Nothing marks the end: chunks may follow the one that tells the finish reason.

Source: https://ai.google.dev/api/generate-content#method:-models.streamgeneratecontent
(read 2026-11)
"""

from contextlib import suppress
from typing import Any

import msgspec
from msgspec import Struct

from gateway.errors import UpstreamFailed
from gateway.formats import relay, sse, wire
from gateway.formats.failures import NotAnEvent, reported
from gateway.formats.gemini import grounding
from gateway.formats.gemini.calls import Ids, write_call
from gateway.formats.gemini.partial_args import Arguments
from gateway.formats.gemini.parts import Writer, write_part
from gateway.formats.gemini.response import (
    FINISH_OUT,
    answer_part,
    is_blocked,
    read_finish,
    read_usage,
    text_of,
    write_usage,
)
from gateway.formats.gemini.signing import NAME
from gateway.formats.types import (
    Asked,
    Citation,
    CitationSent,
    Event,
    Finished,
    JSONDict,
    Opaque,
    Part,
    PartSent,
    RedactedThinking,
    RefusalDelta,
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


class _Chunk(Struct, gc=False):
    candidates: Any = None
    usageMetadata: Any = None
    promptFeedback: Any = None
    modelVersion: Any = None
    responseId: Any = None
    error: Any = None


_read_chunk = msgspec.json.Decoder(_Chunk).decode


def _chunks(data: bytes) -> list[_Chunk]:
    """One chunk; or those of an array, in which Google wraps errors.

    Raises `NotAnEvent` where the stream holds something else.
    """
    try:
        return [_read_chunk(data)]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        pass
    try:
        told = wire.loads(data)
        return [
            msgspec.convert(item, _Chunk) for item in (told if isinstance(told, list) else [told])
        ]
    except (ValueError, msgspec.MsgspecError):
        if data == b"[DONE]":  # OpenAI's end, which some compatible servers add
            return []
        raise NotAnEvent("the upstream's stream holds something else than chunks") from None


def data_of(frame: bytes) -> bytes:
    """The JSON of a frame; Google sends an error in the midst of a stream without `data:`."""
    return sse.data_of(frame) or (frame.strip() if frame.lstrip()[:1] in (b"{", b"[") else b"")


class StreamDecoder:
    """An upstream's bytes in, neutral events out; one instance a stream."""

    def __init__(self) -> None:
        self._splitter = sse.Splitter()
        self._begun = False
        self._finish: object = None
        self._usage: Usage | None = None
        self._ids = Ids()
        self._calls = 0
        self._open: Arguments | None = None  # of a call that comes in pieces, the last one
        self._texts: list[str] = []
        self._cited: list[Citation] = []

    def feed(self, data: bytes) -> list[Event]:
        """Raises `UpstreamFailed` for an error event and for what is no chunk."""
        events: list[Event] = []
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
        events.append(Finished(self._finished(), self._usage))
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
        if chunk.usageMetadata:
            self._usage = read_usage(chunk.usageMetadata) or self._usage
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
        events.append(Started(id, text_of(chunk.modelVersion)))

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


_AFTER_TEXT = b"}]}}]}"


class ChunkEncoder:
    """Neutral events in, the JSON of chunks out; how they are framed is the stream's affair.

    Calls are whole here, so they wait for the end, and so does a signature of Google's for the
    part that it is of.
    """

    def __init__(self, asked: Asked) -> None:
        self._head: JSONDict = {"responseId": asked.id, "modelVersion": asked.model}
        self._before_text = self._write_before_text()
        self._signature: str | None = None
        self._calls: dict[int, tuple[ToolCallStarted, str | None, list[str]]] = {}
        self._texts: list[str] = []
        self._cited: list[Citation] = []

    def encode(self, event: Event) -> bytes:
        """One chunk, or nothing."""
        match event:
            case TextDelta(text) if self._signature is None:  # nearly every event
                self._texts.append(text)
                return self._before_text + wire.dumps(text) + _AFTER_TEXT
            case TextDelta(text) | RefusalDelta(text):
                self._texts.append(text)
                return self._part({"text": text})
            case ThinkingDelta(text):
                return self._part({"text": text, "thought": True})
            case ThinkingSigned(signature, signed_by):
                if signed_by == NAME:
                    return self._hold(signature)
                return self._thought(Thinking(text="", signature=signature, signed_by=signed_by))
            case ToolCallStarted(index):
                self._calls[index] = (event, self._signature, [])
                self._signature = None
            case ToolCallDelta(index, arguments):
                if index in self._calls:
                    self._calls[index][2].append(arguments)
            case PartSent(RedactedThinking() as part):
                return self._thought(part)
            case PartSent(part):
                if not isinstance(part, Opaque) or part.format == NAME:
                    return self._part(write_part(part, {}))
            case CitationSent(citation):
                self._cited.append(citation)
            case Started(id):
                self._head["responseId"] = id or self._head["responseId"]
                self._before_text = self._write_before_text()
            case Finished():
                return self._end(event)
        return b""

    def _write_before_text(self) -> bytes:
        head = wire.dumps(self._head).removesuffix(b"}")
        return head + b',"candidates":[{"index":0,"content":{"role":"model","parts":[{"text":'

    def _hold(self, signature: str) -> bytes:
        sent = b"" if self._signature is None else self._part({"text": ""})
        self._signature = signature
        return sent

    def _thought(self, part: Thinking | RedactedThinking) -> bytes:
        writer = Writer()
        writer.think(part)
        return self._parts(writer.done())

    def _part(self, part: JSONDict) -> bytes:
        if self._signature is not None:
            part["thoughtSignature"] = self._signature
            self._signature = None
        return self._parts([part])

    def _parts(self, parts: list[JSONDict], **more: Any) -> bytes:
        content = {"role": "model", "parts": parts}
        return self._chunk({"index": 0, "content": content, **more})

    def _chunk(self, candidate: JSONDict, **more: Any) -> bytes:
        return wire.dumps({**self._head, "candidates": [candidate], **more})

    def _end(self, finished: Finished) -> bytes:
        writer = Writer()
        for started, signature, pieces in self._calls.values():
            if signature is not None:
                writer.sign(signature)
            call = ToolCall(
                id=started.id,
                name=started.name,
                arguments="".join(pieces),
                custom=started.custom,
            )
            writer.add(write_call(call))
        if self._signature is not None:
            writer.sign(self._signature)
        candidate: JSONDict = {
            "index": 0,
            "content": {"role": "model", "parts": writer.done()},
            "finishReason": FINISH_OUT[finished.finish],
        }
        text = "".join(self._texts)
        cited = grounding.write([(citation, text) for citation in self._cited])
        if cited:
            candidate["groundingMetadata"] = cited
        usage = {"usageMetadata": write_usage(finished.usage)} if finished.usage else {}
        return self._chunk(candidate, **usage)


class StreamEncoder(ChunkEncoder):
    """Server-sent events with `data` alone: no comments, no names, no mark of the end.

    Google's own clients fail on comments.
    """

    def encode(self, event: Event) -> bytes:
        chunk = super().encode(event)
        return sse.frame(chunk) if chunk else b""
