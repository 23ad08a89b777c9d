"""`demo/echo`: a provider inside the gateway, so that a newcomer sees an answer before owning a key.

It is an upstream like any other, one that speaks OpenAI Chat Completions and gives back what
the user said last, word by word; only the socket is missing.
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

from gateway.formats import sse, wire

SCHEME = "demo"
DELAY_S = 0.02  # between words, so that a stream is seen to stream


def answer(body: bytes) -> "DemoAnswer":
    return DemoAnswer(wire.loads(body))


class DemoAnswer:
    """See `gateway.upstream.Answer`."""

    status = 200
    headers: Mapping[str, str] = {}

    def __init__(self, request: dict[str, Any]) -> None:
        self._request = request
        self._words = re.findall(r"\s*\S+", _last_said(request)) or ["(nothing was said)"]
        self._head = {"id": "chatcmpl-demo", "created": int(time.time()), "model": "echo"}
        self._pieces = self._stream()

    def header(self, name: str) -> str:
        if name != "content-type":
            return ""
        return "text/event-stream" if self._request.get("stream") else "application/json"

    async def read(self) -> bytes:
        message = {"role": "assistant", "content": "".join(self._words)}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return wire.dumps(
            {
                **self._head,
                "object": "chat.completion",
                "choices": [choice],
                "usage": self._usage(),
            }
        )

    async def piece(self) -> bytes:
        return await anext(self._pieces, b"")

    async def _stream(self) -> AsyncIterator[bytes]:
        for position, word in enumerate(self._words):
            if position:
                await asyncio.sleep(DELAY_S)
            role = {} if position else {"role": "assistant"}
            yield self._chunk([{"index": 0, "delta": {**role, "content": word}}])
        yield self._chunk([{"index": 0, "delta": {}, "finish_reason": "stop"}])
        yield self._chunk([], usage=self._usage())
        yield sse.frame(b"[DONE]")

    def close(self) -> None:
        """There is nothing to close."""

    def _chunk(self, choices: list[dict[str, Any]], **more: Any) -> bytes:
        head = {**self._head, "object": "chat.completion.chunk"}
        return sse.frame(wire.dumps({**head, "choices": choices, **more}))

    def _usage(self) -> dict[str, int]:
        """A word is a token here, and that is exact: this provider has no other tokens."""
        asked = sum(
            len(text.split())
            for message in self._request.get("messages", [])
            for text in _texts(message.get("content"))
        )
        said = len(self._words)
        return {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}


def _last_said(request: dict[str, Any]) -> str:
    """By the user: coding agents put a context into parts before it, or into a message after it."""
    messages = [m for m in request.get("messages") or [] if m.get("role") == "user"]
    said = [text for message in messages for text in _texts(message.get("content")) if text.strip()]
    return said[-1] if said else ""


def _texts(content: Any) -> list[str]:
    if isinstance(content, list):
        return [str(part.get("text", "")) for part in content if isinstance(part, dict)]
    return [content] if isinstance(content, str) else []
