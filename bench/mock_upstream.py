"""A very cheap mock LLM upstream, so that a benchmark measures the gateway and not the provider.

    python mock_upstream.py PORT [TOKENS] [DELAY_S]

Speaks OpenAI Chat Completions (POST .../chat/completions), Anthropic Messages (POST .../messages)
and GET .../models. A stream has TOKENS content chunks, DELAY_S seconds apart (0: as fast as the
socket takes them). One core serves about 90,000 JSON answers or 120,000 stream chunks a second.
"""

import asyncio
import json
import sys

try:
    import uvloop

    uvloop.install()
except ImportError:
    pass

PORT = int(sys.argv[1])
TOKENS = int(sys.argv[2]) if len(sys.argv) > 2 else 64
DELAY = float(sys.argv[3]) if len(sys.argv) > 3 else 0.0


def http(body: bytes) -> bytes:
    head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    return (head % len(body)).encode() + body


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def openai_event(event: dict) -> bytes:
    base = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1700000000,
        "model": "mock",
    }
    return chunk(b"data: " + json.dumps({**base, **event}).encode() + b"\n\n")


def anthropic_event(kind: str, event: dict) -> bytes:
    return chunk(
        b"event: %s\ndata: %s\n\n" % (kind.encode(), json.dumps({"type": kind, **event}).encode())
    )


def delta(**fields) -> list:
    return [{"index": 0, "delta": fields, "finish_reason": None}]


USAGE = {"prompt_tokens": 10, "completion_tokens": TOKENS, "total_tokens": 10 + TOKENS}
TEXT = "hello " * TOKENS
STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
)
END = b"0\r\n\r\n"

OPENAI_JSON = http(
    json.dumps(
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
            "usage": USAGE,
        }
    ).encode()
)
OPENAI_STREAM = [
    openai_event({"choices": delta(role="assistant", content="")}),
    *[openai_event({"choices": delta(content="hello ")})] * TOKENS,
    openai_event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}),
]
OPENAI_TAIL = [chunk(b"data: [DONE]\n\n"), END]
OPENAI_USAGE = [openai_event({"choices": [], "usage": USAGE})]

ANTHROPIC_MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "mock",
    "stop_sequence": None,
}
ANTHROPIC_JSON = http(
    json.dumps(
        {
            **ANTHROPIC_MESSAGE,
            "content": [{"type": "text", "text": TEXT}],
            "stop_reason": "end_turn",
            "usage": {"input_tokens": 10, "output_tokens": TOKENS},
        }
    ).encode()
)
ANTHROPIC_STREAM = [
    anthropic_event(
        "message_start",
        {
            "message": {
                **ANTHROPIC_MESSAGE,
                "content": [],
                "stop_reason": None,
                "usage": {"input_tokens": 10, "output_tokens": 1},
            }
        },
    ),
    anthropic_event(
        "content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}}
    ),
    *[
        anthropic_event(
            "content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": "hello "}}
        )
    ]
    * TOKENS,
    anthropic_event("content_block_stop", {"index": 0}),
    anthropic_event(
        "message_delta",
        {
            "delta": {"stop_reason": "end_turn", "stop_sequence": None},
            "usage": {"output_tokens": TOKENS},
        },
    ),
    anthropic_event("message_stop", {}),
    END,
]
MODELS = http(
    json.dumps(
        {
            "object": "list",
            "data": [{"id": "mock", "object": "model", "created": 1, "owned_by": "mock"}],
        }
    ).encode()
)


class Upstream(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.buffer = transport, b""

    def data_received(self, data):
        self.buffer += data
        while True:
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            head = self.buffer[:end].lower()
            start, size = end + 4, 0
            at = head.find(b"content-length:")
            if at >= 0:
                size = int(head[at + 15 :].split(b"\r\n", 1)[0])
            elif b"transfer-encoding: chunked" in head:
                last = self.buffer.find(END, start)
                if last < 0:
                    return
                size = last + len(END) - start
            if len(self.buffer) < start + size:
                return
            body, self.buffer = self.buffer[start : start + size], self.buffer[start + size :]
            self.answer(head.split(b" ", 2)[1], body)

    def answer(self, path, body):
        if b"/models" in path and not body:
            return self.transport.write(MODELS)
        compact = body.replace(b" ", b"")
        messages = b"/messages" in path
        if b'"stream":true' not in compact:
            return self.transport.write(ANTHROPIC_JSON if messages else OPENAI_JSON)
        if messages:
            events = ANTHROPIC_STREAM
        else:
            usage = OPENAI_USAGE if b'"include_usage":true' in compact else []
            events = OPENAI_STREAM + usage + OPENAI_TAIL
        self.transport.write(STREAM_HEAD)
        asyncio.ensure_future(self.stream(events))

    async def stream(self, events):
        for event in events:
            if self.transport.is_closing():
                return
            self.transport.write(event)
            await asyncio.sleep(DELAY)


async def main():
    server = await asyncio.get_running_loop().create_server(
        Upstream, "127.0.0.1", PORT, backlog=4096
    )
    await server.serve_forever()


asyncio.run(main())
