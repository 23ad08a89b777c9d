"""Streams: neutral events to Google's chunks.

Source: https://ai.google.dev/api/generate-content#method:-models.streamgeneratecontent
(read 2026-11)
"""

from typing import Any

from gateway.formats import sse, wire
from gateway.formats.gemini import grounding
from gateway.formats.gemini.calls import write_call
from gateway.formats.gemini.parts import Writer, write_part
from gateway.formats.gemini.response import FINISH_OUT, write_usage
from gateway.formats.gemini.signing import NAME
from gateway.formats.types import (
    Asked,
    Citation,
    CitationSent,
    Event,
    Finished,
    JSONDict,
    Opaque,
    PartSent,
    RedactedThinking,
    RefusalDelta,
    Started,
    TextDelta,
    Thinking,
    ThinkingDelta,
    ThinkingSigned,
    ToolCall,
    ToolCallDelta,
    ToolCallStarted,
)

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
