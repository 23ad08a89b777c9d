"""Streams: Bedrock's events to and from neutral ones.

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html
(read 2026-11)
"""

import base64
import binascii
from typing import Any

import msgspec
from msgspec import Struct

from gateway.errors import UpstreamFailed
from gateway.formats import aws_eventstream, relay, signatures, wire
from gateway.formats.aws_eventstream import Message
from gateway.formats.bedrock_converse.blocks import Writer, object_of
from gateway.formats.bedrock_converse.content import (
    NAME,
    SIGNED_BY,
    read_citation,
    read_leniently,
    read_redacted,
    write_citation,
    write_redacted,
)
from gateway.formats.bedrock_converse.errors import failure_of
from gateway.formats.bedrock_converse.response import (
    FINISH_OUT,
    read_finish,
    read_sequence,
    read_usage,
    tell,
    told_sequence,
    write_usage,
)
from gateway.formats.typed import Reader
from gateway.formats.types import (
    Asked,
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
    TextDelta,
    ThinkingDelta,
    ThinkingSigned,
    ToolCallDelta,
    ToolCallStarted,
    Usage,
)


class _ToolUse(Struct, gc=False):
    input: str | None = None


class _Reasoning(Struct, gc=False):
    text: str | None = None
    signature: str | None = None
    redacted: str | None = msgspec.field(default=None, name="redactedContent")


class _Delta(Struct, gc=False):
    text: str | None = None
    call: _ToolUse | None = msgspec.field(default=None, name="toolUse")
    reasoning: _Reasoning | None = msgspec.field(default=None, name="reasoningContent")
    citation: Any = None
    result: Any = msgspec.field(default=None, name="toolResult")
    image: Any = None


class _Payload(Struct, gc=False):
    """What is read of the payload of an event, whichever it is."""

    index: int = msgspec.field(default=0, name="contentBlockIndex")
    delta: _Delta | None = None
    start: dict[str, Any] | None = None
    reason: str | None = msgspec.field(default=None, name="stopReason")
    fields: Any = msgspec.field(default=None, name="additionalModelResponseFields")
    usage: dict[str, Any] | None = None


_READER = Reader(_Payload, "events")

# What of a block that comes whole is told after its start.
_IN_DELTAS = ("input", "content", "source")


