"""Messages and the parts of their content: Cohere's to and from the neutral form.

What a model means to do with tools it tells in `tool_plan`, beside its content; models that reason
think in content of type `thinking`. Both are thinking, and the former is marked in `extras`.

Source: https://docs.cohere.com/reference/chat (read 2026-11)
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from gateway.errors import NotSupported
from gateway.formats import wire
from gateway.formats.cohere_chat.citations import NAME, citations_of, cite
from gateway.formats.functions import text_of, told_apart
from gateway.formats.openai_chat.request import read_image
from gateway.formats.openai_chat.sending import encode_image
from gateway.formats.reading import beside, objects, optional, others, required, unknown_part
from gateway.formats.types import (
    Audio,
    File,
    Image,
    JSONDict,
    Message,
    Opaque,
    Part,
    Prompt,
    Quirks,
    RedactedThinking,
    Refusal,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)

_MESSAGE = frozenset(["role", "content", "tool_calls", "tool_call_id", "tool_plan", "citations"])
_PART = frozenset(["type", "text", "thinking", "image_url", "document"])
_CALL = frozenset(["id", "type", "function"])
_PLAN = "tool_plan"  # marks the thinking that is one


def read_messages(body: JSONDict) -> tuple[Message, ...]:
    """Raises `BadRequest` where a field is missing or of the wrong type; it is named."""
    return tuple(_message(message, at) for at, message in objects(body, "messages"))


def _message(message: JSONDict, at: str) -> Message:
    role: Any = required(message, "role", str, at)  # one of the roles: it was checked
    content = _content(message, at)
    extras = {name: told for name, told in others(message, _MESSAGE).items() if told is not None}
    if role == "tool":
        call = required(message, "tool_call_id", str, at)
        return Message("user", (ToolResult(call_id=call, content=content),), extras=extras)
    if role != "assistant":
        return Message(role, content, extras=extras)
    content, rest = cite(content, optional(message, "citations", list, at))
    if rest:
        extras["citations"] = rest
    plan = read_plan(optional(message, "tool_plan", str, at))
    calls = tuple(_call(call, where) for where, call in objects(message, "tool_calls", at))
    return Message(role, (*plan, *content, *calls), extras=extras)


def read_plan(plan: object) -> tuple[Thinking, ...]:
    told = isinstance(plan, str) and plan
    return (Thinking(text=told, extras={_PLAN: True}),) if told else ()


def _content(message: JSONDict, at: str) -> tuple[Part, ...]:
    content = message.get("content")
    if content is None:
        return ()
    if isinstance(content, str):
        return (Text(text=content),) if content else ()
    return tuple(_part(part, where) for where, part in objects(message, "content", at))


def _part(part: JSONDict, at: str) -> Part:
    found = _known_part(part, at)
    extras = {} if isinstance(found, Opaque) else beside(part, _PART)
    return msgspec.structs.replace(found, extras=found.extras | extras) if extras else found


def _known_part(part: JSONDict, at: str) -> Part:
    match required(part, "type", str, at):
        case "text":
            return Text(text=required(part, "text", str, at))
        case "thinking":
            return Thinking(text=required(part, "thinking", str, at))
        case "image_url":
            return read_image(part, at, None)
        case "document":
            return _document(required(part, "document", dict, at))
    return Opaque(format=NAME, value=part)


def _document(document: JSONDict) -> File:
    """A document is text, or an object of which only `text` and `title` are known by name."""
    data = document.get("data")
    fields = data if isinstance(data, dict) else {"text": data}
    text, name = fields.get("text"), fields.get("title") or document.get("id")
    return File(
        text=text if isinstance(text, str) else wire.dumps(data).decode(errors="replace"),
        media_type="text/plain",
        name=name if isinstance(name, str) else None,
        extras={"document": document},
    )


def _call(call: JSONDict, at: str) -> ToolCall:
    function = required(call, "function", dict, at)
    return ToolCall(
        id=required(call, "id", str, at),
        name=required(function, "name", str, at + "function."),
        arguments=optional(function, "arguments", str, at + "function.") or "",
        extras=beside(call, _CALL),
    )


# --- To an upstream --------------------------------------------------------------------------


def encode_messages(prompt: Prompt, quirks: Quirks, dropped: list[str]) -> list[JSONDict]:
    """Raises `NotSupported` for content that Cohere takes in no form."""
    sent: list[JSONDict] = []
    native = prompt.format == NAME
    for message in prompt.messages:
        if message.name:
            dropped.append("name")
        extras = message.extras if native else {}
        if message.role == "assistant":
            turn = _encode_assistant(message, native, quirks, dropped)
            cited = turn.get("citations", []) + extras.get("citations", [])
            sent.append(turn | extras | ({"citations": cited} if cited else {}))
            continue
        # Results answer the calls just before them; what a tool message cannot hold comes after.
        results = [part for part in message.parts if isinstance(part, ToolResult)]
        sent += [_encode_result(result, native) | extras for result in results]
        said = [part for result in results for part in told_apart(result, (Text, File))]
        said += [part for part in message.parts if not isinstance(part, ToolResult)]
        if said or not results:
            sent.append(_encode_said(message, said, native) | extras)
    return sent


def _encode_said(message: Message, parts: Sequence[Part], native: bool) -> JSONDict:
    role = "user" if message.role == "user" else "system"
    if role == "system" and not all(isinstance(part, Text) for part in parts):
        raise NotSupported(
            "messages: a system message holds text only at this provider", param="messages"
        )
    return {"role": role, "content": _encode_content(parts, native)}


def _encode_result(result: ToolResult, native: bool) -> JSONDict:
    parts: list[Part] = []
    for part in result.content:
        if isinstance(part, File) and not native:
            part = _as_document(part)
        if isinstance(part, Text | File):
            parts.append(part)
    if result.is_error:  # the format has no other way to say so
        parts.insert(0, Text(text="Error:"))
    content = _encode_content(parts, True)
    return {"role": "tool", "tool_call_id": result.call_id, "content": content}


def _as_document(file: File) -> File:
    if file.text is None:
        return file  # which is refused
    data = {"text": file.text} | ({"title": file.name} if file.name else {})
    return msgspec.structs.replace(file, extras={"document": {"data": data}})


def _encode_assistant(
    message: Message, native: bool, quirks: Quirks, dropped: list[str]
) -> JSONDict:
    calls = [part for part in message.parts if isinstance(part, ToolCall)]
    parts = [
        _planned(part, bool(calls) and not native)
        for part in message.parts
        if not isinstance(part, ToolCall | RedactedThinking)
        and not (isinstance(part, Thinking) and not part.text)
    ]
    if any(isinstance(part, RedactedThinking) for part in message.parts):
        dropped.append("thinking")
    if any(isinstance(part, Thinking) and part.signature for part in message.parts):
        dropped.append("thinking.signature")
    if not native and not reasons(quirks) and any(map(_thinks, parts)):
        dropped.append("thinking")
        parts = [part for part in parts if not _thinks(part)]
    return write_message(parts, calls, native)


def reasons(quirks: Quirks) -> bool:
    """Does the model's row say that it takes and gives thinking content?"""
    return quirks.reasoning not in (None, "none")


