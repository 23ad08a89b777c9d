"""Streams: the Responses API's events to neutral ones, and event by event to the same format.

Source: https://platform.openai.com/docs/api-reference/responses-streaming (read 2026-11)
"""

from contextlib import suppress
from typing import Any

import msgspec
from msgspec import Struct

from gateway.errors import GatewayError, UpstreamFailed
from gateway.formats import relay, sse, wire
from gateway.formats.failures import NotAnEvent, reported
from gateway.formats.openai_responses.errors import failed, failure
from gateway.formats.openai_responses.items import kind_of
from gateway.formats.openai_responses.parts import read_citation
from gateway.formats.openai_responses.response import (
    check_status,
    read_finish,
    read_output,
    read_usage,
)
from gateway.formats.reading import moment
from gateway.formats.typed import Reader
from gateway.formats.types import (
    CitationSent,
    Event,
    Finished,
    JSONDict,
    Part,
    PartSent,
    RedactedThinking,
    Refusal,
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
)

DONE = b"[DONE]"  # OpenAI's chat ends so, and some compatible servers end these streams so too
_END = sse.frame(DONE)


class _Event(Struct, gc=False):
    """What is read of an event; everything else is skipped unparsed."""

    type: str | None = None
    delta: Any = None
    output_index: int | None = None
    content_index: int | None = None
    summary_index: int | None = None
    item: dict[str, Any] | None = None
    response: msgspec.Raw = msgspec.Raw(b"null")
    annotation: Any = None
    sequence_number: Any = None
    error: Any = None
    code: Any = None
    message: Any = None


class _Response(Struct):
    id: str | None = None
    model: str | None = None
    created_at: Any = None
    status: str | None = None
    error: Any = None
    incomplete_details: Any = None
    usage: dict[str, Any] | None = None
    output: Any = None


def _loads(data: bytes) -> Any:
    told = wire.loads(data)
    if isinstance(told, dict) and isinstance(told.get("response"), dict):
        told["response"] = msgspec.Raw(wire.dumps(told["response"]))
    return told


_READER = Reader(_Event, "events", _loads)
_read_response = msgspec.json.Decoder(_Response | None).decode


def _events(data: bytes) -> list[_Event] | None:
    """All events of an ordinary piece; None for a piece that must be read event by event."""
    lines = sse.named_lines(data)
    if lines is None:
        lines = sse.unnamed_lines(data)
    if not lines:
        return None
    events = _READER.lines(lines)
    if events is None:
        return None
    return events if len(events) == lines.count(b"\n") + (not lines.endswith(b"\n")) else None


def _response(event: _Event) -> _Response:
    try:
        return _read_response(event.response) or _Response()
    except wire.UNREADABLE:
        pass
    try:
        return msgspec.convert(wire.loads(bytes(event.response)), _Response)
    except wire.UNREADABLE:
        raise UpstreamFailed("the upstream's stream holds a response that is none") from None


class _Item:
    """What was told of an output item so far. The parts are what its end need not tell again."""

    __slots__ = ("annotations", "call", "done", "part", "told")

    def __init__(self) -> None:
        self.told = self.done = False  # text, thoughts or arguments of it came in deltas
        self.annotations = 0
        self.call: int | None = None
        self.part: tuple[bool, int] | None = None  # of a thought: is it the summary's, and which