class StreamDecoder:
    """An upstream's bytes in, neutral events out; one instance a stream.

    Only tool calls have a start that says anything; text and thoughts begin with their first
    delta. What the usage is comes after the stop, and sometimes before it, or never.
    """

    def __init__(self) -> None:
        self._splitter = aws_eventstream.Splitter()
        self._begun = self._ended = False
        self._finish: str | None = None
        self._sequence: str | None = None
        self._usage: Usage | None = None
        self._calls: dict[int, int] = {}  # a block's index to the call's
        self._silent: set[int] = set()  # blocks of calls that have no arguments yet
        self._held: dict[int, list[Event]] = {}  # what is told at a block's end
        self._redacted: dict[int, list[str]] = {}
        self._whole: dict[int, JSONDict] = {}  # blocks that come in one piece

    def feed(self, data: bytes) -> list[Event]:
        """Raises `UpstreamFailed` for an exception in the stream and for what is no event."""
        events: list[Event] = []
        for message in self._splitter.feed(data):
            self._read(aws_eventstream.read(message), events)
        return events

    def close(self) -> list[Event]:
        """Raises `UpstreamFailed` where no stop reason was seen."""
        events: list[Event] = []
        if not self._ended:
            if self._finish is None:
                raise UpstreamFailed("the upstream's stream broke off")
            self._end(events)
        return events

    def _read(self, message: Message, events: list[Event]) -> None:
        if self._ended:
            return
        headers = message.headers
        if headers.get(":message-type", "event") != "event" or ":exception-type" in headers:
            raise failure_of(message)
        kind, told = headers.get(":event-type"), _READER.one(message.payload)
        if not self._begun:  # `messageStart` says nothing, and is sometimes left out
            self._begun = True
            events.append(Started("", ""))
        match kind:
            case "contentBlockDelta" if told.delta is not None:
                self._delta(told.index, told.delta, events)
            case "contentBlockStart" if told.start:
                self._start(told.index, told.start, events)
            case "contentBlockStop":
                self._stop(told.index, events)
            case "messageStop":
                self._finish = told.reason or "end_turn"
                self._sequence = read_sequence(told.fields)
            case "metadata":
                self._usage = read_usage(told.usage) if told.usage else self._usage
        if self._finish is not None and self._usage is not None:
            self._end(events)

    def _start(self, index: int, start: JSONDict, events: list[Event]) -> None:
        for kind in ("toolResult", "image", "toolUse"):
            told = start.get(kind)
            if not isinstance(told, dict):
                continue
            if kind == "toolUse" and told.get("type") != "server_tool_use":
                call = self._calls[index] = len(self._calls)
                self._silent.add(index)
                id, name = str(told.get("toolUseId") or ""), str(told.get("name") or "")
                events.append(ToolCallStarted(call, id, name))
            else:
                told = {name: value for name, value in told.items() if name not in _IN_DELTAS}
                self._whole[index] = {kind: told}

    def _delta(self, index: int, delta: _Delta, events: list[Event]) -> None:
        if delta.text:
            events.append(TextDelta(delta.text))
        elif index in self._whole:
            _add(self._whole[index], delta)
        elif delta.call is not None:
            if delta.call.input and index in self._calls:
                self._silent.discard(index)
                events.append(ToolCallDelta(self._calls[index], delta.call.input))
        elif delta.reasoning is not None:
            self._reasoning(index, delta.reasoning, events)
        elif isinstance(delta.citation, dict):
            # It comes before the text that it is of.
            self._held.setdefault(index, []).append(CitationSent(read_citation(delta.citation)))

    def _reasoning(self, index: int, told: _Reasoning, events: list[Event]) -> None:
        if told.text:
            events.append(ThinkingDelta(told.text))
        elif told.signature:
            events.append(ThinkingSigned(*signatures.unwrap(told.signature, SIGNED_BY)))
        elif told.redacted:
            self._redacted.setdefault(index, []).append(told.redacted)

    def _stop(self, index: int, events: list[Event]) -> None:
        events += self._held.pop(index, ())
        if index in self._silent:  # a tool without arguments is called with none, and not with ""
            self._silent.discard(index)
            events.append(ToolCallDelta(self._calls[index], "{}"))
        if index in self._redacted:
            events.append(PartSent(read_redacted(_joined(self._redacted.pop(index)))))
        if index in self._whole:
            events.append(PartSent(_whole(self._whole.pop(index))))

    def _end(self, events: list[Event]) -> None:
        for index in sorted({*self._held, *self._silent, *self._redacted, *self._whole}):
            self._stop(index, events)
        self._ended = True
        events.append(Finished(read_finish(self._finish), self._usage, self._sequence))


def _joined(pieces: list[str]) -> str:
    """Base64 that came in pieces, each with an end of its own."""
    if len(pieces) == 1:
        return pieces[0]
    try:
        return base64.b64encode(b"".join(base64.b64decode(p) for p in pieces)).decode()
    except (binascii.Error, ValueError):
        return "".join(pieces)


def _add(block: JSONDict, delta: _Delta) -> None:
    """Add a delta to a block that is passed on whole."""
    told = next(iter(block.values()))
    if delta.call is not None:
        told["input"] = told.get("input", "") + (delta.call.input or "")
    elif isinstance(delta.result, list):
        told["content"] = told.get("content", []) + delta.result
    elif isinstance(delta.image, dict):
        told |= delta.image


def _whole(block: JSONDict) -> Part:
    told = block.get("toolUse")
    if told is not None:
        told["input"] = object_of(told.get("input", ""))
        return Opaque(format=NAME, value=block)
    return read_leniently(block) if "image" in block else Opaque(format=NAME, value=block)


class Relay(relay.Relay):
    """See `relay.Relay`. Usage is always told here, so nothing is left out."""

    def __init__(self, strip_usage: bool) -> None:
        super().__init__(aws_eventstream.Splitter(), StreamDecoder(), b"")


