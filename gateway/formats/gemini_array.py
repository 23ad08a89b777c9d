"""Gemini for clients that stream without `alt=sse`: an array whose elements arrive one by one.

Everything but the stream's framing is `gateway.formats.gemini`'s, its name too: upstreams of that
format are relayed. They are asked for server-sent events all the same.

Source: https://ai.google.dev/api/generate-content#method:-models.streamgeneratecontent
(read 2026-11)
"""

from gateway.errors import GatewayError
from gateway.formats import wire
from gateway.formats.gemini import (
    NAME,
    TAKES_URLS,
    StreamDecoder,
    address,
    check_request,
    decode_error,
    decode_request,
    decode_response,
    encode_error,
    encode_request,
    encode_response,
    max_tokens,
    needs,
    readdress,
    sniff_response,
    wants,
    with_system,
    with_thinking,
)
from gateway.formats.gemini import Relay as _Relay
from gateway.formats.gemini.chunks import ChunkEncoder
from gateway.formats.gemini.stream import data_of
from gateway.formats.sse import Splitter
from gateway.formats.types import Asked, Event, Finished, Started

STREAM_TYPE = "application/json; charset=utf-8"

_NEXT = b",\r\n"


class _Array:
    """Elements one by one; the first opens the array."""

    __slots__ = ("_begun",)

    def __init__(self) -> None:
        self._begun = False

    def add(self, element: bytes) -> bytes:
        before = _NEXT if self._begun else b"["
        self._begun = True
        return before + element

    def end(self) -> bytes:
        return b"]" if self._begun else b"[]"


class StreamEncoder(ChunkEncoder):
    """Neutral events in, elements out.

    An element is written at once, so that an error later on is one more of them.
    """

    def __init__(self, asked: Asked) -> None:
        super().__init__(asked)
        self._array = _Array()

    def encode(self, event: Event) -> bytes:
        chunk = super().encode(event)
        if isinstance(event, Started):
            chunk = self._parts([{"text": ""}])
        sent = self._array.add(chunk) if chunk else b""
        return sent + self._array.end() if isinstance(event, Finished) else sent


class Relay(_Relay):
    """An upstream's server-sent events as elements of an array."""

    def __init__(self, strip_usage: bool) -> None:
        super().__init__(strip_usage)
        self._frames = Splitter()
        self._array = _Array()

    def feed(self, data: bytes) -> bytes:
        """See `gateway.formats.relay.Relay`."""
        return b"".join(map(self._element, self._frames.feed(super().feed(data))))

    def close(self) -> bytes:
        """See `gateway.formats.relay.Relay`."""
        rest = super().close()
        return b"".join(map(self._element, self._frames.feed(rest))) + self._array.end()

    def _element(self, frame: bytes) -> bytes:
        data = data_of(frame)
        if not data or data == b"[DONE]" or (self.failed and not _is_json(data)):
            return b""
        return self._array.add(data)


def _is_json(data: bytes) -> bool:
    """After an error nobody reads along, and one bad element spoils an array."""
    try:
        wire.loads(data)
    except ValueError:
        return False
    return True


def encode_stream_error(error: GatewayError, request_id: str) -> bytes:
    """The element that ends a broken stream, which had begun."""
    return _NEXT + wire.dumps(encode_error(error, request_id)) + b"]"


__all__ = [
    "NAME",
    "STREAM_TYPE",
    "TAKES_URLS",
    "Relay",
    "StreamDecoder",
    "StreamEncoder",
    "address",
    "check_request",
    "decode_error",
    "decode_request",
    "decode_response",
    "encode_error",
    "encode_request",
    "encode_response",
    "encode_stream_error",
    "max_tokens",
    "needs",
    "readdress",
    "sniff_response",
    "wants",
    "with_system",
    "with_thinking",
]