class StreamDecoder:
    """An upstream's bytes in, neutral events out; one instance a stream.

    `number` is the last event's, `begun` the response as its first event has it.
    """

    def __init__(self) -> None:
        self.number: Any = None
        self.begun = b"null"
        self._splitter = sse.Splitter()
        self._begun = self._ended = self._refused = False
        self._calls = 0
        self._items: dict[int, _Item] = {}

    def feed(self, data: bytes) -> list[Event]:
        """Raises `UpstreamFailed` for an error event and for what is no event."""
        told = None if self._splitter.holds or data.endswith(_END) else _events(data)
        if told is None:
            sent = [sse.data_of(event) for event in self._splitter.feed(data)]
            told = [_READER.one(content) for content in sent if content and content != DONE]
        return self.read(told)

    def read(self, told: list[_Event]) -> list[Event]:
        events: list[Event] = []
        for event in told:
            if not self._ended:
                self._read(event, events)
                self.number = event.sequence_number
        return events

    def close(self) -> list[Event]:
        """Raises `UpstreamFailed` where the event that ends an answer was not seen."""
        events: list[Event] = []
        rest = sse.data_of(self._splitter.rest())
        if rest and rest != DONE and not self._ended:
            with suppress(NotAnEvent):
                self._read(_READER.one(rest), events)
        if not self._ended:
            raise UpstreamFailed("the upstream's stream broke off")
        return events

    def _read(self, event: _Event, events: list[Event]) -> None:
        match event.type:
            case "response.output_text.delta":
                if isinstance(event.delta, str) and event.delta:
                    self._of(event).told = True
                    events.append(TextDelta(event.delta))
            case "response.reasoning_summary_text.delta" | "response.reasoning_text.delta":
                self._thought(event, events)
            case "response.function_call_arguments.delta" | "response.custom_tool_call_input.delta":
                self._arguments(event, events)
            case "response.refusal.delta":
                if isinstance(event.delta, str) and event.delta:
                    self._of(event).told = True
                    self._refused = True
                    events.append(RefusalDelta(event.delta))
            case "response.output_text.annotation.added":
                if isinstance(event.annotation, dict):
                    self._of(event).annotations += 1
                    events.append(CitationSent(read_citation(event.annotation)))
            case "response.output_item.added":
                self._begin_call(event.output_index or 0, event.item or {}, events)
            case "response.output_item.done":
                self._item_end(event.output_index or 0, event.item or {}, events)
            case "response.completed" | "response.incomplete" | "response.failed":
                self._end(_response(event), event.type, events)
            case "response.created" | "response.in_progress" | "response.queued":
                if not self._begun:
                    self._begin(_response(event), events)
                    self.begun = bytes(event.response)
            case "error":
                told = {"message": event.message, "code": event.code}
                raise reported(event.error or told)

    def _of(self, event: _Event) -> _Item:
        return self._item(event.output_index or 0)

    def _item(self, index: int) -> _Item:
        item = self._items.get(index)
        if item is None:
            item = self._items[index] = _Item()
        return item

    def _begin(self, response: _Response, events: list[Event]) -> None:
        check_status(response.status, response.error)
        self._begun = True
        created = moment(response.created_at)
        events.append(Started(response.id or "", response.model or "", created))

    def _thought(self, event: _Event, events: list[Event]) -> None:
        if not isinstance(event.delta, str) or not event.delta:
            return
        item = self._of(event)
        of_summary = event.type == "response.reasoning_summary_text.delta"
        part = (of_summary, (event.summary_index if of_summary else event.content_index) or 0)
        between = "\n\n" if item.part not in (None, part) else ""
        item.part, item.told = part, True
        events.append(ThinkingDelta(between + event.delta))

    def _begin_call(self, index: int, item: JSONDict, events: list[Event]) -> None:
        custom = item.get("type") == "custom_tool_call"
        if not custom and item.get("type") != "function_call":
            return
        state = self._item(index)
        if state.call is not None:
            return
        state.call = self._calls
        self._calls += 1
        id = str(item.get("call_id") or item.get("id") or f"call_{state.call}")
        events.append(ToolCallStarted(state.call, id, str(item.get("name") or ""), custom))

    def _arguments(self, event: _Event, events: list[Event]) -> None:
        item = self._of(event)
        if item.call is not None and isinstance(event.delta, str) and event.delta:
            item.told = True
            events.append(ToolCallDelta(item.call, event.delta))

    def _item_end(self, index: int, item: JSONDict, events: list[Event]) -> None:
        """What no delta has told of the item."""
        state = self._item(index)
        if state.done:
            return
        self._begin_call(index, item, events)
        state.done = True
        for part in read_output(item):
            self._part(part, item, state, events)

    def _part(self, part: Part, item: JSONDict, state: _Item, events: list[Event]) -> None:
        match part:
            case Text(text=text, citations=citations):
                if text and not state.told:
                    events.append(TextDelta(text))
                untold = citations[state.annotations :]
                state.annotations = max(state.annotations - len(citations), 0)
                events.extend(CitationSent(citation) for citation in untold)
            case Refusal(text=text):
                if text and not state.told:
                    self._refused = True
                    events.append(RefusalDelta(text))
            case Thinking(text=text, signature=signature, signed_by=signed_by):
                if text and not state.told:
                    events.append(ThinkingDelta(text))
                if signature:
                    events.append(ThinkingSigned(signature, signed_by))
            case RedactedThinking(data=data, signed_by=signed_by) if state.told:
                events.append(ThinkingSigned(data, signed_by))
            case ToolCall(arguments=arguments) if state.call is not None:
                if arguments and not state.told:
                    events.append(ToolCallDelta(state.call, arguments))
            case _ if kind_of(item) != "message":
                events.append(PartSent(part))

    def _end(self, response: _Response, kind: str, events: list[Event]) -> None:
        status = kind.removeprefix("response.")
        check_status(status, response.error)
        if not self._begun:
            self._begin(response, events)
        output = response.output if isinstance(response.output, list) else []
        for index, item in enumerate(output):  # some servers tell of an item only here
            if isinstance(item, dict):
                self._item_end(index, item, events)
        self._ended = True
        details, has_calls = response.incomplete_details, self._calls > 0
        finish = read_finish(status, details, has_calls, self._refused)
        events.append(Finished(finish, read_usage(response.usage) if response.usage else None))


class Relay(relay.Relay):
    """See `gateway.formats.Stage`. Usage is always told here, so nothing is left out."""

    def __init__(self, strip_usage: bool) -> None:
        self._sse, self._reader = sse.Splitter(), StreamDecoder()
        super().__init__(self._sse, self._reader, b"\n\n")

    def feed(self, data: bytes) -> bytes:
        """The bytes to pass on; a piece of whole events as it is.

        Raises:
            UpstreamFailed: The upstream reports an error before any content.
        """
        told = None if self._sse.holds or self.failed else _events(data)
        if told is None:
            return super().feed(data)
        try:
            for event in told:
                self.note_all(self._reader.read([event]))
        except UpstreamFailed as error:
            if not self.started:
                raise
            self.failed = error
        return data

    def fail(self, error: GatewayError) -> bytes | None:
        """The event that ends a broken stream, as the next one of the response that had begun."""
        begun, number = wire.loads(self._reader.begun), self._reader.number
        if not isinstance(begun, dict) or type(number) is not int:
            return None
        return failed(failure(begun, error), number + 1)
