"""`python -m bench translate`: a long conversation, from every client's format to every provider's."""

import statistics
import time
from collections.abc import Callable

from gateway import formats
from gateway.formats import wire
from gateway.formats.types import (
    JSONDict,
    Message,
    Prompt,
    Quirks,
    Text,
    Tool,
    ToolCall,
    ToolResult,
)

MESSAGES = 400
WORDS = "The quick brown fox jumps over the lazy dog and reads another file of the project. "
SCHEMA: JSONDict = {
    "type": "object",
    "properties": {"path": {"type": "string"}, "line": {"type": "integer"}},
    "required": ["path"],
}


def conversation() -> Prompt:
    """400 messages, each fourth of them a call of a tool and each fourth its result; some 200,000 tokens."""
    turns: list[Message] = [Message("system", (Text(text=WORDS * 20),))]
    for number in range(MESSAGES // 4):
        id = f"call_{number}"
        call = ToolCall(
            id=id, name=f"tool_{number % 20}", arguments='{"path":"src/main.py","line":7}'
        )
        result = ToolResult(call_id=id, content=(Text(text=WORDS * 70),))
        turns += [
            Message("user", (Text(text=WORDS * 15),)),
            Message("assistant", (Text(text=WORDS * 5), call)),
            Message("user", (result,)),
            Message("assistant", (Text(text=WORDS * 25),)),
        ]
    tools = tuple(Tool(f"tool_{number}", WORDS, SCHEMA) for number in range(20))
    turns.append(Message("user", (Text(text="Go on."),)))
    return Prompt(format="", model="m", messages=tuple(turns), tools=tools, max_tokens=1000)


def bodies() -> dict[str, bytes]:
    """The conversation as a client of each format sends it."""
    prompt = conversation()
    return {
        name: wire.dumps(
            {"model": "m"} | formats.FORMATS[name].encode_request(prompt, "m", Quirks()).body
        )
        for name in formats.CLIENTS
        if name in formats.FORMATS
    }


def translate(body: bytes, client: formats.ClientFormat, upstream: formats.Format) -> bytes:
    """What the gateway does with a request: bytes to bytes."""
    prompt = client.decode_request(wire.loads(body))
    return wire.dumps(upstream.encode_request(prompt, "m", Quirks()).body)


def median_ms(deed: Callable[[], object], times: int) -> float:
    """The first time warms up and does not count."""
    took = []
    for _ in range(times + 1):
        began = time.perf_counter()
        deed()
        took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took[1:])


def measure(times: int) -> dict[tuple[str, str], float]:
    """Milliseconds by client's and provider's format."""
    return {
        (client, upstream): median_ms(
            lambda body=body, client=client, upstream=upstream: translate(  # type: ignore[misc]
                body, formats.for_client(client), formats.by_name(upstream)
            ),
            times,
        )
        for client, body in bodies().items()
        for upstream in formats.FORMATS
        if upstream != client
    }


def table(took: dict[tuple[str, str], float], sizes: dict[str, bytes]) -> str:
    """Markdown: clients down, providers across."""
    upstreams = list(formats.FORMATS)
    lines = [("client, KB", *upstreams), ("---", *["---:"] * len(upstreams))]
    for client, body in sizes.items():
        cells = [
            f"{took[client, upstream]:.1f}" if (client, upstream) in took else ""
            for upstream in upstreams
        ]
        lines.append((f"{client}, {len(body) // 1000:,}", *cells))
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def main(times: int = 15) -> None:
    print(
        f"{MESSAGES} messages with tools, JSON read and written included; ms, medians of {times}\n"
    )
    print(table(measure(times), bodies()))
