"""The faults, byte by byte: what an upstream writes instead of an answer.

Each returns whether the connection can be used for another call.
"""

import gzip
import json
from collections.abc import Awaitable, Callable

from tests.faults.asked import TEXT, Asked
from tests.faults.faults import REPORTED
from tests.faults.hints import HINTS, Hint, now
from tests.matrix.framing import dumps
from tests.matrix.scenarios import Answer

LONG = TEXT * 40  # at a pause a piece it takes longer than any limit that is met
LONG_FRAMES = 1000
MEGABYTE = 1 << 20

Behaviour = Callable[[Asked], Awaitable[bool]]


async def works(asked: Asked) -> bool:
    if not asked.streams:
        return await asked.respond(asked.whole)
    await asked.head(asked.kind, None)
    await asked.chunks([*asked.frames, b""])
    return True


async def resets(asked: Asked) -> bool:
    return asked.reset()


async def hangs_up(asked: Asked) -> bool:
    return False


async def hangs_before_headers(asked: Asked) -> bool:
    return await asked.hang()


async def hangs_after_headers(asked: Asked) -> bool:
    await asked.head(asked.kind, None if asked.streams else len(asked.whole))
    return await asked.hang()


async def only_pings(asked: Asked) -> bool:
    """As OpenRouter does while its provider is slow: comments, and blanks before JSON."""
    await asked.head(asked.kind, None)
    return await asked.pace([b": PROCESSING\n\n" if asked.streams else b" \n"] * LONG_FRAMES)


async def endless(asked: Asked) -> bool:
    await asked.head(asked.kind, None)
    if not asked.streams:
        return await asked.pace([b" "] * LONG_FRAMES)
    return await asked.pace(asked.vendor.stream(Answer(text=LONG), asked.model))


async def stalls(asked: Asked) -> bool:
    await asked.begin()
    return await asked.hang()


async def cut(asked: Asked) -> bool:
    await asked.begin()
    if asked.streams:
        following = asked.broken_frames[-2]
        await asked.chunks([following[: len(following) // 2]])
    return False


async def reset_midway(asked: Asked) -> bool:
    await asked.begin()
    return asked.reset()


async def ends_early(asked: Asked) -> bool:
    await asked.begin()
    await asked.chunks([b""])
    return True


async def empty(asked: Asked) -> bool:
    await asked.head(asked.kind, 0)
    return True


async def error_first(asked: Asked) -> bool:
    if not asked.streams:
        return await asked.respond(dumps(asked.vendor.refuse(500, REPORTED)))
    await asked.head(asked.kind, None)
    await asked.chunks([asked.broken_frames[-1], b""])
    return True


async def error_midway(asked: Asked) -> bool:
    if not asked.streams:
        return await error_first(asked)
    await asked.begin()
    await asked.chunks([asked.broken_frames[-1], b""])
    return True


async def fails_once(asked: Asked) -> bool:
    if asked.number:
        return await works(asked)
    return await asked.respond(dumps(asked.vendor.refuse(500, REPORTED)), 500)


async def drips(asked: Asked) -> bool:
    if asked.streams:
        await asked.head(asked.kind, None)
        data = b"".join(asked.frames)
        await asked.chunks([data[at : at + 1] for at in range(len(data))] + [b""])
        return True
    await asked.head("application/json", len(asked.whole))
    for at in range(len(asked.whole)):
        await asked.send(asked.whole[at : at + 1])
    return True


async def html(asked: Asked) -> bool:
    page = b"<!doctype html><title>Sign in to the network</title>"
    await asked.head("text/html; charset=utf-8", len(page))
    await asked.send(page)
    return True


async def bomb(asked: Asked) -> bool:
    # A file of gzip may have any number of members, one after another.
    packed = gzip.compress(b" " * MEGABYTE) * 1024
    await asked.head(asked.kind, len(packed), Content_Encoding="gzip")
    await asked.send(packed)
    return True


async def huge(asked: Asked) -> bool:
    """One value: of a stream, one event."""
    begin = b'data: {"id": "' if asked.streams else b'{"id": "'
    return await _huge(asked, asked.kind, 200, begin)


async def huge_error(asked: Asked) -> bool:
    begin = b'{"error": {"message": "%s", "more": "' % REPORTED.encode()
    return await _huge(asked, "application/json", 500, begin)


async def _huge(asked: Asked, kind: str, status: int, begin: bytes) -> bool:
    await asked.head(kind, None, status)
    await asked.chunks([begin])
    await asked.chunks([b"x" * MEGABYTE] * 100)
    await asked.chunks([b'"}\n\n', b""])
    return True


def limited(hint: Hint) -> Behaviour:
    async def answer(asked: Asked) -> bool:
        refusal = asked.vendor.refuse(429, hint.message)
        if hint.details:
            refusal["error"]["details"] = hint.details
        return await asked.respond(json.dumps(refusal).encode(), 429, **hint.headers(now()))

    return answer


BEHAVIOURS: dict[str, Behaviour] = {
    "resets": resets,
    "hangs-up": hangs_up,
    "hangs-before-headers": hangs_before_headers,
    "hangs-after-headers": hangs_after_headers,
    "only-pings": only_pings,
    "stalls": stalls,
    "endless": endless,
    "cut": cut,
    "reset-midway": reset_midway,
    "ends-early": ends_early,
    "empty": empty,
    "error-first": error_first,
    "error-midway": error_midway,
    "fails-once": fails_once,
    "drips": drips,
    "html": html,
    "bomb": bomb,
    "huge": huge,
    "huge-error": huge_error,
    **{f"429-{hint.id}": limited(hint) for hint in HINTS},
}