class StreamEncoder:
    """Neutral events in, Bedrock's messages out."""

    def __init__(self, asked: Asked) -> None:
        self._index = -1
        self._open: str | int | None = None  # "text", "thinking", or the number of a call
        self._begun = False
        self._calls: dict[int, int] = {}  # a call's number to its block's index

    def encode(self, event: Event) -> bytes:
        match event:
            case TextDelta(text) | RefusalDelta(text):
                return self._delta("text", {"text": text})
            case ThinkingDelta(text):
                return self._delta("thinking", {"reasoningContent": {"text": text}})
            case ThinkingSigned(signature, signed_by):
                signature = signatures.wrap(signature, signed_by, SIGNED_BY)
                told = {"reasoningContent": {"signature": signature}}
                return self._delta("thinking", told) + self._stop()
            case ToolCallStarted(call, id, name):
                head = self._next(call)
                self._calls[call] = self._index
                start = {"toolUse": {"toolUseId": id, "name": name}}
                return head + self._frame("contentBlockStart", start=start)
            case ToolCallDelta(call, arguments):
                if call not in self._calls:
                    raise UpstreamFailed("the upstream went on with a tool call that never began")
                # Blocks may interleave here: each delta names its own.
                payload = {
                    "contentBlockIndex": self._calls[call],
                    "delta": {"toolUse": {"input": arguments}},
                }
                return aws_eventstream.event("contentBlockDelta", wire.dumps(payload))
            case CitationSent(citation):
                told_citation = write_citation(citation)
                return self._delta("text", {"citation": told_citation}) if told_citation else b""
            case PartSent(part):
                return self._part(part)
            case Started():
                return self._begin()
            case Finished(finish, usage, sequence):
                return self._end(FINISH_OUT[finish], usage, sequence)

    def _begin(self) -> bytes:
        if self._begun:
            return b""
        self._begun = True
        return aws_eventstream.event("messageStart", b'{"role":"assistant"}')

    def _end(self, reason: str, usage: Usage | None, sequence: str | None) -> bytes:
        rest = self._begin() + self._stop()
        stop = {"stopReason": reason} | told_sequence(sequence)
        rest += aws_eventstream.event("messageStop", wire.dumps(stop))
        if usage is None:
            return rest
        return rest + aws_eventstream.event("metadata", wire.dumps({"usage": write_usage(usage)}))

    def _delta(self, kind: str, delta: JSONDict) -> bytes:
        head = b"" if self._open == kind else self._next(kind)
        return head + self._frame("contentBlockDelta", delta=delta)

    def _next(self, kind: str | int) -> bytes:
        """End the open block, and go on to another, whose first message follows."""
        head = self._begin() + self._stop()
        self._open = kind
        self._index += 1
        return head

    def _part(self, part: Part) -> bytes:
        if isinstance(part, RedactedThinking):
            told = {"reasoningContent": {"redactedContent": write_redacted(part)}}
            return self._next("whole") + self._frame("contentBlockDelta", delta=told) + self._stop()
        messages = b""
        for block in tell(Writer(is_own=True), part):
            start, deltas = _cut(block)
            messages += self._next("whole") + self._frame("contentBlockStart", start=start)
            for delta in deltas:
                messages += self._frame("contentBlockDelta", delta=delta)
            messages += self._stop()
        return messages

    def _stop(self) -> bytes:
        if self._open is None:
            return b""
        self._open = None
        return self._frame("contentBlockStop")

    def _frame(self, kind: str, **content: Any) -> bytes:
        payload = {"contentBlockIndex": self._index, **content}
        return aws_eventstream.event(kind, wire.dumps(payload))


def _cut(block: JSONDict) -> tuple[JSONDict, list[JSONDict]]:
    """A whole block as its start and its deltas."""
    match block:
        case {"toolUse": dict(told)}:
            start = {name: value for name, value in told.items() if name != "input"}
            arguments = wire.dumps(told.get("input") or {}).decode()
            return {"toolUse": start}, [{"toolUse": {"input": arguments}}]
        case {"toolResult": dict(told)}:
            start = {name: value for name, value in told.items() if name != "content"}
            return {"toolResult": start}, [{"toolResult": told.get("content") or []}]
        case {"image": dict(told)}:
            start = {name: value for name, value in told.items() if name != "source"}
            return {"image": start}, [{"image": {"source": told.get("source")}}]
    return block, []
