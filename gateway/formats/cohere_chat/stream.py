"""Streams: Cohere's events to and from neutral ones.

Source: https://docs.cohere.com/docs/streaming (read 2026-11)
"""

from contextlib import suppress
from typing import Any

from msgspec import Struct

from gateway.errors import UpstreamFailed
from gateway.formats import custom_tools, relay, sse, wire
from gateway.formats.cohere_chat.citations import read_citation, write_citation
from gateway.formats.cohere_chat.response import (
    FINISH_OUT,
    read_call,
    read_finish,
    read_usage,
    write_usage,
)
from gateway.formats.failures import NotAnEvent, reported
from gateway.formats.openai_chat.response import arguments_text
from gateway.formats.typed import Reader
from gateway.formats.types import (
    Asked,
    CitationSent,
    Event,
    Finished,
    JSONDict,
    PartSent,
    RefusalDelta,
    Started,
    TextDelta,
    ThinkingDelta,
    ThinkingSigned,
    ToolCallDelta,
    ToolCallStarted,
)

DONE = b"[DONE]"


class _Message(Struct, gc=False):
    content: Any = None
    tool_plan: str | None = None
    tool_calls: Any = None
    citations: Any = None


class _Delta(Struct, gc=False):
    message: _Message | None = None
    finish_reason: str | None = None
    usage: dict[str, Any] | None = None
    error: Any = None


class _Event(Struct, gc=False):
    """What is read of an event; everything else is skipped unparsed."""

    type: str | None = None
    id: str | None = None
    index: int = 0
    delta: _Delta | None = None
    message: Any = None  # of an error
    error: Any = None


_READER = Reader(_Event, "events")


class StreamDecoder:
    """An upstream's bytes in, neutral events out; one instance a stream."""

    def __init__(self) -> None:
        self._splitter = sse.Splitter()
        self._begun = self._ended = False
        self._calls: dict[int, int] = {}  # the wire's index of a call to ours

    def feed(self, data: bytes) -> list[Event]:
        """Raises `UpstreamFailed` for an error and for what is no event."""
        events: list[Event] = []
        for event in self._events(data):
            self._read(event, events)
        return events

    def _events(self, data: bytes) -> list[_Event]:
        lines = None if self._splitter.holds else sse.named_lines(data)
        events = _READER.lines(lines) if lines else None
        if events is None:
            told = [sse.data_of(event) for event in self._splitter.feed(data)]
            events = [_READER.one(content) for content in told if content and content != DONE]
        return events

    def close(self) -> list[Event]:
        """Raises `UpstreamFailed` where no `message-end` was seen."""
        events: list[Event] = []
        rest = sse.data_of(self._splitter.rest())
        if rest and rest != DONE:
            with suppress(NotAnEvent):
                self._read(_READER.one(rest), events)
        if not self._ended:
            raise UpstreamFailed("the upstream's stream broke off")
        return events

    def _read(self, event: _Event, events: list[Event]) -> None:
        if self._ended:
            return
        delta = event.delta or _Delta()
        message = delta.message or _Message()
        match event.type:
            case "content-delta" | "content-start":
                self._content(message.content, events)
            case "tool-call-delta":
                self._arguments(event.index, message.tool_calls, events)
            case "tool-plan-delta":
                if message.tool_plan:
                    events.append(ThinkingDelta(message.tool_plan))
            case "tool-call-start":
                self._call(event.index, message.tool_calls, events)
            case "citation-start":
                if isinstance(message.citations, dict):
                    events.append(CitationSent(read_citation(message.citations)))
            case "message-start":
                self._begun = True
                events.append(Started(event.id or "", ""))
            case "message-end":
                self._end(delta, events)
            case None if event.error or event.message:
                raise reported(event.error or {"message": event.message})

    def _content(self, content: Any, events: list[Event]) -> None:
        match content:
            case {"text": str(text)} if text:
                events.append(TextDelta(text))
            case {"thinking": str(text)} if text:
                events.append(ThinkingDelta(text))

    def _call(self, index: int, told: Any, events: list[Event]) -> None:
        number = self._calls[index] = len(self._calls)
        call = read_call(told if isinstance(told, dict) else {}, number)
        events.append(ToolCallStarted(number, call.id, call.name))
        if call.arguments:
            events.append(ToolCallDelta(number, call.arguments))

    def _arguments(self, index: int, told: Any, events: list[Event]) -> None:
        function = told.get("function") if isinstance(told, dict) else None
        if isinstance(function, dict) and index in self._calls:
            arguments = arguments_text(function.get("arguments"))
            if arguments:
                events.append(ToolCallDelta(self._calls[index], arguments))

    def _end(self, delta: _Delta, events: list[Event]) -> None:
        finish = read_finish(delta.finish_reason, delta.error)
        if not self._begun:
            raise UpstreamFailed("the upstream's stream ended without an answer")
        self._ended = True
        events.append(Finished(finish, read_usage(delta.usage) if delta.usage else None))


