"""Amazon's event stream, written and read a second time: ours is not measured by itself.

A fixture holds a message a line, in base64. To read one, and to write one from what was read:

    python -m tests.gateway.formats.wire.messages show < text.b64 > text.ndjson
    python -m tests.gateway.formats.wire.messages pack < text.ndjson > text.b64

Source: https://smithy.io/2.0/aws/amazon-eventstream.html (read 2026-11)
"""

import base64
import json
import struct
import sys
import zlib
from collections.abc import Iterator
from typing import Any

_TEXT = 7  # the only type of a header's value that Bedrock uses


def event(kind: str, payload: bytes) -> bytes:
    headers = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    return message(headers, payload)


def message(headers: dict[str, str], payload: bytes) -> bytes:
    told = b"".join(_header(name.encode(), text.encode()) for name, text in headers.items())
    prelude = struct.pack(">II", 16 + len(told) + len(payload), len(told))
    data = prelude + struct.pack(">I", zlib.crc32(prelude)) + told + payload
    return data + struct.pack(">I", zlib.crc32(data))


def _header(name: bytes, text: bytes) -> bytes:
    return struct.pack(">B", len(name)) + name + struct.pack(">BH", _TEXT, len(text)) + text


def messages(data: bytes) -> Iterator[tuple[dict[str, str], bytes]]:
    """The headers and the payload of each message of a whole stream; checksums are not read."""
    while data:
        length, size = struct.unpack_from(">II", data)
        yield dict(_headers(data[12 : 12 + size])), data[12 + size : length - 4]
        data = data[length:]


def _headers(told: bytes) -> Iterator[tuple[str, str]]:
    while told:
        name, rest = told[1 : 1 + told[0]], told[1 + told[0] :]
        _, size = struct.unpack_from(">BH", rest)
        yield name.decode(), rest[3 : 3 + size].decode()
        told = rest[3 + size :]


def show(data: bytes) -> str:
    """A stream as lines of JSON, one a message."""
    told = [
        {"headers": headers, "payload": json.loads(payload) if payload else None}
        for headers, payload in messages(data)
    ]
    return "".join(_dumps(value) + "\n" for value in told)


def pack(text: str) -> str:
    """What `show` gave, as a fixture: a message a line, in base64."""
    sent = [_message(json.loads(line)) for line in text.splitlines()]
    return "".join(base64.b64encode(data).decode() + "\n" for data in sent)


def _message(told: dict[str, Any]) -> bytes:
    payload = told["payload"]
    return message(told["headers"], b"" if payload is None else _dumps(payload).encode())


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


if __name__ == "__main__":
    if sys.argv[1] == "pack":
        sys.stdout.write(pack(sys.stdin.read()))
    else:
        sys.stdout.write(show(b"".join(map(base64.b64decode, sys.stdin.buffer))))
