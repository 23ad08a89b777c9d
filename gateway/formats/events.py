"""A stream of events that is relayed, and whose end tells what it cost.

OpenAI's streams of other kinds than chat: what was said, an image in the making, sound in events.
"""

from collections.abc import Callable

from gateway.errors import GatewayError, UpstreamFailed
from gateway.formats import sse, wire
from gateway.formats.failures import reported
from gateway.formats.openai_chat import encode_error
from gateway.formats.tally import Tally
from gateway.formats.types import JSONDict, Usage

_ENDS = (".done", ".completed")


class Events(Tally):
    """See `gateway.formats.Stage`.

    Args:
        read_usage: What an event tells of it.
    """

    __slots__ = ("_is_over", "_read_usage", "_splitter")

    def __init__(self, read_usage: Callable[[JSONDict], Usage | None]) -> None:
        super().__init__()
        self._splitter, self._read_usage = sse.Splitter(), read_usage
        self._is_over = False  # was there an event that ends such a stream?

    def feed(self, data: bytes) -> bytes:
        """The bytes to pass on.

        Raises:
            UpstreamFailed: The upstream reports an error before anything else.
        """
        events = self._splitter.feed(data)
        for event in events:
            self._read(event)
        return b"".join(events)

    def close(self) -> bytes:
        """The bytes that were left. Raises `UpstreamFailed` where the stream broke off."""
        rest = self._splitter.rest()
        if rest:
            rest += b"\n\n"
            self._read(rest)
        if not self._is_over and self.failed is None:
            raise UpstreamFailed("the upstream broke off its answer", upstream_status=200)
        self.finished = self.failed is None
        return rest

    def fail(self, error: GatewayError) -> bytes:
        return sse.frame(wire.dumps(encode_error(error, "")))

    def _read(self, event: bytes) -> None:
        data = sse.data_of(event)
        if not data or self.failed is not None:
            return
        if data == b"[DONE]":
            self._is_over = True
            return
        try:
            told = wire.loads(data)
        except ValueError:
            told = None
        if not isinstance(told, dict):
            raise UpstreamFailed("the upstream sent an event that is none", upstream_status=200)
        kind = told.get("type")
        if told.get("error") or kind == "error":
            failed = reported(told.get("error") or told)
            if not self.started:
                raise failed
            self.failed = failed
            return
        self.started = True
        if isinstance(told.get("delta"), str):
            self.text_chars += len(told["delta"])
        if isinstance(kind, str) and kind.endswith(_ENDS):
            self._is_over = True
        self.usage = self._read_usage(told) or self.usage
