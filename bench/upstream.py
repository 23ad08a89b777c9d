"""A very cheap provider, so that the benchmark measures the gateway: `python -m bench.upstream PORT`.

Speaks OpenAI Chat Completions and Anthropic Messages. A stream has TOKENS content chunks, as fast
as the socket takes them. `GET /tally` says how many calls carried the gateway's credential.
"""

import asyncio
import json
import sys
from collections.abc import Coroutine
from typing import Any, cast

import uvloop

TOKENS = 64
CREDENTIAL = "sk-bench-upstream"


def _http(content: Any) -> bytes:
    body = json.dumps(content).encode()
    head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    return (head % len(body)).encode() + body


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def _openai(**event: Any) -> bytes:
    base = {
        "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1700000000,
        "model": "mock",
    }  # fmt: skip
    return chunk(b"data: " + json.dumps(base | event).encode() + b"\n\n")


def _delta(finish: str | None = None, **fields: str) -> list[dict[str, Any]]:
    return [{"index": 0, "delta": fields, "finish_reason": finish}]


def _anthropic(kind: str, **event: Any) -> bytes:
    data = json.dumps({"type": kind, **event})
    return chunk(f"event: {kind}\ndata: {data}\n\n".encode())


TEXT = "hello " * TOKENS
STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
)
END = b"0\r\n\r\n"

OPENAI_USAGE = {"prompt_tokens": 10, "completion_tokens": TOKENS, "total_tokens": 10 + TOKENS}
OPENAI_ANSWER = _http(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1700000000,
        "model": "mock",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": TEXT},
                "finish_reason": "stop",
            }
        ],
        "usage": OPENAI_USAGE,
    }
)
OPENAI_STREAM = [
    _openai(choices=_delta(role="assistant", content="")),
    *[_openai(choices=_delta(content="hello "))] * TOKENS,
    _openai(choices=_delta("stop")),
]
OPENAI_STREAM_USAGE = [_openai(choices=[], usage=OPENAI_USAGE)]
OPENAI_STREAM_END = [chunk(b"data: [DONE]\n\n"), END]

ANTHROPIC_BASE = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "mock", "stop_sequence": None,
}  # fmt: skip
ANTHROPIC_ANSWER = _http(
    {
        **ANTHROPIC_BASE,
        "content": [{"type": "text", "text": TEXT}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 10, "output_tokens": TOKENS},
    }
)
ANTHROPIC_STREAM = [
    _anthropic(
        "message_start",
        message={
            **ANTHROPIC_BASE,
            "content": [],
            "stop_reason": None,
            "usage": {"input_tokens": 10, "output_tokens": 1},
        },
    ),
    _anthropic("content_block_start", index=0, content_block={"type": "text", "text": ""}),
    *[_anthropic("content_block_delta", index=0, delta={"type": "text_delta", "text": "hello "})]
    * TOKENS,
    _anthropic("content_block_stop", index=0),
    _anthropic(
        "message_delta",
        delta={"stop_reason": "end_turn", "stop_sequence": None},
        usage={"output_tokens": TOKENS},
    ),
    _anthropic("message_stop"),
    END,
]

_tally = 0
_streams: set[asyncio.Task[None]] = set()


class Upstream(asyncio.Protocol):
    """One connection. Hand-made: an HTTP server would cost more than what is measured."""

    transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance
        self.buffer = b""

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end].lower()
            start = end + 4
            stop = self._end_of_body(head, start)
            if stop is None or len(self.buffer) < stop:
                return
            body, self.buffer = self.buffer[start:stop], self.buffer[stop:]
            self._answer(head, body)

    def _end_of_body(self, head: bytes, start: int) -> int | None:
        """Where the body ends in the buffer; None while that cannot be told."""
        at = head.find(b"content-length:")
        if at >= 0:
            return start + int(head[at + 15 :].split(b"\r\n", 1)[0])
        if b"transfer-encoding: chunked" in head:
            last = self.buffer.find(END, start)
            return last + len(END) if last >= 0 else None
        return start

    def _answer(self, head: bytes, body: bytes) -> None:
        global _tally
        path = head.split(b" ", 2)[1]
        if path == b"/tally":
            self.transport.write(_http({"calls": _tally}))
            return
        if CREDENTIAL.encode() in head:
            _tally += 1
        compact = body.replace(b" ", b"")
        anthropic = b"/messages" in path
        if b'"stream":true' not in compact:
            self.transport.write(ANTHROPIC_ANSWER if anthropic else OPENAI_ANSWER)
            return
        usage = OPENAI_STREAM_USAGE if b'"include_usage":true' in compact else []
        events = ANTHROPIC_STREAM if anthropic else OPENAI_STREAM + usage + OPENAI_STREAM_END
        self.transport.write(STREAM_HEAD)
        keep(self._stream(events))

    async def _stream(self, events: list[bytes]) -> None:
        for event in events:
            if self.transport.is_closing():
                return
            self.transport.write(event)
            await asyncio.sleep(0)


def keep(work: Coroutine[Any, Any, None]) -> None:
    """Run it in the background."""
    task = asyncio.ensure_future(work)
    _streams.add(task)  # the loop itself holds tasks only weakly
    task.add_done_callback(_streams.discard)


async def main(port: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Upstream, "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
