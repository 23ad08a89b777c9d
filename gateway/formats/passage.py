"""An answer that is no text, on its way to the client: bytes as they come."""

from gateway.errors import UpstreamFailed
from gateway.formats.tally import Tally


class Passage(Tally):
    """See `gateway.formats.Stage`. Content has begun with the first byte."""

    __slots__ = ()

    def feed(self, data: bytes) -> bytes:
        self.started = True
        return data

    def close(self) -> bytes:
        """At the upstream's end. Raises `UpstreamFailed` where there was nothing."""
        if not self.started:
            raise UpstreamFailed("the upstream's answer is empty", upstream_status=200)
        self.finished = True
        return b""
