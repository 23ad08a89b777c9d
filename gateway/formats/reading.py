"""Reading fields of a request: the type that is expected, or an error that names the field."""

import re
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from gateway.errors import BadRequest, NotSupported
from gateway.formats.types import (
    AnyTool,
    JSONDict,
    OpaqueTool,
    Part,
    Prompt,
    Quirks,
    Text,
    Tool,
    ToolResult,
)

Value = TypeVar("Value")

_NAMES: dict[type, str] = {
    str: "a string",
    int: "an integer",
    float: "a number",
    bool: "true or false",
    list: "an array",
    dict: "an object",
}


def wrong(param: str, expected: str) -> BadRequest:
    return BadRequest(f"{param}: {expected} is expected", param=param)


def is_a(value: object, kind: type) -> bool:
    """JSON's types: true is no number, and every integer is one."""
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, kind) and not (kind is int and isinstance(value, bool))


def optional(body: JSONDict, name: str, kind: type[Value], at: str = "") -> Value | None:
    """The field, or None where it is absent or null. Raises `BadRequest` for another type."""
    value = body.get(name)
    if value is None:
        return None
    if not is_a(value, kind):
        raise wrong(at + name, _NAMES[kind])
    return value  # type: ignore[no-any-return]


def required(body: JSONDict, name: str, kind: type[Value], at: str = "") -> Value:
    """The field. Raises `BadRequest` where it is absent, null, or of another type."""
    value = optional(body, name, kind, at)
    if value is None:
        raise BadRequest(f"{at}{name}: a value is missing", param=at + name)
    return value


def wants(path: str, body: JSONDict) -> tuple[str, bool]:
    """The model that is asked for, and whether its answer is to be streamed, where both stand in
    the body. It is not checked yet."""
    model = body.get("model")
    return model if isinstance(model, str) else "", body.get("stream") is True


def readdress(body: JSONDict, model: str, quirks: Quirks) -> tuple[JSONDict, bool, tuple[str, ...]]:
    """A request for an upstream of the same format: all of it, under another name.

    Returns:
        The body (the same object where nothing changes), false (usage comes unasked in such a
        format, so there is none to hide from the client), and the fields that were left out.
    """
    dropped = tuple(name for name in quirks.unsupported if name in body)
    if body.get("model") == model and not dropped:
        return body, False, ()
    kept = {name: value for name, value in body.items() if name not in dropped}
    return kept | {"model": model}, False, dropped


def limit_of(body: JSONDict, *paths: tuple[str, ...]) -> int | None:
    """How much may be written at most, in tokens: the first of these fields that says so."""
    for path in paths:
        value: Any = body
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        if is_a(value, int) and value > 0:
            return int(value)
    return None


def one_of(value: str | None, allowed: Any, param: str) -> None:
    if value is not None and value not in allowed:
        raise wrong(param, " or ".join(map(repr, allowed)))


def objects(body: JSONDict, name: str, at: str = "") -> list[tuple[str, JSONDict]]:
    """A list of objects with the path of each: `messages[0].`, to put before a field's name."""
    found = []
    for position, item in enumerate(optional(body, name, list, at) or []):
        where = f"{at}{name}[{position}]"
        if not isinstance(item, dict):
            raise wrong(where, "an object")
        found.append((where + ".", item))
    return found


def strings(body: JSONDict, name: str, at: str = "") -> tuple[str, ...]:
    """A string, or a list of them."""
    value = body.get(name)
    if value is None:
        return ()
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise wrong(at + name, "a string or an array of strings")
    return tuple(value)


def others(body: JSONDict, known: frozenset[str]) -> JSONDict:
    """The fields that the neutral form has no place for."""
    return {name: value for name, value in body.items() if name not in known}


def beside(fields: JSONDict, known: frozenset[str]) -> JSONDict:
    """The `extras` of a part or a tool: what it says and the neutral form has no place for."""
    return {name: value for name, value in fields.items() if name not in known and value}


def given(**fields: Any) -> JSONDict:
    """Those of the fields that have a value."""
    return {name: value for name, value in fields.items() if value is not None}


