"""Streams: OpenAI's chunks to and from neutral events, and chunk by chunk to the same format.

Source: https://platform.openai.com/docs/api-reference/chat/streaming (read 2026-11)
"""

from contextlib import suppress
from typing import Any

from msgspec import Struct

from gateway.errors import UpstreamFailed
from gateway.formats import custom_tools, sse, wire
from gateway.formats.failures import NotAnEvent, reported
from gateway.formats.openai_chat.request import (
    custom_names,
    is_of_functions,
    read_detail,
    write_detail,
)
from gateway.formats.openai_chat.response import (
    arguments_text,
    read_citations,
    read_finish,
    read_images,
    read_usage,
    write_citation,
    write_finish,
    write_usage,
)
from gateway.formats.openai_chat.sending import encode_image
from gateway.formats.tally import Tally
from gateway.formats.typed import Reader
from gateway.formats.types import (
    Asked,
    CitationSent,
    Event,
    Finish,
    Finished,
    Image,
    JSONDict,
    PartSent,
    RedactedThinking,
    RefusalDelta,
    Started,
    TextDelta,
    Thinking,
    ThinkingDelta,
    ThinkingSigned,
    ToolCallDelta,
    ToolCallStarted,
    Usage,
)

DONE = b"[DONE]"


class _Delta(Struct, gc=False):
    content: Any = None
    tool_calls: Any = None
    reasoning_content: str | None = None
    reasoning: Any = None
    reasoning_details: Any = None
    refusal: str | None = None
    function_call: Any = None
    audio: Any = None
    annotations: Any = None
    images: Any = None


class _Choice(Struct, gc=False):
    index: int | None = None
    delta: _Delta | None = None
    message: _Delta | None = None  # some servers' name for it
    finish_reason: str | None = None


class _Chunk(Struct, gc=False):
    """What accounting reads of a chunk; everything else is skipped unparsed."""

    choices: list[_Choice] | None = None
    usage: dict[str, Any] | None = None
    error: Any = None


_READER = Reader(_Chunk, "chunks")
_END = sse.frame(DONE)


def _chunks(data: bytes) -> list[_Chunk] | None:
    """All chunks of an ordinary piece, `[DONE]` left out; None for a piece to be read by events."""
    if data.endswith(_END):
        data = data[: -len(_END)]
        if not data:
            return []
    lines = sse.unnamed_lines(data)
    if lines is None:
        return None
    chunks = _READER.lines(lines)
    # The parser skips lines of white space: then which chunk was whose event is not known.
    return chunks if chunks is not None and len(chunks) == lines.count(b"\n") else None


class Relay(Tally):
    """The same format on both ends: events pass as they are, and accounting reads along.

    Args:
        strip_usage: The usage chunk was asked for by us alone: the client must not see it.
    """

    __slots__ = ("_finish_seen", "_splitter", "_strip_usage")

    def __init__(self, strip_usage: bool) -> None:
        super().__init__()
        self._splitter = sse.Splitter()
        self._strip_usage = strip_usage
        self._finish_seen = False

    def feed(self, data: bytes) -> bytes:
        """The bytes to pass on.

        Raises:
            UpstreamFailed: The upstream reports an error before any content.
        """
        if not self._splitter.holds:
            chunks = _chunks(data)
            if chunks is not None:
                return self._feed_whole(data, chunks)
        return b"".join([event for event in self._splitter.feed(data) if self._passes(event)])

    def _feed_whole(self, data: bytes, chunks: list[_Chunk]) -> bytes:
        passes = [self._note(chunk) for chunk in chunks]
        if data.endswith(_END):
            self._end()
            passes.append(True)
        if all(passes):
            return data
        events = zip(self._splitter.feed(data), passes, strict=True)
        return b"".join([event for event, passed in events if passed])

    def close(self) -> bytes:
        """The bytes that the end lacks.

        Raises:
            UpstreamFailed: The stream broke off before its finish.
        """
        rest = self._splitter.rest()
        passed = b""
        with suppress(NotAnEvent):  # half an event is not passed on
            passed = rest + b"\n\n" if rest and self._passes(rest) else b""
        if self.finished or self.failed:
            return passed
        if not self._finish_seen:
            raise UpstreamFailed("the upstream's stream broke off")
        self.finished = True
        return passed + sse.frame(DONE)

    def _passes(self, event: bytes) -> bool:
        data = sse.data_of(event)
        if not data:
            return True
        if data == DONE:
            self._end()
            return True
        return self._note(_READER.one(data))

    def _end(self) -> None:
        if not self.started:
            raise UpstreamFailed("the upstream's stream ended without an answer")
        self.finished = True

    def _note(self, chunk: _Chunk) -> bool:
        """Read a chunk along; does the client get it?"""
        if chunk.error:
            failure = reported(chunk.error)
            if not self.started:
                raise failure
            self.failed = failure
        if chunk.usage:
            self.usage = read_usage(chunk.usage)
        if not chunk.choices:
            return not (self._strip_usage and chunk.usage)
        for choice in chunk.choices:
            delta = choice.delta
            if delta is not None and type(delta.content) is str and delta.content:
                self.started = True
                self.text_chars += len(delta.content)
            else:
                self._note_other(delta or choice.message)
            if choice.finish_reason:
                self.started = self._finish_seen = True
        return True

    def _note_other(self, delta: _Delta | None) -> None:
        """What is no plain text: thinking, tool calls, a refusal, or nothing."""
        if delta is None:
            return
        if (
            delta.content
            or delta.reasoning_content
            or delta.refusal
            or delta.tool_calls
            or delta.function_call
            or delta.reasoning
            or delta.audio
            or delta.images
        ):
            self.started = True
            self.text_chars += _written(delta)


