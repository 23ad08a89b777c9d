"""A stream between two formats, in the shape of a format's own `Relay`."""

from gateway.errors import GatewayError
from gateway.formats import StreamDecoder, StreamEncoder
from gateway.formats.tally import Tally
from gateway.formats.types import Event


class Translation(Tally):
    """Upstream bytes in, client bytes out, and what accounting reads on the way."""

    __slots__ = ("_decoder", "_encoder")

    def __init__(self, decoder: StreamDecoder, encoder: StreamEncoder) -> None:
        super().__init__()
        self._decoder, self._encoder = decoder, encoder

    def feed(self, data: bytes) -> bytes:
        return self._pass_on(self._decoder.feed(data))

    def close(self) -> bytes:
        """At the upstream's end. Raises `UpstreamFailed` where its answer was not finished."""
        return self._pass_on(self._decoder.close())

    def fail(self, error: GatewayError) -> bytes | None:
        told: bytes | None = self._encoder.fail(error) if hasattr(self._encoder, "fail") else None
        return told

    def _pass_on(self, events: list[Event]) -> bytes:
        self.note_all(events)
        return b"".join([self._encoder.encode(event) for event in events])
