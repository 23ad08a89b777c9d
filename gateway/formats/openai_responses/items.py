"""Items, which requests and answers are lists of, to and from parts of the neutral form.

An item holds one part or, a message, several. What it says besides stays with it (`Kept`), so
that it comes back as it was where the other end speaks this format.
"""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from gateway.formats import signatures
from gateway.formats.openai_responses.parts import read_content, write_content
from gateway.formats.openai_responses.tools import Names
from gateway.formats.openai_responses.wording import NAME, NOBODY
from gateway.formats.reading import objects, one_of, optional, required, wrong
from gateway.formats.types import (
    Image,
    JSONDict,
    Message,
    Opaque,
    Part,
    RedactedThinking,
    Role,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)

ROLES = ("user", "assistant", "system", "developer")

Kept = tuple[JSONDict, int]  # an item as it came, and how many parts were made of it


def kind_of(item: JSONDict) -> str:
    """Its type; messages may leave theirs out, and so may references."""
    kind = item.get("type")
    if isinstance(kind, str):
        return kind
    return "message" if "role" in item else "item_reference"


# --- Reading ---------------------------------------------------------------------------------


class _Turn(Struct):
    role: Role
    joins: bool  # with what follows of its kind: an answer is a run of items, and so are results
    parts: list[Part]
    kept: list[Kept]


def read_messages(items: list[tuple[str, JSONDict]], names: Names) -> Iterator[Message]:
    """Messages: what the model said in a row is one, and the results of its calls are another.

    Args:
        items: Each with its path, as `reading.objects` gives them.

    Raises:
        BadRequest: A field is missing or of the wrong type; it is named.
    """
    turns: list[_Turn] = []
    for at, item in items:
        role, joins = _place(item, at)
        parts = read_item(item, at, names)
        kept = (item, len(parts))
        if joins and turns and turns[-1].joins and turns[-1].role == role:
            turns[-1].parts += parts
            turns[-1].kept.append(kept)
        else:
            turns.append(_Turn(role, joins, list(parts), [kept]))
    for turn in turns:
        yield Message(turn.role, tuple(turn.parts), extras={"items": tuple(turn.kept)})


def _place(item: JSONDict, at: str) -> tuple[Role, bool]:
    kind = kind_of(item)
    if kind == "message":
        role = required(item, "role", str, at)
        one_of(role, ROLES, at + "role")
        return role, role == "assistant"  # type: ignore[return-value]
    if kind == "additional_tools":
        return "developer", False
    if (kind.endswith("_output") and kind != "program_output") or kind == "mcp_approval_response":
        return "user", True
    return "assistant", True


def read_item(item: JSONDict, at: str, names: Names) -> tuple[Part, ...]:
    match kind_of(item):
        case "message":
            content = item.get("content")
            if content is not None and not isinstance(content, str | list):
                raise wrong(at + "content", "a string or an array")
            return () if content == "" else read_content(item, "content", at)
        case "function_call":
            return (_call(item, "arguments", at, names),)
        case "custom_tool_call":
            return (_call(item, "input", at, names),)
        case "function_call_output" | "custom_tool_call_output":
            call_id = required(item, "call_id", str, at)
            return (ToolResult(call_id=call_id, content=read_content(item, "output", at)),)
        case "reasoning":
            return (_thought(item, at),)
        case "image_generation_call" if isinstance(item.get("result"), str) and item["result"]:
            kind = item.get("output_format")
            return (Image(data=item["result"], media_type=f"image/{kind or 'png'}"),)
    return (Opaque(format=NAME, value=item),)


def _call(item: JSONDict, name: str, at: str, names: Names) -> ToolCall:
    return ToolCall(
        id=required(item, "call_id", str, at),
        name=names.of(item.get("namespace"), required(item, "name", str, at)),
        arguments=optional(item, name, str, at) or "",
        custom=name == "input",
    )


def _thought(item: JSONDict, at: str) -> Part:
    parts = [*objects(item, "summary", at), *objects(item, "content", at)]
    texts = [required(part, "text", str, where) for where, part in parts]
    encrypted = optional(item, "encrypted_content", str, at)
    return thought(texts, encrypted)


def thought(texts: Sequence[str], encrypted: str | None) -> Thinking | RedactedThinking:
    """What a reasoning item says; without any text, only its signer can read it."""
    text = "\n\n".join(texts)
    signature, signed_by = signatures.unwrap(encrypted, NAME) if encrypted else ("", NAME)
    if not signature or signed_by == NOBODY:
        return Thinking(text=text)
    if not texts:
        return RedactedThinking(data=signature, signed_by=signed_by)
    return Thinking(text=text, signature=signature, signed_by=signed_by)


# --- Writing ---------------------------------------------------------------------------------


