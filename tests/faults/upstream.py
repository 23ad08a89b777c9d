"""Providers of every format on one real socket. The credential of a call says how they misbehave."""

import asyncio
import json
import socket
import threading
from collections import Counter, defaultdict
from contextlib import suppress

from tests.faults.asked import Asked
from tests.faults.cases import FAULT_OF
from tests.faults.misbehaving import BEHAVIOURS, works
from tests.matrix.vendors import VENDORS


class Upstream:
    """Runs in a thread of its own until `close`.

    `calls`: how many came for each model. `places`: of the faults that need an address where no
    server answers, that.
    """

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self._open: Counter[str] = Counter()
        self._heard: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._sockets: list[socket.socket] = []
        self.places = {"refuses": self._refusing(), "never-accepts": self._never_accepting()}
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._ready.wait(5)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def note_heard(self, model: str) -> None:
        """The client has the beginning of the answer: one that breaks may break now."""
        self._loop.call_soon_threadsafe(lambda: self._heard[model].set())

    def is_busy(self, model: str) -> bool:
        """Is a call for this model still being answered?"""
        return self._open[model] > 0

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        for one in self._sockets:
            one.close()

    def _refusing(self) -> str:
        """Bound, so that nobody else listens there either."""
        return _url(self._bound())

    def _never_accepting(self) -> str:
        """With no place left in its queue, so that Linux drops who knocks."""
        full = self._bound()
        full.listen(0)
        self._sockets.append(socket.create_connection(full.getsockname()))
        return _url(full)

    def _bound(self) -> socket.socket:
        one = socket.socket()
        one.bind(("127.0.0.1", 0))
        self._sockets.append(one)
        return one

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(
            asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=1000)
        )
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._exchange(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the gateway hung up
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (li.partition(": ") for li in lines)}
        body = json.loads(await reader.readexactly(int(headers["content-length"])))
        _, upstream, path = first.split(" ")[1].split("/", 2)
        vendor = VENDORS[upstream]
        model, streams = vendor.wants(f"/{path}", body)
        fault = FAULT_OF.get(_credential(headers))
        heard = self._heard[model] = asyncio.Event()  # what an earlier call heard counts no more
        asked = Asked(vendor, model, streams, self.calls[model], heard, reader, writer)
        self.calls[model] += 1
        self._open[model] += 1
        try:
            return await (BEHAVIOURS[fault.id] if fault else works)(asked)
        finally:
            self._open[model] -= 1


def _credential(headers: dict[str, str]) -> str:
    """Each format has a header of its own for it."""
    bearer = headers.get("authorization", "").removeprefix("Bearer ")
    return headers.get("x-api-key") or headers.get("x-goog-api-key") or bearer


def _url(listening: socket.socket) -> str:
    host, port = listening.getsockname()
    return f"http://{host}:{port}"
