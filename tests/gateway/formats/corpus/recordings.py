"""The recordings, found and read where they lie. Their README says how one is laid out."""

import base64
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from gateway import formats
from gateway.errors import UpstreamFailed
from gateway.formats import sse, wire
from gateway.formats.fold import fold
from gateway.formats.types import JSONDict, Reply
from tests.gateway.formats.wire.messages import event

FOLDER = os.environ.get("CORPUS_DIR", "")
CLIENTS = ("openai_chat", "openai_responses", "anthropic_messages", "gemini", "ollama_chat")


@dataclass(frozen=True)
class Recording:
    """One HTTP exchange; `path` is its file."""

    path: Path

    @property
    def dialect(self) -> str:
        return self.path.parent.name

    @property
    def id(self) -> str:
        return f"{self.dialect}/{self.path.stem}"

    @property
    def format(self) -> formats.Format:
        return formats.by_name(self.dialect)

    @cached_property
    def document(self) -> JSONDict:
        document: JSONDict = wire.loads(self.path.read_bytes())
        return document

    @property
    def features(self) -> list[str]:
        features: list[str] = self.document["features"]
        return features

    @property
    def status(self) -> int:
        return self.document["response"]["status"] or 200

    @property
    def request(self) -> JSONDict | None:
        """The body. Where the model stands in the address, as at Bedrock, it is put in here."""
        body = (self.document["request"] or {}).get("body")
        if not isinstance(body, dict):
            return None
        if self.dialect in ("openai_chat", "openai_responses", "anthropic_messages"):
            return {"model": "from-the-address"} | body
        return body

    @property
    def answer(self) -> JSONDict | None:
        """A whole answer that is no error."""
        body = self.document["response"].get("body")
        return body if self.status < 400 and isinstance(body, dict) else None

    @property
    def failure(self) -> bytes | None:
        """The body of an error."""
        told = self.document["response"]
        if self.status < 400:
            return None
        return wire.dumps(told["body"]) if "body" in told else str(told.get("text", "")).encode()

    @cached_property
    def stream(self) -> bytes | None:
        """A stream's bytes, with a framing of our own where the source kept none."""
        told = self.document["response"]
        if self.status >= 400:
            return None
        match told:
            case {"sse": str(text)}:
                return text.encode()
            case {"stream": {"encoding": "text", "data": str(text)}}:
                return text.encode()
            case {"stream": {"data": str(data), "decoded": list(messages)}}:
                # Bedrock wraps another's events into its own stream.
                inner = [m["payload"]["bytes"] for m in messages if "bytes" in m["payload"]]
                events = [wire.loads(base64.b64decode(event)) for event in inner]
                return FRAMINGS[self.dialect](events) if inner else base64.b64decode(data)
            case {"chunks": list(chunks)}:
                return FRAMINGS[self.dialect](chunks)
            case {"body": list(chunks)}:
                return wire.dumps(chunks)
        return None


# --- Framings, for streams whose source kept the values only ---------------------------------


def _data(values: list[Any]) -> bytes:
    return b"".join(sse.frame(wire.dumps(value)) for value in values)


def _named(values: list[Any]) -> bytes:
    return b"".join(sse.frame(wire.dumps(value), value["type"]) for value in values)


def _messages(values: list[Any]) -> bytes:
    return b"".join(
        event(name, wire.dumps(payload)) for value in values for name, payload in value.items()
    )


FRAMINGS: dict[str, Callable[[list[Any]], bytes]] = {
    "openai_chat": lambda values: _data(values) + b"data: [DONE]\n\n",
    "openai_responses": _named,
    "anthropic_messages": _named,
    "gemini": _data,
    "bedrock_converse": _messages,
    "cohere_chat": _named,
    "ollama_chat": lambda values: b"".join(wire.dumps(value) + b"\n" for value in values),
}

# --- Reading ---------------------------------------------------------------------------------


def folded(name: str, *pieces: bytes) -> Reply:
    decoder = formats.by_name(name).StreamDecoder()
    events = [event for piece in pieces for event in decoder.feed(piece)]
    return fold(events + decoder.close())


def outcome(name: str, *pieces: bytes) -> Reply | str:
    """The fold of a stream, or the words of the failure that it is."""
    try:
        return folded(name, *pieces)
    except UpstreamFailed as error:
        return str(error)


def _found() -> list[Recording]:
    if not FOLDER:
        return []
    found = [
        Recording(path)
        for dialect in formats.FORMATS
        for path in sorted((Path(FOLDER) / dialect).glob("*.json"))
    ]
    if not found:  # named and not there: not what a clone without recordings says
        raise FileNotFoundError(f"no recordings under CORPUS_DIR={FOLDER}")
    return found


RECORDINGS = _found()


Wanted = Callable[[Recording], object]


def each(wanted: Wanted) -> pytest.MarkDecorator:
    """Run a test once a recording; without recordings once, and there it says so and is skipped."""
    cases = [pytest.param(r, id=r.id) for r in RECORDINGS if wanted(r)]
    return pytest.mark.parametrize("recording", cases if FOLDER else [pytest.param(None, id="-")])


def others(recording: Recording) -> list[str]:
    """The formats of clients, without the recording's own."""
    return [to for to in CLIENTS if to in formats.FORMATS and to != recording.dialect]
