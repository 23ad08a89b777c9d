"""The same format on both ends: frames pass as they are, and a decoder reads along.

`openai_chat` and `anthropic_messages` have faster ones of their own, which parse less.
"""

from typing import Protocol

from gateway.errors import UpstreamFailed
from gateway.formats.failures import NotAnEvent
from gateway.formats.tally import Tally
from gateway.formats.types import Event


class Splitter(Protocol):
    """Cuts a stream into whole frames, wherever the network cut it: joined they are the stream."""

    def feed(self, data: bytes) -> list[bytes]: ...
    def rest(self) -> bytes: ...


class Decoder(Protocol):
    def feed(self, data: bytes) -> list[Event]: ...
    def close(self) -> list[Event]: ...


class Relay(Tally):
    """See `gateway.formats.Stage`.

    Args:
        end: What follows a last frame that the upstream left without its own end.
    """

    def __init__(self, splitter: Splitter, decoder: Decoder, end: bytes) -> None:
        super().__init__()
        self._splitter, self._decoder, self._end = splitter, decoder, end

    def feed(self, data: bytes) -> bytes:
        """The bytes to pass on.

        Raises:
            UpstreamFailed: The upstream reports an error before any content.
        """
        frames = self._splitter.feed(data)
        for frame in frames:
            self._read(frame)
        return b"".join(frames)

    def close(self) -> bytes:
        """The bytes that were left.

        Raises:
            UpstreamFailed: The stream broke off before its finish.
        """
        rest = self._splitter.rest()
        rest = rest and rest + self._end  # the decoder too waits for the end of a frame
        try:
            self._read(rest)
        except NotAnEvent:  # half a frame is not passed on
            rest = b""
        if not self.finished and not self.failed:
            self.note_all(self._decoder.close())
        return rest

    def _read(self, frame: bytes) -> None:
        if self.failed:
            return
        try:
            self.note_all(self._decoder.feed(frame))
        except NotAnEvent:
            raise
        except UpstreamFailed as error:
            if not self.started:
                raise
            self.failed = error
