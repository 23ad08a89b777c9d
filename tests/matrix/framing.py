"""Streams as they come over the wire: events and lines, written and read."""

import json
from collections.abc import Iterator
from typing import Any

from tests.matrix.scenarios import JSONDict


def event(value: Any, name: str = "") -> bytes:
    data = b"data: " + dumps(value) + b"\n\n"
    return f"event: {name}\n".encode() + data if name else data


def line(value: Any) -> bytes:
    return dumps(value) + b"\n"


def dumps(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def events(data: bytes) -> Iterator[tuple[str, str]]:
    """Each event of a server-sent-event stream: its name and its data."""
    for block in data.decode().replace("\r\n", "\n").split("\n\n"):
        lines = [line for line in block.split("\n") if line and not line.startswith(":")]
        if lines:
            fields = [line.partition(": ")[::2] for line in lines]
            told = dict(fields)
            yield told.get("event", ""), "\n".join(v for name, v in fields if name == "data")


def lines(data: bytes) -> list[JSONDict]:
    return [json.loads(line) for line in data.split(b"\n") if line]


def pieces(text: str, size: int = 7) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]