def over(body: JSONDict, told: JSONDict) -> JSONDict:
    """A body with what `told` says besides, object by object; where both speak, `told` is right."""
    both = {
        name: over(body[name], value)
        for name, value in told.items()
        if isinstance(value, dict) and isinstance(body.get(name), dict)
    }
    return body | told | both


# Extras of a message that say how its own format wrote what its parts say.
_SAID = frozenset(["reasoning", "reasoning_content", "reasoning_details", "items", "field"])


def lost(prompt: Prompt) -> Iterator[str]:
    """What messages, parts and tools say that another format cannot, as `content.citations`."""
    for message in prompt.messages:
        yield from (f"messages.{name}" for name in message.extras if name not in _SAID)
        for part in message.parts:
            yield from (f"content.{name}" for name in _extras(part))
    for tool in prompt.tools:
        if not isinstance(tool, OpaqueTool):
            yield from (f"tools.{name}" for name in tool.extras)
            if tool.group is not None and tool.group.value.get("description"):
                yield "tools.namespace"


def _extras(part: Part) -> Iterator[str]:
    yield from part.extras
    if isinstance(part, Text) and part.citations:
        yield "citations"
    if isinstance(part, ToolResult):
        for inner in part.content:
            yield from inner.extras


def allowed_tools(prompt: Prompt) -> tuple[AnyTool, ...]:
    """The tools, for a format that narrows them by leaving the others out."""
    allowed = prompt.tool_choice.allowed if prompt.tool_choice else ()
    if not allowed:
        return prompt.tools
    return tuple(t for t in prompt.tools if isinstance(t, OpaqueTool) or t.name in allowed)


def has_cache_hints(prompt: Prompt) -> bool:
    parts = (part for message in prompt.messages for part in message.parts)
    return any(part.cache for part in parts) or any(
        isinstance(tool, Tool) and tool.cache for tool in prompt.tools
    )


def refuse_extras(prompt: Prompt, names: Iterable[str]) -> None:
    """Raises `NotSupported` where one of these fields is set: without it, another thing is asked."""
    for name in names:
        if prompt.extras.get(name):
            raise NotSupported(f"{name}: not available at this provider", param=name)


# base64, of what type; parameters besides are kept by those who keep the address whole.
_DATA_URL = re.compile(r"data:([^;,]*)(?:;[^,]*)?;base64,(.*)", re.DOTALL)


def data_url(url: str) -> tuple[str, str] | None:
    """The media type and the base64 data of a `data:` URL; null for any other address."""
    inline = _DATA_URL.fullmatch(url)
    return (inline[1], inline[2]) if inline else None


MAX_DROPPED = 32
_FIELD = re.compile(r"[A-Za-z0-9_.-]{1,64}")


def dropped_names(names: Iterable[str]) -> tuple[str, ...]:
    """Names for a response header and the log: each once, few, and none that only looks like one.

    They come from the request, so they could hold a line break and begin a header of their own.
    """
    found = dict.fromkeys(name if _FIELD.fullmatch(name) else "(unknown)" for name in names)
    return tuple(found)[:MAX_DROPPED]


def unknown_part(value: JSONDict, param: str = "messages") -> NotSupported:
    told = value.get("type") or next(iter(value), None)  # Google's parts are named by their field
    kind = str(told)[:60].encode("ascii", "backslashreplace").decode()
    return NotSupported(f"content of type {kind!r} cannot be sent to this provider", param=param)


def as_object(value: object) -> JSONDict:
    """An object; an empty one in the place of anything else."""
    return value if isinstance(value, dict) else {}


# A hundred times what any model takes in.
MOST_TOKENS = 10**9
LATEST = 10**11  # Unix seconds: some thousand years on


def count(value: object, most: int = MOST_TOKENS) -> int:
    """A token count as some upstream reports it: what is no sensible number is 0, and none is
    larger than `most`."""
    if type(value) is not int and (type(value) is not float or value != value):
        return 0
    if value <= 0:
        return 0
    return int(value) if value < most else most


def moment(value: object) -> int | None:
    """When something was made, in Unix seconds, as some upstream tells it; null where it does not."""
    return count(value, LATEST) or None