class Relay(relay.Relay):
    """See `gateway.formats.Stage`. Usage is always told here, so nothing is left out."""

    def __init__(self, strip_usage: bool) -> None:
        super().__init__(sse.Splitter(), StreamDecoder(), b"\n\n")


class StreamEncoder:
    """Neutral events in, Cohere's out. No client asks for them: it is here to prove the decoder.

    Thinking goes out as content: what of it is a plan is not known before calls follow.
    """

    def __init__(self, asked: Asked) -> None:
        self._id = asked.id
        self._index = -1
        self._open: str | None = None  # the type of the content that is being written
        self._text: list[str] = []
        self._customs: dict[int, list[str]] = {}  # the texts of calls to custom tools

    def encode(self, event: Event) -> bytes:
        match event:
            case TextDelta(text) | RefusalDelta(text):
                self._text.append(text)
                return self._content("text", text)
            case ThinkingDelta(text):
                return self._content("thinking", text)
            case CitationSent(citation):
                told = write_citation(citation, "".join(self._text), max(self._index, 0))
                return self._cite(told) if told else b""
            case ToolCallStarted():
                return self._stop() + self._call(event)
            case ToolCallDelta(index, arguments) if index in self._customs:
                self._customs[index].append(arguments)
                return b""
            case ToolCallDelta(index, arguments):
                return self._arguments(index, arguments)
            case Started(id):
                self._id = id or self._id
                message = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": []}
                return _frame("message-start", message | {"citations": []}, id=self._id)
            case Finished():
                return self._stop() + self._end(event)
            case ThinkingSigned() | PartSent():
                return b""  # no place in this format

    def _content(self, kind: str, text: str) -> bytes:
        start = b""
        if self._open != kind:
            start = self._stop()
            self._open = kind
            self._index += 1
            empty = {"type": kind, kind: ""}
            start += _frame("content-start", {"content": empty}, index=self._index)
        return start + _frame("content-delta", {"content": {kind: text}}, index=self._index)

    def _stop(self) -> bytes:
        """Close the open content."""
        if self._open is None:
            return b""
        self._open, self._text = None, []
        return _frame("content-end", index=self._index)

    def _cite(self, told: JSONDict) -> bytes:
        return _frame("citation-start", {"citations": told}, index=0) + _frame(
            "citation-end", index=0
        )

    def _call(self, event: ToolCallStarted) -> bytes:
        if event.custom:
            self._customs[event.index] = []
        function = {"name": event.name, "arguments": ""}
        call = {"id": event.id, "type": "function", "function": function}
        return _frame("tool-call-start", {"tool_calls": call}, index=event.index)

    def _arguments(self, index: int, arguments: str) -> bytes:
        told = {"function": {"arguments": arguments}}
        return _frame("tool-call-delta", {"tool_calls": told}, index=index)

    def _end(self, event: Finished) -> bytes:
        rest = b"".join(
            self._arguments(index, custom_tools.to_arguments("".join(pieces)))
            for index, pieces in self._customs.items()
        )
        delta: JSONDict = {"finish_reason": FINISH_OUT[event.finish]}
        if event.usage is not None:
            delta["usage"] = write_usage(event.usage)
        last = {"type": "message-end", "delta": delta}
        return rest + sse.frame(wire.dumps(last), "message-end") + sse.frame(DONE)


def _frame(kind: str, message: JSONDict | None = None, **more: Any) -> bytes:
    delta = {"delta": {"message": message}} if message is not None else {}
    return sse.frame(wire.dumps({"type": kind, **more, **delta}), kind)
