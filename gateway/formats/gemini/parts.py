"""Parts: what a `content` is made of, in a request and in an answer.

Source: https://ai.google.dev/api/caching#Part (read 2026-11)
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from gateway.errors import NotSupported
from gateway.formats import wire
from gateway.formats.gemini import media, signing
from gateway.formats.gemini.calls import Ids, is_invented, write_call
from gateway.formats.gemini.signing import NAME
from gateway.formats.reading import objects, optional, others, required, unknown_part
from gateway.formats.types import (
    Audio,
    File,
    Image,
    JSONDict,
    Opaque,
    Part,
    RedactedThinking,
    Refusal,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)

_PART = frozenset(
    [
        "text",
        "thought",
        "thoughtSignature",
        "inlineData",
        "fileData",
        "functionCall",
        "functionResponse",
    ]
)
_CALL = frozenset(["id", "name", "args"])
_RESULT = frozenset(["id", "name", "response", "parts"])


# --- Reading -----------------------------------------------------------------------------------


def read_part(part: JSONDict, at: str, ids: Ids) -> list[Part]:
    """A part in camel case: with its signature, if it has one, before it.

    An empty text says nothing and is left out.

    Raises:
        BadRequest: A field is of the wrong type; it is named.
    """
    signed = signing.read(part.get("thoughtSignature"))
    if part.get("thought") is True and isinstance(part.get("text"), str):
        return _thought(part["text"], signed)
    found = _known_part(part, at, ids)
    if isinstance(found, Opaque):
        return [found]  # it holds its signature itself
    before: list[Part] = []
    if signed:
        before = [Thinking(text="", signature=signed[0], signed_by=signed[1])]
    return [*before, found] if found is not None else before


def _thought(text: str, signed: tuple[str, str | None] | None) -> list[Part]:
    if signed is None:
        return [Thinking(text=text)] if text else []
    signature, signed_by = signed
    if signed_by != NAME:
        return [signing.thought(text, signature, signed_by)]
    own: list[Part] = [Thinking(text="", signature=signature, signed_by=NAME)]
    return own + ([Thinking(text=text)] if text else [])


def _known_part(part: JSONDict, at: str, ids: Ids) -> Part | None:
    """Null for an empty text."""
    rest = others(part, _PART)
    if part.get("thought"):  # the image of a thought is no answer
        return Opaque(format=NAME, value=part)
    found: Part
    if "text" in part:
        text = required(part, "text", str, at)
        if not text and not rest:
            return None
        found = Text(text=text)
    elif "inlineData" in part:
        found, more = media.read_blob(part, at)
        rest |= {"inlineData": more} if more else {}
    elif "fileData" in part:
        found, more = media.read_file(part, at)
        rest |= {"fileData": more} if more else {}
    elif "functionCall" in part:
        found, more = _call(required(part, "functionCall", dict, at), at + "functionCall.", ids)
        rest |= {"functionCall": more} if more else {}
    elif "functionResponse" in part:
        inside = at + "functionResponse."
        found, more = _result(required(part, "functionResponse", dict, at), inside, ids)
        rest |= {"functionResponse": more} if more else {}
    else:
        return Opaque(format=NAME, value=part)
    return msgspec.structs.replace(found, extras=rest) if rest else found


def _call(call: JSONDict, at: str, ids: Ids) -> tuple[Part, JSONDict]:
    name = required(call, "name", str, at)
    arguments = optional(call, "args", dict, at) or {}
    found = ToolCall(
        id=ids.call(optional(call, "id", str, at), name),
        name=name,
        arguments=wire.dumps(arguments).decode(),
    )
    return found, others(call, _CALL)


def _result(result: JSONDict, at: str, ids: Ids) -> tuple[Part, JSONDict]:
    name = required(result, "name", str, at)
    response = optional(result, "response", dict, at) or {}
    shown: list[Part] = []
    for where, part in objects(result, "parts", at):
        shown += read_part(part, where, ids)
    text, is_error = _told(response)
    content = shown if shown and not response else [Text(text=text), *shown]
    found = ToolResult(
        call_id=ids.result(optional(result, "id", str, at), name),
        content=tuple(content),
        is_error=is_error,
    )
    return found, others(result, _RESULT)


def _told(response: JSONDict) -> tuple[str, bool]:
    """What a function gave, as text, and whether that is an error.

    `output` and `error` are Google's names for the two; an object of any other shape stays JSON.
    """
    match response:
        case {"output": str(text), **rest} if not rest and _object(text) is None:
            return text, False
        case {"error": str(text), **rest} if not rest:
            return text, True
    return wire.dumps(response).decode(), False


def _object(text: str) -> JSONDict | None:
    if not text.lstrip().startswith("{"):
        return None
    try:
        value = wire.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def joined(parts: list[Part]) -> tuple[Part, ...]:
    """The parts, with a signature that stands alone joined to the thought before it.

    Google signs what follows a thought, and a stream tells both as one. Another provider's thought
    comes back in pieces from a client that was streamed to.
    """
    found: list[Part] = []
    for part in parts:
        if isinstance(part, Thinking) and part.signature is not None and not part.text:
            text = _unsigned(found, all_of_it=part.signed_by != NAME)
            part = msgspec.structs.replace(part, text=text)
        found.append(part)
    return tuple(found)


def _unsigned(parts: list[Part], all_of_it: bool) -> str:
    """Takes the unsigned thoughts off the end, or only the last."""
    texts: list[str] = []
    while parts and isinstance(parts[-1], Thinking) and parts[-1].signature is None:
        if texts and not all_of_it:
            break
        texts.append(parts[-1].text)
        parts.pop()
    return "".join(reversed(texts))


# --- Writing -----------------------------------------------------------------------------------


class Writer:
    """Collects parts; a signature of Google's goes to the part that comes next."""

    def __init__(self) -> None:
        self._parts: list[JSONDict] = []
        self._signature: str | None = None

    def add(self, part: JSONDict) -> None:
        if self._signature is not None:
            part["thoughtSignature"] = self._signature
            self._signature = None
        self._parts.append(part)

    def think(self, part: Thinking | RedactedThinking) -> None:
        """A thought as a client gets it, whoever signed it."""
        for told in self.thoughts(part):
            self.add(told)

    def thoughts(self, part: Thinking | RedactedThinking) -> Iterator[JSONDict]:
        if isinstance(part, RedactedThinking):
            self._flush()
            sent = signing.write_redacted(part)
            yield {"text": "", "thought": True, "thoughtSignature": sent}
        elif part.signature is not None and part.signed_by != NAME:
            self._flush()
            sent = signing.write(part.signature, part.signed_by)
            yield {"text": part.text, "thought": True, "thoughtSignature": sent}
        else:
            if part.text:
                yield {"text": part.text, "thought": True}
            if part.signature is not None:
                self.sign(part.signature)

    def sign(self, signature: str) -> None:
        self._flush()
        self._signature = signature

    def _flush(self) -> None:
        if self._signature is not None:
            self.add({"text": ""})

    def done(self) -> list[JSONDict]:
        """All parts, at least one."""
        self._flush()
        return self._parts or [{"text": ""}]


