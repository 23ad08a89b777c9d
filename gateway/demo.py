"""`demo/echo`: a provider inside the gateway, so that a newcomer sees an answer before owning a key.

It is an upstream like any other, one that speaks OpenAI Chat Completions and gives back the words
of the last message; only the socket is missing.
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
        self._words = re.findall(r"\s*\S+", _last_text(request)) or ["(nothing was said)"]
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
            len(_text(message.get("content")).split())
            for message in self._request.get("messages", [])
        )
        said = len(self._words)
        return {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}


def _last_text(request: dict[str, Any]) -> str:
    messages = request.get("messages") or [{}]
    return _text(messages[-1].get("content"))


def _text(content: Any) -> str:
    if isinstance(content, list):
        return " ".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""
