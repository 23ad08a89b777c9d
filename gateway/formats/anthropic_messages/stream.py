"""Streams: Anthropic's events to and from neutral ones, and event by event to the same format.

Source: https://docs.anthropic.com/en/docs/build-with-claude/streaming (read 2026-11)
"""

from contextlib import suppress
from typing import Any

from msgspec import Struct

from gateway.errors import UpstreamFailed
from gateway.formats import signatures, sse, wire
from gateway.formats.anthropic_messages.request import (
    NAME,
    read_citation,
    read_redacted,
    write_citation,
)
from gateway.formats.anthropic_messages.response import (
    FINISH_OUT,
    is_tellable,
    read_finish,
    read_usage,
    write_usage,
)
from gateway.formats.anthropic_messages.sending import encode_block
from gateway.formats.failures import NotAnEvent, reported
from gateway.formats.functions import object_of
from gateway.formats.tally import Tally
from gateway.formats.typed import Reader
from gateway.formats.types import (
    Asked,
    Citation,
    CitationSent,
    Event,
    Finished,
    JSONDict,
    Opaque,
    PartSent,
    RefusalDelta,
    Started,
    TextDelta,
    ThinkingDelta,
    ThinkingSigned,
    ToolCallDelta,
    ToolCallStarted,
    Usage,
)


class _Delta(Struct, gc=False):
    type: str | None = None
    text: str | None = None
    thinking: str | None = None
    partial_json: str | None = None
    signature: str | None = None
    citation: Any = None
    content: Any = None
    encrypted_content: Any = None
    stop_reason: str | None = None
    stop_sequence: str | None = None


class _Message(Struct, gc=False):
    id: str | None = None
    model: str | None = None
    usage: dict[str, Any] | None = None


class _Event(Struct, gc=False):
    """What accounting reads of an event; everything else is skipped unparsed."""

    type: str | None = None
    index: int = 0
    delta: _Delta | None = None
    content_block: dict[str, Any] | None = None
    message: _Message | None = None
    usage: dict[str, Any] | None = None
    error: Any = None


_READER = Reader(_Event, "events")


def _events(data: bytes) -> list[_Event] | None:
    """All events of an ordinary piece; None for a piece that must be read event by event."""
    lines = sse.named_lines(data)
    return _READER.lines(lines) if lines else None


def _event(data: bytes) -> _Event:
    """Raises `NotAnEvent` where the stream holds something else than events."""
    if data == b"[DONE]":  # OpenAI's end, which some compatible servers add
        return _Event()
    return _READER.one(data)


class _Tally:
    """The usage of a stream: told in parts, cumulative, and with nulls that tell nothing."""

    __slots__ = ("_told",)

    def __init__(self) -> None:
        self._told: JSONDict = {}

    def add(self, usage: JSONDict | None) -> Usage | None:
        if usage:
            self._told |= {name: told for name, told in usage.items() if told is not None}
        return read_usage(self._told) if self._told else None


class Relay(Tally):
    """See `openai_chat.Relay`. Usage is always told here, so nothing is left out."""

    __slots__ = ("_finish_seen", "_splitter", "_tally")

    def __init__(self, strip_usage: bool) -> None:
        super().__init__()
        self._splitter = sse.Splitter()
        self._tally = _Tally()
        self._finish_seen = False

    def feed(self, data: bytes) -> bytes:
        """The bytes to pass on.

        Raises:
            UpstreamFailed: The upstream reports an error before any content.
        """
        if not self._splitter.holds:
            told = _events(data)
            if told is not None:
                for event in told:
                    self._note(event)
                return data
        events = self._splitter.feed(data)
        for sent in events:
            self._read(sent)
        return b"".join(events)

    def close(self) -> bytes:
        """The bytes that the end lacks.

        Raises:
            UpstreamFailed: The stream broke off before its finish.
        """
        rest = self._splitter.rest()
        try:
            self._read(rest)
            rest = rest and rest + b"\n\n"
        except NotAnEvent:  # half an event is not passed on
            rest = b""
        if self.finished or self.failed:
            return rest
        if not self._finish_seen:
            raise UpstreamFailed("the upstream's stream broke off")
        self.finished = True
        return rest + sse.frame(b'{"type":"message_stop"}', "message_stop")

    def _read(self, sent: bytes) -> None:
        data = sse.data_of(sent)
        if data:
            self._note(_event(data))

    def _note(self, event: _Event) -> None:
        match event.type:
            case "content_block_delta" if event.delta is not None:
                delta = event.delta
                self.started = True
                self.text_chars += len(delta.text or delta.thinking or delta.partial_json or "")
            case "content_block_start":
                block = event.content_block or {}
                if block.get("type") != "text" or block.get("text"):
                    self.started = True
                    self.text_chars += len(str(block.get("text") or ""))
            case "message_start" if event.message is not None and not self.finished:
                self.usage = self._tally.add(event.message.usage)
            case "message_delta" if not self.finished:
                self.usage = self._tally.add(event.usage) or self.usage
                if event.delta is not None and event.delta.stop_reason:
                    self.started = self._finish_seen = True
            case "message_stop":
                self.started = self.finished = True
            case "error":
                failure = reported(event.error)
                if not self.started:
                    raise failure
                self.failed = failure


