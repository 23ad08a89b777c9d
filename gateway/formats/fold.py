"""A stream's events as one answer: for a client that wants it whole, and for comparing the two."""

from collections.abc import Iterable

from gateway.errors import UpstreamFailed
from gateway.formats.types import (
    Citation,
    CitationSent,
    Event,
    Finished,
    Part,
    PartSent,
    Refusal,
    RefusalDelta,
    Reply,
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


def fold(events: Iterable[Event]) -> Reply:
    """The answer that the events tell piece by piece.

    Raises:
        UpstreamFailed: They do not end with `Finished`.
    """
    folding = _Folding()
    for event in events:
        folding.take(event)
    return folding.reply()


class _Folding:
    """The part that is being written, and those before it; calls are completed at the end."""

    def __init__(self) -> None:
        self._started = Started("", "")
        self._finished: Finished | None = None
        self._parts: list[Part | int] = []  # a number stands for the call of that index
        self._calls: dict[int, tuple[ToolCallStarted, list[str]]] = {}
        self._open: type[Part] | None = None
        self._written: list[str] = []
        self._cited: list[Citation] = []

    def take(self, event: Event) -> None:
        match event:
            case TextDelta(text):
                self._write(Text, text)
            case ThinkingDelta(text):
                self._write(Thinking, text)
            case RefusalDelta(text):
                self._write(Refusal, text)
            case ThinkingSigned(signature, signed_by):
                self._sign(signature, signed_by)
            case CitationSent(citation):
                self._write(Text, "")
                self._cited.append(citation)
            case ToolCallStarted(index):
                self._close()
                self._parts.append(index)
                self._calls[index] = (event, [])
            case ToolCallDelta(index, arguments) if index in self._calls:
                self._calls[index][1].append(arguments)
            case PartSent(part):
                self._close()
                self._parts.append(part)
            case Started():
                self._started = event
            case Finished():
                self._finished = event

    def _write(self, kind: type[Part], text: str) -> None:
        if self._open is not kind:
            self._close()
            self._open = kind
        self._written.append(text)

    def _sign(self, signature: str, signed_by: str | None) -> None:
        text = "".join(self._written) if self._open is Thinking else ""
        if self._open is Thinking:
            self._open, self._written = None, []
        self._close()
        self._parts.append(Thinking(text=text, signature=signature, signed_by=signed_by))

    def _close(self) -> None:
        text = "".join(self._written)
        if self._open is Text:
            self._parts.append(Text(text=text, citations=tuple(self._cited)))
        elif self._open is Thinking:
            self._parts.append(Thinking(text=text))
        elif self._open is Refusal:
            self._parts.append(Refusal(text=text))
        self._open, self._written, self._cited = None, [], []

    def _part(self, part: Part | int) -> Part:
        if isinstance(part, Part):
            return part
        start, pieces = self._calls[part]
        return ToolCall(
            id=start.id, name=start.name, arguments="".join(pieces), custom=start.custom
        )

    def reply(self) -> Reply:
        if self._finished is None:
            raise UpstreamFailed("the upstream's stream broke off")
        self._close()
        return Reply(
            id=self._started.id,
            model=self._started.model,
            created=self._started.created,
            parts=tuple(self._part(part) for part in self._parts),
            finish=self._finished.finish,
            stop_sequence=self._finished.stop_sequence,
            usage=self._finished.usage or self._started.usage,
        )
