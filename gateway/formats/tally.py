"""What accounting reads of a stream on its way through."""

from collections.abc import Iterable

from gateway.errors import GatewayError, UpstreamFailed
from gateway.formats.types import (
    CitationSent,
    Event,
    Finished,
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


class Tally:
    """`started`: content was seen. `finished`: so was the end. `text_chars`: how much the model
    has written, for an estimate where no usage is told. `failed`: the upstream reported an error
    after the start."""

    __slots__ = ("failed", "finished", "started", "text_chars", "usage")

    def __init__(self) -> None:
        self.started = self.finished = False
        self.usage: Usage | None = None
        self.text_chars = 0
        self.failed: UpstreamFailed | None = None

    @property
    def units(self) -> dict[str, int]:
        return {}

    def fail(self, error: GatewayError) -> bytes | None:
        return None

    def note(self, event: Event) -> None:
        match event:
            case TextDelta(text) | ThinkingDelta(text) | RefusalDelta(text):
                self.text_chars += len(text)
                self.started = True
            case ToolCallDelta(_, arguments):
                self.text_chars += len(arguments)
                self.started = True
            case ToolCallStarted() | ThinkingSigned() | CitationSent() | PartSent():
                self.started = True
            case Started():
                self.usage = event.usage
            case Finished():
                self.started = self.finished = True
                self.usage = event.usage or self.usage

    def note_all(self, events: Iterable[Event]) -> None:
        for event in events:
            self.note(event)