class StreamDecoder:
    """An upstream's bytes in, neutral events out; one instance a stream."""

    def __init__(self) -> None:
        self._splitter = sse.Splitter()
        self._tally = _Tally()
        self._begun = self._ended = False
        self._finish: str | None = None
        self._sequence: str | None = None
        self._usage: Usage | None = None
        self._calls: dict[int, int] = {}  # a block's index to the call's
        self._untold: dict[int, str] = {}  # arguments that a call's start carried whole
        self._opaque: dict[int, JSONDict] = {}
        self._inputs: dict[int, list[str]] = {}  # of opaque blocks, in pieces

    def feed(self, data: bytes) -> list[Event]:
        """Raises `UpstreamFailed` for an error event and for what is no event."""
        events: list[Event] = []
        told = None if self._splitter.holds else _events(data)
        if told is None:
            sent = [sse.data_of(event) for event in self._splitter.feed(data)]
            told = [_event(content) for content in sent if content]
        for event in told:
            self._read(event, events)
        return events

    def close(self) -> list[Event]:
        """Raises `UpstreamFailed` where no stop reason was seen."""
        events: list[Event] = []
        with suppress(NotAnEvent):
            rest = sse.data_of(self._splitter.rest())
            if rest:
                self._read(_event(rest), events)
        if not self._ended:
            if self._finish is None:
                raise UpstreamFailed("the upstream's stream broke off")
            self._end(events)
        return events

    def _read(self, event: _Event, events: list[Event]) -> None:
        if self._ended:
            return
        match event.type:
            case "content_block_delta" if event.delta is not None:
                self._delta(event.index, event.delta, events)
            case "content_block_start":
                self._block(event.index, event.content_block or {}, events)
            case "content_block_stop":
                self._block_end(event.index, events)
            case "message_start":
                message = event.message or _Message()
                self._begun = True
                self._usage = self._tally.add(message.usage)
                events.append(Started(message.id or "", message.model or "", None, self._usage))
            case "message_delta":
                # Counts are cumulative, so the last one told wins.
                self._usage = self._tally.add(event.usage) or self._usage
                if event.delta is not None and event.delta.stop_reason:
                    self._finish = event.delta.stop_reason
                    self._sequence = event.delta.stop_sequence
            case "message_stop":
                self._end(events)
            case "error":
                raise reported(event.error)

    def _end(self, events: list[Event]) -> None:
        if not self._begun:
            raise UpstreamFailed("the upstream's stream ended without an answer")
        for index in [*self._untold, *self._opaque]:
            self._block_end(index, events)
        self._ended = True
        events.append(Finished(read_finish(self._finish), self._usage, self._sequence))

    def _block(self, index: int, block: JSONDict, events: list[Event]) -> None:
        match block:
            case {"type": "text"}:
                if isinstance(block.get("text"), str) and block["text"]:
                    events.append(TextDelta(block["text"]))
            case {"type": "thinking"}:
                if isinstance(block.get("thinking"), str) and block["thinking"]:
                    events.append(ThinkingDelta(block["thinking"]))
            case {"type": "redacted_thinking", "data": str(data)}:
                events.append(PartSent(read_redacted(data)))
            case {"type": "tool_use"}:
                call = self._calls[index] = len(self._calls)
                id, name = str(block.get("id") or ""), str(block.get("name") or "")
                events.append(ToolCallStarted(call, id, name))
                if block.get("input"):
                    self._untold[index] = wire.dumps(block["input"]).decode()
            case {"type": str()}:
                self._opaque[index] = dict(block)

    def _delta(self, index: int, delta: _Delta, events: list[Event]) -> None:
        if delta.text:
            events.append(TextDelta(delta.text))
        elif delta.thinking:
            events.append(ThinkingDelta(delta.thinking))
        elif delta.partial_json and index in self._calls:
            self._untold.pop(index, None)  # the start held a preview of what comes in pieces
            events.append(ToolCallDelta(self._calls[index], delta.partial_json))
        elif index in self._opaque:
            self._go_on(index, delta)
        elif isinstance(delta.citation, dict):
            events.append(CitationSent(read_citation(delta.citation)))
        elif delta.signature:
            events.append(ThinkingSigned(*signatures.unwrap(delta.signature, NAME)))

    def _go_on(self, index: int, delta: _Delta) -> None:
        """A piece of a block that only this format knows."""
        block = self._opaque[index]
        if delta.partial_json:
            self._inputs.setdefault(index, []).append(delta.partial_json)
        for name, piece in (
            ("content", delta.content),
            ("encrypted_content", delta.encrypted_content),
        ):
            if isinstance(piece, str):
                told = block.get(name)
                block[name] = told + piece if isinstance(told, str) else piece

    def _block_end(self, index: int, events: list[Event]) -> None:
        if index in self._untold:
            events.append(ToolCallDelta(self._calls[index], self._untold.pop(index)))
        if index in self._inputs:
            self._opaque[index]["input"] = object_of("".join(self._inputs.pop(index)))
        if index in self._opaque:
            events.append(PartSent(Opaque(format=NAME, value=self._opaque.pop(index))))


