"""A stream between two formats, in the shape of a format's own `Relay`."""

from gateway.errors import UpstreamFailed
from gateway.formats import StreamDecoder, StreamEncoder
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


class Translation:
    """Upstream bytes in, client bytes out, and what accounting reads on the way.

    `started`: content was seen. `finished`: the terminal bytes are out. `text_chars`: how much
    the model has written, for an estimate where no usage is told.
    """

    __slots__ = ("_decoder", "_encoder", "failed", "finished", "started", "text_chars", "usage")

    def __init__(self, decoder: StreamDecoder, encoder: StreamEncoder) -> None:
        self._decoder, self._encoder = decoder, encoder
        self.started = self.finished = False
        self.usage: Usage | None = None
        self.text_chars = 0
        self.failed: UpstreamFailed | None = None

    def feed(self, data: bytes) -> bytes:
        return b"".join([self._pass_on(event) for event in self._decoder.feed(data)])

    def close(self) -> bytes:
        """At the upstream's end. Raises `UpstreamFailed` where its answer was not finished."""
        return b"".join([self._pass_on(event) for event in self._decoder.close()])

    def _pass_on(self, event: Event) -> bytes:
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
        return self._encoder.encode(event)
