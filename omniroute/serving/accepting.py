"""Connections, taken from a listening socket that several processes share."""

import asyncio
import logging
import socket
from collections.abc import Callable

log = logging.getLogger(__name__)

PAUSE_S = 1.0  # when there are no descriptors left


class Acceptor:
    """Takes one connection at a turn of the loop.

    Event loops take all that wait at once. Where processes share a socket, the first to wake up
    would have them all, and the others nothing to do.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        listener: socket.socket,
        take: Callable[[socket.socket], None],
    ) -> None:
        self._loop, self._listener, self._take = loop, listener, take
        self._resumption: asyncio.TimerHandle | None = None

    def start(self) -> None:
        self._resumption = None
        self._loop.add_reader(self._listener.fileno(), self._accept)

    def close(self) -> None:
        """Accept nothing more; once every process has done so, callers are refused."""
        if self._resumption is not None:
            self._resumption.cancel()
        self._loop.remove_reader(self._listener.fileno())
        self._listener.close()

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return  # another process was faster, or the client has gone
        except OSError as error:
            log.error("no connection can be accepted: %s", error.strerror)
            self._loop.remove_reader(self._listener.fileno())
            self._resumption = self._loop.call_later(PAUSE_S, self.start)
            return
        connection.setblocking(False)
        self._take(connection)