def _planned(part: Part, plans: bool) -> Part:
    """Thinking before calls is the plan of the turn, unless this format told it apart itself."""
    if plans and isinstance(part, Thinking):
        return msgspec.structs.replace(part, extras={_PLAN: True})
    return part


def _is_plan(part: Part) -> bool:
    return isinstance(part, Thinking) and part.extras.get(_PLAN) is True


def _thinks(part: Part) -> bool:
    return isinstance(part, Thinking) and not _is_plan(part)


def write_message(parts: Sequence[Part], calls: Iterable[ToolCall], native: bool) -> JSONDict:
    """A turn of the assistant, of a request or of an answer."""
    message: JSONDict = {"role": "assistant"}
    content = [part for part in parts if not _is_plan(part)]
    if content:
        message["content"] = [_encode_part(part, native) for part in content]
    plan = "".join(part.text for part in parts if isinstance(part, Thinking) and _is_plan(part))
    if plan:
        message["tool_plan"] = plan
    told = [_encode_call(call, native) for call in calls]
    if told:
        message["tool_calls"] = told
    if not content and not told:
        message["content"] = [{"type": "text", "text": ""}]
    cited = list(citations_of(content)) if native else []
    return message | ({"citations": cited} if cited else {})


def _encode_call(call: ToolCall, native: bool) -> JSONDict:
    function = {"name": call.name, "arguments": text_of(call)}
    told = {"id": call.id, "type": "function", "function": function}
    return told | (call.extras if native else {})


def _encode_content(parts: Sequence[Part], native: bool) -> str | list[JSONDict]:
    if not parts:
        return ""
    if len(parts) == 1 and isinstance(parts[0], Text) and not parts[0].extras:
        return parts[0].text
    return [_encode_part(part, native) for part in parts]


def _encode_part(part: Part, native: bool) -> JSONDict:
    extras: dict[str, Any] = part.extras if native else {}
    match part:
        case Text(text=text) | Refusal(text=text):
            return {"type": "text", "text": text} | extras
        case Thinking(text=text):
            return {"type": "thinking", "thinking": text} | extras
        case Image():
            return encode_image(part) | extras
        case File(text=str(text)):
            return {"type": "document"} | extras if extras else {"type": "text", "text": text}
        case Opaque(format=origin, value=value) if origin == NAME:
            return value
        case Opaque(value=value):
            raise unknown_part(value)
        case File():
            what = "a document that is no text"
        case Audio():
            what = "audio"
        case _:
            what = type(part).__name__
    raise NotSupported(f"{what} cannot be sent to this provider", param="messages")
