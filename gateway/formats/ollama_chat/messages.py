"""Messages: Ollama's to and from the neutral form.

A message has one text, and images beside it. Calls had no ids for a long time, and results name
the tool at most: the ids that other formats want are made of the places of the calls, so that the
same history has the same ids whenever it is sent.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from gateway.errors import NotSupported
from gateway.formats import wire
from gateway.formats.functions import object_of, text_of
from gateway.formats.reading import beside, objects, optional, others, required, unknown_part, wrong
from gateway.formats.types import (
    Audio,
    File,
    Image,
    JSONDict,
    Message,
    Opaque,
    Part,
    Prompt,
    RedactedThinking,
    Refusal,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)

_MESSAGE = frozenset(
    ["role", "content", "thinking", "images", "tool_calls", "tool_name", "tool_call_id", "name"]
)
_CALL = frozenset(["id", "type", "function"])
# How the base64 of a picture begins: this format does not say of what kind it is.
_MEDIA_TYPES = {
    "iVBORw0KGgo": "image/png",
    "/9j/": "image/jpeg",
    "R0lGOD": "image/gif",
    "UklGR": "image/webp",
}


def read_messages(body: JSONDict) -> tuple[Message, ...]:
    """Raises `BadRequest` where a field is missing or of the wrong type; it is named."""
    messages: list[Message] = []
    waiting: list[ToolCall] = []  # calls without a result so far
    for position, (at, message) in enumerate(objects(body, "messages")):
        extras = others(message, _MESSAGE)
        if message["role"] == "tool":
            result = _result(message, at, position, waiting)
            messages.append(Message("user", (result,), extras=extras))
            continue
        parts = _content(message, at)
        if message["role"] == "assistant":
            thought = optional(message, "thinking", str, at)
            waiting = read_calls(message, at, f"call_{position}")
            parts = ((Thinking(text=thought),) if thought else ()) + parts + tuple(waiting)
        messages.append(Message(message["role"], parts, extras=extras))
    return tuple(messages)


def _content(message: JSONDict, at: str) -> tuple[Part, ...]:
    text = optional(message, "content", str, at)
    images = optional(message, "images", list, at) or []
    if not all(isinstance(image, str) for image in images):
        raise wrong(at + "images", "an array of images in base64")
    return ((Text(text=text),) if text else ()) + read_images(images)


def read_images(images: Iterable[str]) -> tuple[Image, ...]:
    return tuple(Image(data=image, media_type=_media_type(image)) for image in images)


def _media_type(data: str) -> str | None:
    found = (kind for start, kind in _MEDIA_TYPES.items() if data.startswith(start))
    return next(found, None)


def read_calls(message: JSONDict, at: str, made_of: str) -> list[ToolCall]:
    """The calls of a message; `made_of` is what their ids begin with where they have none.

    Raises:
        BadRequest: A field is missing or of the wrong type; it is named.
    """
    calls = []
    for number, (where, call) in enumerate(objects(message, "tool_calls", at)):
        function = required(call, "function", dict, where)
        inside = where + "function."
        calls.append(
            ToolCall(
                id=optional(call, "id", str, where) or f"{made_of}_{number}",
                name=required(function, "name", str, inside),
                arguments=_arguments(function.get("arguments"), inside),
                extras=beside(call, _CALL),
            )
        )
    return calls


def _arguments(arguments: Any, at: str) -> str:
    if isinstance(arguments, str):  # of clients that know OpenAI's way better
        return arguments
    if not isinstance(arguments, dict | None):
        raise wrong(at + "arguments", "an object")
    return wire.dumps(arguments or {}).decode()


def _result(message: JSONDict, at: str, position: int, waiting: list[ToolCall]) -> ToolResult:
    """The result of the call that it names, by id or by tool, or of the first that has none."""
    id = optional(message, "tool_call_id", str, at)
    name = optional(message, "tool_name", str, at) or optional(message, "name", str, at)
    content = _content(message, at)
    for call in list(waiting):
        if (id and id == call.id) or (not id and name in (None, call.name)):
            waiting.remove(call)
            return ToolResult(call_id=call.id, content=content)
    extras = {"tool_name": name} if name else {}  # of no call: nothing else knows the tool
    return ToolResult(call_id=id or f"call_{position}", content=content, extras=extras)


# --- To an upstream --------------------------------------------------------------------------


def encode_messages(prompt: Prompt, native: bool, dropped: list[str]) -> list[JSONDict]:
    """Raises `NotSupported` for content that an Ollama server takes in no form."""
    sent: list[JSONDict] = []
    names = {
        part.id: part.name
        for message in prompt.messages
        for part in message.parts
        if isinstance(part, ToolCall)
    }
    for message in prompt.messages:
        if message.name:
            dropped.append("name")
        extras = message.extras if native else {}
        results = [part for part in message.parts if isinstance(part, ToolResult)]
        said = [part for part in message.parts if not isinstance(part, ToolResult)]
        sent += [_encode_result(result, names) | extras for result in results]
        if message.role == "assistant":
            sent.append(_encode_assistant(said, native, dropped) | extras)
        elif said or not results:
            role = "system" if message.role == "developer" else message.role
            sent.append({"role": role} | _encode_content(said, "\n") | extras)
    return sent


def _encode_result(result: ToolResult, names: dict[str, str]) -> JSONDict:
    sent = {"role": "tool", **_encode_content(result.content, "\n")}
    if result.is_error:
        sent["content"] = f"Error: {sent['content']}"  # the format has no other way to say so
    name = names.get(result.call_id) or result.extras.get("tool_name")
    return sent | ({"tool_name": name} if name else {}) | {"tool_call_id": result.call_id}


def _encode_assistant(parts: Sequence[Part], native: bool, dropped: list[str]) -> JSONDict:
    said = [p for p in parts if not isinstance(p, ToolCall | Thinking | RedactedThinking)]
    sent = {"role": "assistant", **_encode_content(said, "")}
    thoughts = [part for part in parts if isinstance(part, Thinking)]
    text = "".join(part.text for part in thoughts)
    if text:
        sent["thinking"] = text
    if any(part.signature for part in thoughts):
        dropped.append("thinking.signature")
    if any(isinstance(part, RedactedThinking) for part in parts):
        dropped.append("thinking")
    calls = [part for part in parts if isinstance(part, ToolCall)]
    if calls:
        sent["tool_calls"] = encode_calls(calls, native)
    return sent


def encode_calls(calls: Iterable[ToolCall], with_extras: bool = False) -> list[JSONDict]:
    """Calls; `with_extras`: what they say besides came from this format."""
    return [
        {
            "id": call.id,
            "function": {
                "index": index,
                "name": call.name,
                "arguments": object_of(text_of(call)),
            },
        }
        | (call.extras if with_extras else {})
        for index, call in enumerate(calls)
    ]


def _encode_content(parts: Sequence[Part], between: str) -> JSONDict:
    texts, images = [], []
    for part in parts:
        match part:
            case Text(text=text) | Refusal(text=text) | File(text=str(text)):
                texts.append(text)
            case Image(data=str(data)):
                images.append(data)
            case _:
                raise _refused(part)
    return {"content": between.join(texts)} | ({"images": images} if images else {})


def _refused(part: Part) -> NotSupported:
    match part:
        case Opaque(value=value):
            return unknown_part(value)
        case Image():
            what = "an image that is not inline"
        case File():
            what = "a document"
        case Audio():
            what = "audio"
        case _:
            what = type(part).__name__
    return NotSupported(f"{what} cannot be sent to this provider", param="messages")
