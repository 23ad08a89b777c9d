"""A test's own HTTP server, on a real socket."""

import asyncio
import threading
from collections.abc import Callable

from aiohttp import web


class Listening:
    """Runs in a thread of its own until `close`. What a subclass answers with, it has before this
    is initialized."""

    SEES_LEAVING = False  # does who hangs up end its answer?

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._ready.wait(5)

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        raise NotImplementedError

    def soon(self, deed: Callable[[], object]) -> None:
        """Have the server's thread do it."""
        self._loop.call_soon_threadsafe(deed)

    def close(self) -> None:
        self.soon(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        runner = self._loop.run_until_complete(self._start())
        self._ready.set()
        self._loop.run_forever()
        self._loop.run_until_complete(runner.cleanup())
        self._loop.close()

    async def _start(self) -> web.ServerRunner:
        server = web.Server(self.answer, handler_cancellation=self.SEES_LEAVING)
        runner = web.ServerRunner(server, shutdown_timeout=0)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.port: int = runner.addresses[0][1]
        return runner