def write_part(part: Part, names: Mapping[str, str]) -> JSONDict:
    """A part that is no thought; `names` are those of the calls by id, for results.

    Raises:
        NotSupported: This format has no such part.
    """
    match part:
        case Text(text=text) | Refusal(text=text):
            return {"text": text}
        case Image() | Audio() | File():
            return media.write(part)
        case ToolCall():
            return write_call(part)
        case ToolResult():
            return _write_result(part, names)
        case Opaque(format=origin, value=value) if origin == NAME:
            return dict(value)
        case Opaque(value=value):
            raise unknown_part(value)
    raise NotSupported(f"{type(part).__name__} is not possible here")


def with_extras(sent: JSONDict, extras: JSONDict) -> JSONDict:
    """What a part of this format says besides, in the place where it stood."""
    for name, value in extras.items():
        inner = sent.get(name)
        sent[name] = inner | value if isinstance(inner, dict) and isinstance(value, dict) else value
    return sent


def _write_result(result: ToolResult, names: Mapping[str, str]) -> JSONDict:
    texts = [part.text for part in result.content if isinstance(part, Text | Refusal)]
    shown = [write_part(p, names) for p in result.content if not isinstance(p, Text | Refusal)]
    text = "\n".join(texts)
    told: JSONDict = {} if is_invented(result.call_id) else {"id": result.call_id}
    told["name"] = names.get(result.call_id, "unknown")
    told["response"] = _response(text, result.is_error) if texts or not shown else {}
    return {"functionResponse": told | ({"parts": shown} if shown else {})}


def _response(text: str, is_error: bool) -> dict[str, Any]:
    if is_error:
        return {"error": text}
    value = _object(text)
    return value if value is not None else {"output": text}
