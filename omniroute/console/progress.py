"""A page's deed that takes a while: how far it is, as lines of JSON, and at the end the page.

A browser without its script sends the form as ever, and gets the page alone.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextvars import Context, copy_context

from django.db import connection
from django.http import HttpRequest, StreamingHttpResponse

KIND = "application/x-ndjson"
STEPS = 100  # that are told at most

Tell = Callable[[int, int], None]  # how much is done, of how much


def is_asked(request: HttpRequest) -> bool:
    return request.headers.get("accept") == KIND


def streamed(work: Callable[[Tell], str]) -> StreamingHttpResponse:
    """Do `work` in a thread of its own, in the name of whose request this is; it returns the page.

    It is done to its end, whoever leaves.
    """
    return StreamingHttpResponse(_lines(copy_context(), work), content_type=KIND)


async def _lines(context: Context, work: Callable[[Tell], str]) -> AsyncIterator[bytes]:
    loop = asyncio.get_running_loop()
    told: asyncio.Queue[bytes | None] = asyncio.Queue()

    def tell(done: int, total: int) -> None:
        if done * STEPS // total > (done - 1) * STEPS // total:
            loop.call_soon_threadsafe(told.put_nowait, _line({"done": done, "total": total}))

    def run() -> str:
        try:
            return work(tell)
        finally:
            connection.close()
            loop.call_soon_threadsafe(told.put_nowait, None)

    page = loop.run_in_executor(None, context.run, run)
    while (line := await told.get()) is not None:
        yield line
    yield _line({"page": await page})


def _line(value: dict[str, int] | dict[str, str]) -> bytes:
    return json.dumps(value).encode() + b"\n"  # which takes the strings of templates too
