"""Streams: Ollama's lines to and from neutral events.

Source: https://github.com/ollama/ollama/blob/main/docs/api.md (read 2026-11)
"""

from contextlib import suppress
from typing import Any

import msgspec
from msgspec import Struct

from gateway.errors import UpstreamFailed
from gateway.formats import ndjson, relay, wire
from gateway.formats.failures import NotAnEvent
from gateway.formats.ollama_chat.messages import encode_calls
from gateway.formats.ollama_chat.response import (
    FINISH_OUT,
    answer_calls,
    answer_images,
    failure,
    read_finish,
    read_time,
    read_usage,
    write_time,
    write_usage,
)
from gateway.formats.typed import Reader
from gateway.formats.types import (
    Asked,
    CitationSent,
    Event,
    Finished,
    Image,
    JSONDict,
    PartSent,
    RefusalDelta,
    Started,
    TextDelta,
    ThinkingDelta,
    ThinkingSigned,
    ToolCall,
    ToolCallDelta,
    ToolCallStarted,
)


class _Message(Struct, gc=False):
    content: str | None = None
    thinking: str | None = None
    tool_calls: Any = None
    images: Any = None


class _Line(Struct, gc=False):
    """What is read of a line; everything else is skipped unparsed."""

    message: _Message | None = None
    done: bool | None = None
    done_reason: str | None = None
    model: str | None = None
    created_at: str | None = None
    prompt_eval_count: Any = None
    eval_count: Any = None
    error: Any = None
    status: Any = None  # of the error


_READER = Reader(_Line, "answers")


class StreamDecoder:
    """An upstream's bytes in, neutral events out; one instance a stream."""

    def __init__(self) -> None:
        self._splitter = ndjson.Splitter()
        self._begun = self._ended = False
        self._calls = 0

    def feed(self, data: bytes) -> list[Event]:
        """Raises `UpstreamFailed` for an error and for what is no answer."""
        events: list[Event] = []
        for line in self._lines(data):
            self._read(line, events)
        return events

    def _lines(self, data: bytes) -> list[_Line]:
        is_whole = data.endswith(b"\n") and not self._splitter.holds
        lines = _READER.lines(data) if is_whole else None
        if lines is None:
            lines = [_READER.one(line) for line in self._splitter.feed(data) if line.strip()]
        return lines

    def close(self) -> list[Event]:
        """Raises `UpstreamFailed` where the line with `done` is missing."""
        events: list[Event] = []
        rest = self._splitter.rest().strip()
        if rest:
            with suppress(NotAnEvent):
                self._read(_READER.one(rest), events)
        if not self._ended:
            raise UpstreamFailed("the upstream's stream broke off")
        return events

    def _read(self, line: _Line, events: list[Event]) -> None:
        if line.error and not self._ended:
            raise failure(line.error, line.status)
        if self._ended or (line.message is None and not line.done):
            return
        if not self._begun:
            self._begun = True
            events.append(Started("", line.model or "", read_time(line.created_at)))
        if line.message is not None:
            self._said(line.message, line.created_at, events)
        if line.done:
            self._ended = True
            usage = read_usage(msgspec.structs.asdict(line))
            events.append(Finished(read_finish(line.done_reason, self._calls > 0), usage))

    def _said(self, message: _Message, created_at: str | None, events: list[Event]) -> None:
        if message.thinking:
            events.append(ThinkingDelta(message.thinking))
        if message.content:
            events.append(TextDelta(message.content))
        events.extend(PartSent(image) for image in answer_images(message.images))
        if not message.tool_calls:
            return
        for call in answer_calls(message.tool_calls, self._calls, created_at):  # always whole
            events.append(ToolCallStarted(self._calls, call.id, call.name))
            events.append(ToolCallDelta(self._calls, call.arguments))
            self._calls += 1


class Relay(relay.Relay):
    """See `gateway.formats.Stage`. Usage is always told here, so nothing is left out."""

    def __init__(self, strip_usage: bool) -> None:
        super().__init__(ndjson.Splitter(), StreamDecoder(), b"\n")


_AFTER_TEXT = b'},"done":false}\n'


class StreamEncoder:
    """Neutral events in, lines out.

    A call goes out whole, as the object that its arguments are: all of them before the last line.
    """

    def __init__(self, asked: Asked) -> None:
        self._head: JSONDict = {"model": asked.model, "created_at": write_time(asked.created)}
        self._calls: dict[int, tuple[ToolCallStarted, list[str]]] = {}
        self._before_text = self._write_before_text()

    def encode(self, event: Event) -> bytes:
        match event:
            case TextDelta(text):  # nearly every event: only the text is written anew
                return self._before_text + wire.dumps(text) + _AFTER_TEXT
            case RefusalDelta(text):
                return self._line({"content": text})
            case ThinkingDelta(text):
                return self._line({"content": "", "thinking": text})
            case ToolCallStarted(index):
                self._calls[index] = (event, [])
            case ToolCallDelta(index, arguments):
                self._calls[index][1].append(arguments)
            case Started(_, _, created):
                if created:
                    self._head["created_at"] = write_time(created)
                    self._before_text = self._write_before_text()
            case PartSent(Image(data=str(data))):
                return self._line({"content": "", "images": [data]})
            case PartSent() | ThinkingSigned() | CitationSent():
                pass  # no place in this format
            case Finished():
                return self._tool_calls() + self._end(event)
        return b""

    def _tool_calls(self) -> bytes:
        if not self._calls:
            return b""
        calls = encode_calls(
            ToolCall(id=call.id, name=call.name, arguments="".join(pieces), custom=call.custom)
            for call, pieces in self._calls.values()
        )
        return self._line({"content": "", "tool_calls": calls})

    def _end(self, event: Finished) -> bytes:
        message = {"role": "assistant", "content": ""}
        reason = FINISH_OUT[event.finish]
        last = {**self._head, "message": message, "done": True, "done_reason": reason}
        return ndjson.frame(wire.dumps(last | write_usage(event.usage)))

    def _write_before_text(self) -> bytes:
        head = wire.dumps(self._head).removesuffix(b"}")
        return head + b',"message":{"role":"assistant","content":'

    def _line(self, message: JSONDict) -> bytes:
        message = {"role": "assistant", **message}
        return ndjson.frame(wire.dumps({**self._head, "message": message, "done": False}))
