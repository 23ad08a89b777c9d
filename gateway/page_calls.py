"""Calls that a page of ours makes: the session of who is signed in stands for one of their keys.

Django judges such an address like any other of its own: who is signed in, whether the request is
forged, whether the key is theirs. Its view sees no body and names the key; the call is then made
with it as a client's is. So no page holds a key, and no session opens an address of the data plane.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from gateway import formats, pipeline
from gateway.exchange import Exchange, Message
from gateway.runtime import Runtime

PREFIX = "/playground/call/"
_GRANTED = "omniroute.granted"  # of the scope that Django sees: the SHA-256 of the key
_OF_THE_BODY = frozenset({b"content-length", b"transfer-encoding"})


def grant(scope: dict[str, Any], sha256: str) -> None:
    """From the view: the call may be made with this key."""
    scope[_GRANTED] = sha256


async def serve(
    exchange: Exchange, django: Callable[[Any, Any, Any], Awaitable[None]], runtime: Runtime
) -> None:
    """Answer as the view refuses, or else as the model answers."""
    refusal: list[Message] = []

    async def keep(message: Message) -> None:
        refusal.append(message)

    headers = [pair for pair in exchange.scope["headers"] if pair[0] not in _OF_THE_BODY]
    scope = {**exchange.scope, "headers": headers, _GRANTED: ""}
    await django(scope, _Bodyless().receive, keep)
    if not scope[_GRANTED]:
        await exchange.pass_on(refusal)
        return
    exchange.granted = scope[_GRANTED]
    await pipeline.serve(exchange, formats.for_client("openai_chat"), runtime)


class _Bodyless:
    """A request that ends with its headers; its client does not leave while Django looks at it."""

    def __init__(self) -> None:
        self._read = False

    async def receive(self) -> Message:
        if self._read:
            await asyncio.Event().wait()  # Django cancels this when it has answered
        self._read = True
        return {"type": "http.request", "body": b"", "more_body": False}
