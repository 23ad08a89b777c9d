"""A fake provider on a real socket. The model's name says how it behaves.

It speaks OpenAI Chat Completions and Anthropic Messages, in the scenes of `scenes.py` also
Responses and Gemini, and remembers what it was sent.
"""

import asyncio
import gzip
import json
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from msgspec import Struct

from tests.e2e import scenes

WORDS = ["Hello", " from", " the", " upstream", "."]
OPENAI_USAGE = {"prompt_tokens": 11, "completion_tokens": 5, "total_tokens": 16}
CALLS = [("call_1", "weather", '{"city": "Oslo"}'), ("call_2", "weather", '{"city": "Rome"}')]


class Seen(Struct):
    """A request as it arrived. `closed` is when its client hung up, on `time.monotonic`."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    raw: bytes
    closed: float | None = None

    @property
    def model(self) -> str:
        """Gemini's stands in the path."""
        if "model" in self.body:
            return str(self.body["model"])
        return self.path.partition("/models/")[2].partition(":")[0]

    @property
    def streams(self) -> bool:
        return bool(self.body.get("stream")) or ":stream" in self.path


class Upstream:
    """Runs in a thread of its own until `close`."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.closed = 0  # connections that are closed, from either side
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._ready.wait(5)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def of(self, model: str) -> list[Seen]:
        return [seen for seen in self.seen if seen.model == model]

    def has_closed(self, connections: int) -> bool:
        return self.closed >= connections

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

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
            pass
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()
            self.closed += 1

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        lines = head.split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
        raw = await reader.readexactly(int(headers.get("content-length", 0)))
        path = lines[0].split(" ")[1]
        if path.endswith("/models"):
            await send(writer, json_answer({"data": [{"id": "plain"}]}))
            return True
        original = {
            name: value
            for line in lines[1:]
            if ": " in line
            for name, value in [line.split(": ", 1)]
        }
        seen = Seen(
            path, {k.lower(): v for k, v in original.items()}, json.loads(raw or b"{}"), raw
        )
        self.seen.append(seen)
        if path.endswith("/count_tokens"):
            await send(writer, json_answer({"input_tokens": 42}))
            return True
        if path.endswith(":countTokens"):
            await send(writer, json_answer({"totalTokens": 42}))
            return True
        watch = asyncio.ensure_future(self._note_close(reader, seen))
        try:
            return await self.answer(seen, writer)
        except ConnectionError:
            seen.closed = time.monotonic()
            raise
        finally:
            await asyncio.sleep(0)
            watch.cancel()

    async def answer(self, seen: Seen, writer: asyncio.StreamWriter) -> bool:
        return await answer(seen, writer)

    async def _note_close(self, reader: asyncio.StreamReader, seen: Seen) -> None:
        # While an answer runs the client sends nothing, so a read returns only when it is gone.
        while not reader.at_eof():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        seen.closed = time.monotonic()


async def send(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(data)
    await writer.drain()


def json_answer(body: Any, status: int = 200, headers: str = "") -> bytes:
    return plain(json.dumps(body).encode(), "application/json", status, headers)


def plain(body: bytes, kind: str, status: int = 200, headers: str = "") -> bytes:
    head = f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
    return (head + headers + "\r\n").encode() + body


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
)


def openai_event(choices: list[Any], **more: Any) -> bytes:
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "up"}
    return b"data: " + json.dumps({**head, "choices": choices, **more}).encode() + b"\n\n"


def delta(finish: str | None = None, **fields: Any) -> list[Any]:
    return [{"index": 0, "delta": fields, "finish_reason": finish}]


def anthropic_event(kind: str, **more: Any) -> bytes:
    return f"event: {kind}\ndata: ".encode() + json.dumps({"type": kind, **more}).encode() + b"\n\n"


def openai_stream(seen: Seen, words: list[str], usage: bool = True) -> list[bytes]:
    events = [openai_event(delta(role="assistant", content=""))]
    events += [openai_event(delta(content=word)) for word in words]
    events.append(openai_event(delta("stop")))
    if usage and (seen.body.get("stream_options") or {}).get("include_usage"):
        events.append(openai_event([], usage=OPENAI_USAGE))
    return [*events, b"data: [DONE]\n\n"]


def openai_tools() -> list[bytes]:
    events = [openai_event(delta(role="assistant", content=None))]
    for index, (id, name, arguments) in enumerate(CALLS):
        function: dict[str, str] = {"name": name, "arguments": ""}
        call = {"index": index, "id": id, "type": "function", "function": function}
        events.append(openai_event(delta(tool_calls=[call])))
        for piece in (arguments[:7], arguments[7:]):
            part = {"index": index, "function": {"arguments": piece}}
            events.append(openai_event(delta(tool_calls=[part])))
    events.append(openai_event(delta("tool_calls")))
    return [*events, openai_event([], usage=OPENAI_USAGE), b"data: [DONE]\n\n"]


def anthropic_stream(
    blocks: list[tuple[dict[str, Any], list[dict[str, Any]]]], stop: str
) -> list[bytes]:
    message: dict[str, Any] = {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "up", "content": [],
        "stop_reason": None, "stop_sequence": None,
        "usage": {"input_tokens": 4, "cache_read_input_tokens": 7, "output_tokens": 1},
    }  # fmt: skip
    events = [anthropic_event("message_start", message=message), anthropic_event("ping")]
    for index, (block, deltas) in enumerate(blocks):
        events.append(anthropic_event("content_block_start", index=index, content_block=block))
        events += [anthropic_event("content_block_delta", index=index, delta=d) for d in deltas]
        events.append(anthropic_event("content_block_stop", index=index))
    ending = {"stop_reason": stop, "stop_sequence": None}
    events.append(anthropic_event("message_delta", delta=ending, usage={"output_tokens": 5}))
    return [*events, anthropic_event("message_stop")]


def anthropic_blocks(model: str) -> tuple[list[tuple[dict[str, Any], list[dict[str, Any]]]], str]:
    if model == "tools":
        return [
            (
                {"type": "tool_use", "id": id, "name": name, "input": {}},
                [{"type": "input_json_delta", "partial_json": p} for p in (args[:7], args[7:])],
            )
            for id, name, args in CALLS
        ], "tool_use"
    text = (
        {"type": "text", "text": ""},
        [{"type": "text_delta", "text": word} for word in WORDS],
    )
    if model == "thinks":
        thought = (
            {"type": "thinking", "thinking": "", "signature": ""},
            [
                {"type": "thinking_delta", "thinking": "Let me think."},
                {"type": "signature_delta", "signature": "c2lnbmVk"},
            ],
        )
        return [thought, text], "end_turn"
    return [text], "end_turn"


def openai_json(model: str) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": "".join(WORDS)}
    finish = "stop"
    if model == "tools":
        message = {"role": "assistant", "content": None, "tool_calls": [
            {"id": id, "type": "function", "function": {"name": name, "arguments": args}}
            for id, name, args in CALLS
        ]}  # fmt: skip
        finish = "tool_calls"
    choice = {"index": 0, "message": message, "finish_reason": finish}
    body = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "up",
            "choices": [choice]}  # fmt: skip
    return body if model == "no-usage" else body | {"usage": OPENAI_USAGE}


def anthropic_json(model: str) -> dict[str, Any]:
    blocks, stop = anthropic_blocks(model)
    content = []
    for block, deltas in blocks:
        match block["type"]:
            case "text":
                content.append({"type": "text", "text": "".join(d["text"] for d in deltas)})
            case "thinking":
                content.append(
                    {"type": "thinking", "thinking": "Let me think.", "signature": "c2lnbmVk"}
                )
            case "tool_use":
                arguments = "".join(d["partial_json"] for d in deltas)
                content.append({**block, "input": json.loads(arguments)})
    return {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "up", "content": content,
        "stop_reason": stop, "stop_sequence": None,
        "usage": {"input_tokens": 4, "cache_read_input_tokens": 7, "output_tokens": 5},
    }  # fmt: skip


async def relay(writer: asyncio.StreamWriter, events: list[bytes], pause_s: float = 0) -> bool:
    await send(writer, STREAM_HEAD)
    for event in events:
        await send(writer, chunk(event))
        await asyncio.sleep(pause_s)
    await send(writer, b"0\r\n\r\n")
    return True


async def forever(*_: Any) -> bool:
    await asyncio.sleep(3600)
    return False


async def answer(seen: Seen, writer: asyncio.StreamWriter) -> bool:
    """Whether the connection can be used again."""
    model = seen.model
    if scenes.is_scene(model):
        whole, events = scenes.say(seen.path, model, seen.body)
        if seen.streams:
            return await relay(writer, events)
        await send(writer, json_answer(whole))
        return True
    if model in FAULTS:
        again: bool = await FAULTS[model](seen, writer)
        return again
    if model.startswith("status-"):
        status, _, kind = model.removeprefix("status-").partition("-")
        page = plain(b"<html>Request refused</html>", "text/html", int(status))
        await send(writer, page if kind == "html" else status_answer(int(status), seen))
        return True
    anthropic = seen.path.endswith("/messages")
    if not seen.body.get("stream"):
        await send(writer, json_answer(anthropic_json(model) if anthropic else openai_json(model)))
        return True
    if anthropic:
        return await relay(writer, anthropic_stream(*anthropic_blocks(model)))
    if model == "tools":
        return await relay(writer, openai_tools())
    return await relay(writer, openai_stream(seen, WORDS, usage=model != "no-usage"))


def status_answer(status: int, seen: Seen) -> bytes:
    # Some providers echo the key that they refuse.
    words = f"refused {seen.headers.get('authorization', '')}{seen.headers.get('x-api-key', '')}"
    hint = "Retry-After: 7\r\n" if status == 429 else ""
    return json_answer({"error": {"message": words, "type": "t"}}, status, hint)


async def html(seen: Seen, writer: asyncio.StreamWriter) -> bool:
    await send(writer, plain(b"<html><title>Bad gateway</title></html>", "text/html"))
    return True


async def empty(seen: Seen, writer: asyncio.StreamWriter) -> bool:
    await send(writer, plain(b"", "application/json"))
    return True


def error_object(seen: Seen) -> bytes:
    """As of a provider that echoes the key in what it says."""
    message = f"overloaded, {seen.headers.get('authorization')}"
    return json.dumps({"error": {"message": message, "type": "server_error"}}).encode()


async def error_first(seen: Seen, writer: asyncio.StreamWriter) -> bool:
    if not seen.body.get("stream"):
        await send(writer, plain(error_object(seen), "application/json"))
        return True
    return await relay(writer, [b"data: " + error_object(seen) + b"\n\n"])


async def reset(seen: Seen, writer: asyncio.StreamWriter) -> bool:
    writer.transport.abort()
    return False


async def cut_mid_event(seen: Seen, writer: asyncio.StreamWriter) -> bool:
    await send(writer, STREAM_HEAD)
    for event in [*openai_stream(seen, WORDS)[:3], b'data: {"id": "chatcmpl-1", "cho']:
        await send(writer, chunk(event))
    await asyncio.sleep(0.05)
    return False


async def ends_early(seen: Seen, writer: asyncio.StreamWriter) -> bool:
    return await relay(writer, openai_stream(seen, WORDS)[:3])


async def hangs_mid_stream(seen: Seen, writer: asyncio.StreamWriter) -> bool:
    await send(writer, STREAM_HEAD)
    for event in openai_stream(seen, WORDS)[:4]:
        await send(writer, chunk(event))
    return await forever()


async def no_done(seen: Seen, writer: asyncio.StreamWriter) -> bool:
    return await relay(writer, openai_stream(seen, WORDS)[:-1])


async def slow(seen: Seen, writer: asyncio.StreamWriter) -> bool:
    if not seen.body.get("stream"):
        await asyncio.sleep(3)
        await send(writer, json_answer(openai_json("plain")))
        return True
    return await relay(writer, openai_stream(seen, [" word"] * 40), pause_s=0.05)


async def redirect(seen: Seen, writer: asyncio.StreamWriter) -> bool:
    await send(writer, plain(b"", "text/plain", 302, f"Location: {seen.path}/elsewhere\r\n"))
    return True


async def invalid_json(seen: Seen, writer: asyncio.StreamWriter) -> bool:
    await send(writer, plain(b'{"id": "chatcmpl-1", "choices": [', "application/json"))
    return True


async def compressed(seen: Seen, writer: asyncio.StreamWriter) -> bool:
    body = gzip.compress(json.dumps(openai_json("plain")).encode())
    await send(writer, plain(body, "application/json", headers="Content-Encoding: gzip\r\n"))
    return True


async def huge(seen: Seen, writer: asyncio.StreamWriter) -> bool:
    """100 MB: of a plain answer one string, of a stream one line that does not end."""
    streamed = bool(seen.body.get("stream"))
    kind = b"text/event-stream" if streamed else b"application/json"
    head = b"HTTP/1.1 200 X\r\nContent-Type: " + kind + b"\r\nTransfer-Encoding: chunked\r\n\r\n"
    begin = b'data: {"id": "' if streamed else b'{"id": "'
    await send(writer, head + chunk(begin))
    piece = chunk(b"x" * (1 << 20))
    for _ in range(100):
        await send(writer, piece)
    await send(writer, chunk(b'"}') + b"0\r\n\r\n")
    return True


async def hangs_after_headers(seen: Seen, writer: asyncio.StreamWriter) -> bool:
    streamed = bool(seen.body.get("stream"))
    length = b"Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
    await send(writer, STREAM_HEAD if streamed else b"HTTP/1.1 200 OK\r\n" + length)
    return await forever()


async def short_body(seen: Seen, writer: asyncio.StreamWriter) -> bool:
    whole = json_answer(openai_json("plain"))
    await send(writer, whole[:-40])
    return False


async def fin_after_40(seen: Seen, writer: asyncio.StreamWriter) -> bool:
    """No chunked framing, so a close is all that says that the answer ended."""
    await send(writer, b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
    for event in openai_stream(seen, [" word"] * 40)[:41]:
        await send(writer, event)
    return False


async def reset_mid_stream(seen: Seen, writer: asyncio.StreamWriter) -> bool:
    await send(writer, STREAM_HEAD)
    for event in openai_stream(seen, WORDS)[:4]:
        await send(writer, chunk(event))
    await asyncio.sleep(0.05)
    writer.transport.abort()
    return False


async def error_mid_stream(seen: Seen, writer: asyncio.StreamWriter) -> bool:
    error = b"data: " + error_object(seen) + b"\n\n"
    return await relay(writer, [*openai_stream(seen, WORDS)[:4], error])


async def drip(seen: Seen, writer: asyncio.StreamWriter) -> bool:
    """Three bytes at a time, so that every boundary is cut somewhere."""
    whole = b"".join(openai_stream(seen, ["Grüße", ", 世界", " 👋"]))
    return await relay(writer, [whole[at : at + 3] for at in range(0, len(whole), 3)])


async def usage_null(seen: Seen, writer: asyncio.StreamWriter) -> bool:
    """As OpenAI does where usage was asked for: null in each chunk, the counts in the last."""
    events = [openai_event(delta(content=word), usage=None) for word in WORDS]
    events.append(openai_event(delta("stop"), usage=None))
    if (seen.body.get("stream_options") or {}).get("include_usage"):
        events.append(openai_event([], usage=OPENAI_USAGE))
    return await relay(writer, [*events, b"data: [DONE]\n\n"])


async def refuses_usage(seen: Seen, writer: asyncio.StreamWriter) -> bool:
    if "stream_options" in seen.body:
        error = {"error": {"message": "unknown field: stream_options", "type": "invalid"}}
        await send(writer, json_answer(error, 400))
        return True
    return await relay(writer, openai_stream(seen, WORDS))


async def flood(seen: Seen, writer: asyncio.StreamWriter) -> bool:
    """20 MB as fast as they are taken: more than all the buffers on the way."""
    events = openai_stream(seen, ["x" * 50_000] * FLOOD_EVENTS)
    return await relay(writer, events)


FLOOD_EVENTS = 400


async def closes(seen: Seen, writer: asyncio.StreamWriter) -> bool:
    """A whole answer, and then, without having said so, no further one on this connection."""
    await send(writer, json_answer(openai_json("plain")))
    return False


async def private_headers(seen: Seen, writer: asyncio.StreamWriter) -> bool:
    headers = "".join(f"{name}: {value}\r\n" for name, value in PRIVATE_HEADERS.items())
    await send(writer, json_answer(openai_json("plain"), headers=headers))
    return True


PRIVATE_HEADERS = {
    "Set-Cookie": "session=upstream-secret",
    "Authorization": "Bearer upstream-secret",
    "WWW-Authenticate": "Bearer realm=upstream-secret",
    "OpenAI-Organization": "upstream-secret",
    "X-Request-Id": "upstream-secret",
    "Server": "upstream-secret",
}


FAULTS: dict[str, Callable[[Seen, asyncio.StreamWriter], Any]] = {
    "html": html,
    "empty": empty,
    "error-first": error_first,
    "reset": reset,
    "cut-mid-event": cut_mid_event,
    "ends-early": ends_early,
    "hangs": forever,
    "hangs-mid-stream": hangs_mid_stream,
    "no-done": no_done,
    "slow": slow,
    "redirect": redirect,
    "invalid-json": invalid_json,
    "compressed": compressed,
    "huge": huge,
    "hangs-after-headers": hangs_after_headers,
    "short-body": short_body,
    "fin-after-40": fin_after_40,
    "reset-mid-stream": reset_mid_stream,
    "error-mid-stream": error_mid_stream,
    "drip": drip,
    "usage-null": usage_null,
    "refuses-usage": refuses_usage,
    "flood": flood,
    "closes": closes,
    "private-headers": private_headers,
}