def kept_items(extras: JSONDict, parts: Sequence[Part]) -> Sequence[Kept] | None:
    """The items that the parts came from; null where they came otherwise."""
    kept: Sequence[Kept] | None = extras.get("items")
    if kept is None or sum(count for _, count in kept) != len(parts):
        return None
    return kept


def write_kept(kept: Sequence[Kept], parts: Sequence[Part], dropped: list[str]) -> list[JSONDict]:
    """The items as they came, with what their parts say now."""
    sent = []
    start = 0
    for item, count in kept:
        found = _write_kept(item, parts[start : start + count])
        if found is None:
            dropped.append("thinking")
        else:
            sent.append(found)
        start += count
    return sent


def _write_kept(item: JSONDict, parts: Sequence[Part]) -> JSONDict | None:
    """Null for a thought that another provider signed."""
    match kind_of(item), parts:
        case "message", _:
            if not isinstance(item.get("content"), list):
                return item
            role = item["role"]
            return {**item, "content": write_content(parts, role, native=True)}
        case _, [ToolCall(arguments=arguments, custom=custom)]:
            name = "input" if custom else "arguments"
            return item if item.get(name) == arguments else {**item, name: arguments}
        case _, [ToolResult(content=content)]:
            if not isinstance(item.get("output"), list):
                return item
            return {**item, "output": write_content(content, "user", native=True)}
        case _, [Thinking() | RedactedThinking()]:
            return None if is_foreign(item) else item
    return item


def is_foreign(item: JSONDict) -> bool:
    """Is it a thought that this format's provider would not take back?"""
    encrypted = item.get("encrypted_content")
    return isinstance(encrypted, str) and signatures.unwrap(encrypted, NAME)[1] != NAME


def write_messages(messages: Sequence[Message], dropped: list[str]) -> Iterator[JSONDict]:
    """The items of a request."""
    customs = {
        part.id
        for message in messages
        for part in message.parts
        if isinstance(part, ToolCall) and part.custom
    }
    for message in messages:
        kept = kept_items(message.extras, message.parts)
        if kept is not None:
            yield from write_kept(kept, message.parts, dropped)
        else:
            yield from _write_message(message, customs, dropped)


def _write_message(message: Message, customs: set[str], dropped: list[str]) -> Iterator[JSONDict]:
    if message.name:
        dropped.append("name")
    said: list[Part] = []  # in a row
    shown: list[Part] = []  # images of the model, whose own messages hold text only
    for part in message.parts:
        if isinstance(part, Thinking | RedactedThinking | ToolCall | ToolResult):
            yield from _write_said(said, message.role)
            said = []
            yield from _write_part(part, customs, dropped)
        elif message.role == "assistant" and isinstance(part, Image):
            shown.append(part)
        else:
            said.append(part)
    yield from _write_said(said, message.role)
    if not message.parts:
        yield {"type": "message", "role": message.role, "content": ""}
    if shown:
        yield from _write_said([Text(text="Content of the answer:"), *shown], "user")


def _write_said(parts: Sequence[Part], role: Role) -> Iterator[JSONDict]:
    if parts:
        content = write_content(parts, role, native=False)
        yield {"type": "message", "role": role, "content": content}


def _write_part(part: Part, customs: set[str], dropped: list[str]) -> list[JSONDict]:
    match part:
        case ToolCall(id=id, name=name, arguments=arguments, custom=True):
            return [{"type": "custom_tool_call", "call_id": id, "name": name, "input": arguments}]
        case ToolCall(id=id, name=name, arguments=arguments):
            given = {"call_id": id, "name": name, "arguments": arguments or "{}"}
            return [{"type": "function_call", **given}]
        case ToolResult():
            return [_write_result(part, part.call_id in customs)]
        case Thinking() | RedactedThinking():
            signature = part.signature if isinstance(part, Thinking) else part.data
            if signature is None or part.signed_by != NAME:
                dropped.append("thinking")
                return []
            texts = [part.text] if isinstance(part, Thinking) else []
            summary = [{"type": "summary_text", "text": text} for text in texts]
            return [{"type": "reasoning", "summary": summary, "encrypted_content": signature}]
    return []


def _write_result(result: ToolResult, custom: bool) -> JSONDict:
    content = write_content(result.content, "user", native=False)
    if result.is_error:  # the format has no other way to say so
        if not content or content[0]["type"] != "input_text":
            content.insert(0, {"type": "input_text", "text": ""})
        content[0]["text"] = f"Error: {content[0]['text']}"
    plain = len(content) == 1 and content[0]["type"] == "input_text"
    return {
        "type": "custom_tool_call_output" if custom else "function_call_output",
        "call_id": result.call_id,
        "output": content[0]["text"] if plain else content or "",
    }
