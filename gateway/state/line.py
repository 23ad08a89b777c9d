"""The line to Redis: what a process asks and tells, in order, in batches.

While one batch is under way the next one gathers, so that a busy process pays for one round trip
and one command of the client's, whose cost is much larger than an op's.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

Op = Sequence[Any]  # a deed of batch.lua and its arguments
Exchange = Callable[[list[Op]], Awaitable[list[Any]]]
Answer = TypeVar("Answer")

# What is told waits so long for something that is asked, which takes it along.
TELL_AFTER_S = 0.005


class Away(Exception):
    """Redis did not take part; why."""


class Line:
    """Closed until `open`; closed again by itself, with `closed` called, when a batch fails.

    Args:
        exchange: Sends a batch and returns what each op came to. Raises `Away`.
        closed: Told why.
    """

    def __init__(self, exchange: Exchange, closed: Callable[[str], None]) -> None:
        self._exchange, self._closed = exchange, closed
        self._queue: list[tuple[Op, Callable[[Any], None] | None, asyncio.Future[Any] | None]] = []
        self._sending: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.is_open = False

    def open(self) -> None:
        """What is asked and told from now on comes after what is asked right after this."""
        self.is_open = True

    def ask(
        self,
        op: Op,
        read: Callable[[Any], Answer],
        unwanted: Callable[[Answer], None] | None = None,
    ) -> "asyncio.Future[Answer]":
        """What the op comes to, as `read` understands it; or what `read` raises.

        `read` is called in the order of the ops, whether or not somebody waits still; `unwanted`
        with what it made where nobody does.
        """
        future = asyncio.get_running_loop().create_future()
        if not self.is_open:
            future.set_exception(Away("the line is closed"))
            return future

        def answer(result: Any) -> None:
            try:
                value = read(result)
            except Exception as error:
                if not future.done():
                    future.set_exception(error)
                return
            if not future.done():
                future.set_result(value)
            elif unwanted is not None:
                unwanted(value)

        self._queue.append((op, answer, future))
        self._send()
        return future

    def tell(self, op: Op, read: Callable[[Any], None] | None = None) -> None:
        """Nobody waits for it. On a closed line it is lost."""
        if not self.is_open:
            return
        self._queue.append((op, read, None))
        if self._sending is None and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(TELL_AFTER_S, self._send)

    async def flush(self) -> None:
        """Until what was told before this is there, or the line is closed."""
        self._send()
        while self._sending is not None:
            await asyncio.wait([self._sending])
            self._send()

    def close(self, why: str) -> None:
        if not self.is_open:
            return
        self.is_open = False
        queue, self._queue = self._queue, []
        for _, _, future in queue:
            if future is not None and not future.done():
                future.set_exception(Away(why))
        self._closed(why)

    def _send(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._sending is None and self._queue:
            self._sending = asyncio.get_running_loop().create_task(self._send_all())

    async def _send_all(self) -> None:
        try:
            while self._queue:
                batch = self._queue
                self._queue = []
                await self._send_batch(batch)
        finally:
            self._sending = None

    async def _send_batch(self, batch: list[Any]) -> None:
        try:
            results = await self._exchange([op for op, _, _ in batch])
        except Away as error:
            self._queue = batch + self._queue
            self.close(str(error))
            return
        except BaseException:
            self._queue = batch + self._queue
            self.close("the line was given up")
            raise
        for (_, answer, _), result in zip(batch, results, strict=True):
            if answer is not None:
                answer(result)