def _written(delta: _Delta) -> int:
    """How many characters of a delta the model wrote."""
    texts = (delta.content, delta.reasoning_content or delta.reasoning, delta.refusal)
    total = sum(len(text) for text in texts if isinstance(text, str))
    calls = delta.tool_calls if isinstance(delta.tool_calls, list) else [delta.function_call]
    for call in calls:
        function = _function_of(call) if delta.tool_calls else call
        if isinstance(function, dict):
            total += len(arguments_text(function.get("arguments", function.get("input"))))
    for part in delta.content if isinstance(delta.content, list) else []:
        total += len(str(part.get("text") or "")) if isinstance(part, dict) else 0
    return total


def _function_of(call: object) -> JSONDict:
    """The function, or custom tool, of a call; what is none is empty."""
    called = (call.get("function") or call.get("custom")) if isinstance(call, dict) else None
    return called if isinstance(called, dict) else {}


class StreamDecoder:
    """An upstream's bytes in, neutral events out; one instance a stream.

    The usage comes after the finish reason, so `Finished` waits for `[DONE]` or the end.
    """

    def __init__(self) -> None:
        self._splitter = sse.Splitter()
        self._begun = self._ended = self._refused = False
        self._finish: str | None = None
        self._usage: Usage | None = None
        self._thought = False
        self._calls: list[str] = []  # the id of each call, in the order of their start
        self._numbers: dict[int, int] = {}  # the wire's index of a call to its place in that order

    def feed(self, data: bytes) -> list[Event]:
        """Raises `UpstreamFailed` for an error event and for what is no chunk."""
        events: list[Event] = []
        chunks = None if self._ended or self._splitter.holds else _chunks(data)
        if chunks and not self._begun and chunks[0].choices:
            self._begin(data[len("data: ") : data.find(b"\n")], events)
        if chunks is not None and self._begun:
            for chunk in chunks:
                self._take(chunk, events)
            if data.endswith(_END):
                self._end(events)
            return events
        for event in self._splitter.feed(data):
            self._read(sse.data_of(event), events)
        return events

    def close(self) -> list[Event]:
        """Raises `UpstreamFailed` where no finish reason was seen."""
        events: list[Event] = []
        with suppress(NotAnEvent):
            self._read(sse.data_of(self._splitter.rest()), events)
        if not self._ended:
            if self._finish is None:
                raise UpstreamFailed("the upstream's stream broke off")
            self._end(events)
        return events

    def _read(self, sent: bytes, events: list[Event]) -> None:
        if self._ended or not sent:
            return
        if sent == DONE:
            if not self._begun:
                raise UpstreamFailed("the upstream's stream ended without an answer")
            self._end(events)
            return
        chunk = _READER.one(sent)
        if chunk.choices and not self._begun:  # Azure begins with a chunk that has only filters
            self._begin(sent, events)
        self._take(chunk, events)

    def _take(self, chunk: _Chunk, events: list[Event]) -> None:
        if chunk.error:
            raise reported(chunk.error)
        if chunk.usage:
            self._usage = read_usage(chunk.usage)
        for choice in chunk.choices or ():
            if not choice.index:
                self._choice(choice, events)

    def _begin(self, sent: bytes, events: list[Event]) -> None:
        self._begun = True
        try:
            head = wire.loads(sent)
        except ValueError:  # in what only this reads of it
            raise NotAnEvent("the upstream's stream holds something else than chunks") from None
        created = head.get("created")
        events.append(
            Started(
                str(head.get("id") or ""),
                str(head.get("model") or ""),
                created if isinstance(created, int) else None,
            )
        )

    def _end(self, events: list[Event]) -> None:
        self._ended = True
        finish = read_finish(self._finish or "stop", bool(self._calls), self._refused)
        events.append(Finished(finish, self._usage))

    def _choice(self, choice: _Choice, events: list[Event]) -> None:
        delta = choice.delta or choice.message
        if delta is not None:
            thought = delta.reasoning_content or delta.reasoning
            if isinstance(thought, str) and thought:
                self._thought = True
                events.append(ThinkingDelta(thought))
            if delta.reasoning_details:
                self._details(delta.reasoning_details, events)
            if isinstance(delta.content, str):
                if delta.content:
                    events.append(TextDelta(delta.content))
            elif isinstance(delta.content, list):
                self._parts(delta.content, events)
            if delta.refusal:
                self._refused = True
                events.append(RefusalDelta(delta.refusal))
            if delta.annotations:
                events.extend(CitationSent(cited) for cited in read_citations(delta.annotations))
            if delta.images:
                events.extend(PartSent(image) for image in read_images(delta.images))
            if delta.tool_calls:
                self._tool_calls(delta.tool_calls, events)
            elif isinstance(delta.function_call, dict):
                self._tool_calls([{"index": 0, "function": delta.function_call}], events)
        if choice.finish_reason and self._finish is None:
            self._finish = choice.finish_reason

    def _parts(self, parts: list[Any], events: list[Event]) -> None:
        """Content in parts, as Mistral's thinking models stream it."""
        for part in parts:
            match part:
                case {"type": "text", "text": str(text)} if text:
                    events.append(TextDelta(text))
                case {"type": "thinking", "thinking": list(inner)}:
                    events.extend(
                        ThinkingDelta(item["text"])
                        for item in inner
                        if isinstance(item, dict) and isinstance(item.get("text"), str)
                    )

    def _details(self, details: Any, events: list[Event]) -> None:
        """Signatures; and the text, where it comes in no other field besides."""
        for detail in details if isinstance(details, list) else []:
            part = read_detail(detail) if isinstance(detail, dict) else None
            if isinstance(part, RedactedThinking):
                events.append(PartSent(part))
            elif part is not None:
                if part.text and not self._thought:
                    events.append(ThinkingDelta(part.text))
                if part.signature:
                    events.append(ThinkingSigned(part.signature, part.signed_by))

    def _tool_calls(self, calls: Any, events: list[Event]) -> None:
        for call in calls if isinstance(calls, list) else []:
            if not isinstance(call, dict):
                continue
            function = _function_of(call)
            index = self._number_of(call, function)
            if index == len(self._calls):
                id = str(call.get("id") or f"call_{index}")
                self._calls.append(id)
                custom = isinstance(call.get("custom"), dict)
                name = str(function.get("name") or "")
                events.append(ToolCallStarted(index, id, name, custom))
            arguments = arguments_text(function.get("arguments", function.get("input")))
            if arguments:
                events.append(ToolCallDelta(index, arguments))

    def _number_of(self, call: JSONDict, function: JSONDict) -> int:
        """Which call a fragment belongs to, in our counting; the next number for a new one.

        Some servers leave `index` out, and some send every call under index 0: then a new id
        begins a new call, and what has neither id nor name goes on with the last.
        """
        wire_index, id, new = call.get("index"), call.get("id"), len(self._calls)
        if isinstance(wire_index, int):
            known = self._numbers.get(wire_index, new)
            if known < new and id and function.get("name") and id != self._calls[known]:
                known = new
            self._numbers[wire_index] = known
            return known
        if not new or (id and id != self._calls[-1]) or (not id and function.get("name")):
            return new
        return new - 1