_EMPTY: dict[str, JSONDict] = {
    "text": {"type": "text", "text": ""},
    "thinking": {"type": "thinking", "thinking": "", "signature": ""},
}


_BEFORE_TEXT = (
    b"event: content_block_delta\n"
    b'data: {"type":"content_block_delta","index":%d,"delta":{"type":"text_delta","text":'
)


class StreamEncoder:
    """Neutral events in, Anthropic's events out.

    Blocks do not interleave here. Of tool calls that do, the first is passed on as it comes, and
    the others wait until something else begins or the stream ends.
    """

    def __init__(self, asked: Asked) -> None:
        self._model, self._id = asked.model, asked.id
        self._index = -1
        self._before_text = b""
        self._open: str | int | None = None  # a key of _EMPTY, or the number of a call
        self._begun = False
        self._waiting: dict[int, tuple[JSONDict, list[str]]] = {}

    def encode(self, event: Event) -> bytes:
        match event:
            case TextDelta(text) if self._open == "text":
                # Nearly every event: only the text is written anew.
                return self._before_text + wire.dumps(text) + b"}}\n\n"
            case TextDelta(text) | RefusalDelta(text):
                return self._delta("text", {"type": "text_delta", "text": text})
            case ThinkingDelta(text):
                return self._delta("thinking", {"type": "thinking_delta", "thinking": text})
            case ToolCallDelta(call, arguments):
                return (
                    self._arguments(arguments)
                    if call == self._open
                    else self._hold(call, arguments)
                )
            case ToolCallStarted(call, id, name):
                block = {"type": "tool_use", "id": id, "name": name, "input": {}}
                if isinstance(self._open, int):
                    self._waiting[call] = (block, [])
                    return b""
                return self._start(call, block)
            case ThinkingSigned(signature, signed_by):
                signature = signatures.wrap(signature, signed_by, NAME)
                delta = {"type": "signature_delta", "signature": signature}
                return self._delta("thinking", delta) + self._stop()
            case PartSent(part):
                return self._whole(encode_block(part)) if is_tellable(part) else b""
            case CitationSent(citation):
                return self._cite(citation)
            case Started(id, _, _, usage):
                self._id = id or self._id
                return self._begin(usage)
            case Finished(finish, usage, sequence):
                return self._end(FINISH_OUT[finish], usage, sequence)

    def _cite(self, citation: Citation) -> bytes:
        told = write_citation(citation)
        return self._delta("text", {"type": "citations_delta", "citation": told}) if told else b""

    def _hold(self, call: int, arguments: str) -> bytes:
        if call not in self._waiting:
            raise UpstreamFailed("the upstream went on with a tool call after other content")
        self._waiting[call][1].append(arguments)
        return b""

    def _begin(self, usage: Usage | None) -> bytes:
        self._begun = True
        message: JSONDict = {
            "id": self._id,
            "type": "message",
            "role": "assistant",
            "model": self._model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": write_usage(usage or Usage()),
        }
        return _frame("message_start", message=message)

    def _end(self, reason: str, usage: Usage | None, sequence: str | None) -> bytes:
        rest = (b"" if self._begun else self._begin(None)) + self._stop()
        delta = {"stop_reason": reason, "stop_sequence": sequence}
        rest += _frame("message_delta", delta=delta, usage=write_usage(usage or Usage()))
        return rest + _frame("message_stop")

    def _delta(self, kind: str, delta: JSONDict) -> bytes:
        start = b"" if self._open == kind else self._start(kind, _EMPTY[kind])
        return start + _frame("content_block_delta", index=self._index, delta=delta)

    def _arguments(self, arguments: str) -> bytes:
        delta = {"type": "input_json_delta", "partial_json": arguments}
        return _frame("content_block_delta", index=self._index, delta=delta)

    def _start(self, kind: str | int, block: JSONDict) -> bytes:
        stop = self._stop()
        return stop + self._open_block(kind, block)

    def _open_block(self, kind: str | int, block: JSONDict) -> bytes:
        self._open = kind
        self._index += 1
        self._before_text = _BEFORE_TEXT % self._index
        return _frame("content_block_start", index=self._index, content_block=block)

    def _whole(self, block: JSONDict) -> bytes:
        return self._start("whole", block) + self._stop()

    def _stop(self) -> bytes:
        """Close the open block, and pass on the calls that waited for that."""
        rest = self._close()
        for call, (block, arguments) in self._waiting.items():
            rest += self._open_block(call, block)
            rest += b"".join([self._arguments(piece) for piece in arguments])
            rest += self._close()
        self._waiting = {}
        return rest

    def _close(self) -> bytes:
        if self._open is None:
            return b""
        self._open = None
        return _frame("content_block_stop", index=self._index)


def _frame(kind: str, **content: Any) -> bytes:
    return sse.frame(wire.dumps({"type": kind, **content}), kind)