_AFTER_TEXT = b'},"finish_reason":null}]}\n\n'


class StreamEncoder:
    """Neutral events in, chunks out."""

    def __init__(self, asked: Asked) -> None:
        self._include_usage = asked.include_usage
        self._head = {
            "id": asked.id,
            "object": "chat.completion.chunk",
            "created": asked.created,
            "model": asked.model,
        }
        self._refused = False
        self._thought: list[str] = []
        self._customs = custom_names(asked.request)
        self._is_of_functions = is_of_functions(asked.request)
        # Of calls to custom tools: the arguments of the function that stands for one, or None.
        self._inputs: dict[int, list[str] | None] = {}
        self._silent: set[int] = set()  # calls of functions that have no arguments yet
        self._before_text = self._write_before_text()

    def encode(self, event: Event) -> bytes:
        match event:
            case TextDelta(text):  # nearly every event: only the text is written anew
                return self._before_text + wire.dumps(text) + _AFTER_TEXT
            case ThinkingDelta(text):
                self._thought.append(text)
                return self._delta({"reasoning_content": text})
            case ToolCallDelta(index, arguments):
                return self._arguments(index, arguments)
            case ToolCallStarted():
                return self._call(event)
            case Started(id, _, created):
                self._head["id"] = id or self._head["id"]
                self._head["created"] = created or self._head["created"]
                self._before_text = self._write_before_text()
                return self._delta({"role": "assistant", "content": ""})
            case RefusalDelta(text):
                self._refused = True
                return self._delta({"refusal": text})
            case ThinkingSigned(signature, signed_by):
                # The whole thought again, with what makes it acceptable on the next turn.
                thought = Thinking(
                    text="".join(self._thought), signature=signature, signed_by=signed_by
                )
                self._thought = []
                return self._delta({"reasoning_details": [write_detail(thought)]})
            case CitationSent(citation):
                annotation = write_citation(citation, 0, 0)
                return self._delta({"annotations": [annotation]}) if annotation else b""
            case PartSent(RedactedThinking() as part):
                return self._delta({"reasoning_details": [write_detail(part)]})
            case PartSent(Image() as part):
                return self._delta({"images": [encode_image(part)]})
            case PartSent():
                return b""  # of a tool that this client cannot have asked for
            case Finished(finish, usage, _):
                return self._end(self._reason(finish), usage)

    def _call(self, call: ToolCallStarted) -> bytes:
        if self._is_of_functions:
            self._silent.add(call.index)
            return self._function(call.index, name=call.name, arguments="")
        head: JSONDict = {"index": call.index, "id": call.id}
        if call.custom or call.name in self._customs:
            self._inputs[call.index] = None if call.custom else []
            tool = {"name": call.name, "input": ""}
            return self._delta({"tool_calls": [head | {"type": "custom", "custom": tool}]})
        self._silent.add(call.index)
        function = {"name": call.name, "arguments": ""}
        return self._delta({"tool_calls": [head | {"type": "function", "function": function}]})

    def _function(self, index: int, **told: str) -> bytes:
        """One call is all that a client can take that knows functions only."""
        return b"" if index else self._delta({"function_call": told})

    def _reason(self, finish: Finish) -> str:
        if finish == "tool_calls" and self._is_of_functions:
            return "function_call"
        return write_finish(finish, self._refused)

    def _arguments(self, index: int, arguments: str) -> bytes:
        if arguments:
            self._silent.discard(index)
        if self._is_of_functions:
            return self._function(index, arguments=arguments)
        if index not in self._inputs:
            call: JSONDict = {"index": index, "function": {"arguments": arguments}}
            return self._delta({"tool_calls": [call]})
        held = self._inputs[index]
        if held is not None:  # of a function that stands for a custom tool: not text yet
            held.append(arguments)
            return b""
        return self._input(index, arguments)

    def _input(self, index: int, text: str) -> bytes:
        return self._delta({"tool_calls": [{"index": index, "custom": {"input": text}}]})

    def _write_before_text(self) -> bytes:
        head = wire.dumps(self._head).removesuffix(b"}")
        return b"data: " + head + b',"choices":[{"index":0,"delta":{"content":'

    def _delta(self, delta: JSONDict) -> bytes:
        return self._chunk([{"index": 0, "delta": delta, "finish_reason": None}])

    def _end(self, reason: str, usage: Usage | None) -> bytes:
        end = b"".join(
            self._input(index, custom_tools.to_text("".join(held)))
            for index, held in self._inputs.items()
            if held is not None
        )
        # A call of no arguments is one with an empty object: clients parse what they are given.
        end += b"".join([self._arguments(index, "{}") for index in sorted(self._silent)])
        end += self._chunk([{"index": 0, "delta": {}, "finish_reason": reason}])
        if self._include_usage and usage is not None:
            end += self._chunk([], usage=write_usage(usage))
        return end + sse.frame(DONE)

    def _chunk(self, choices: list[JSONDict], **more: Any) -> bytes:
        return sse.frame(wire.dumps({**self._head, "choices": choices, **more}))
