"""Requests: Anthropic's JSON to the neutral form.

Source: https://docs.anthropic.com/en/api/messages (read 2026-11)
"""

import msgspec

from gateway.errors import BadRequest
from gateway.formats import signatures, sse, wire
from gateway.formats.reading import (
    beside,
    limit_of,
    objects,
    one_of,
    optional,
    others,
    required,
    strings,
    wrong,
)
from gateway.formats.thinking import EFFORTS
from gateway.formats.types import (
    Citation,
    File,
    Image,
    JSONDict,
    Message,
    Opaque,
    OpaqueTool,
    OutputSchema,
    Part,
    Prompt,
    Reasoning,
    RedactedThinking,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)

NAME = "anthropic_messages"
STREAM_TYPE = sse.CONTENT_TYPE
TAKES_URLS = (Image, File)


_BLOCK = frozenset(
    [
        "type",
        "text",
        "source",
        "title",
        "thinking",
        "signature",
        "data",
        "id",
        "name",
        "input",
        "tool_use_id",
        "content",
        "is_error",
        "cache_control",
    ]
)
_TOOL = frozenset(["type", "name", "description", "input_schema", "strict", "cache_control"])
_ROLES = ("user", "assistant", "system")
_KNOWN = frozenset(
    [
        "model",
        "messages",
        "system",
        "stream",
        "tools",
        "tool_choice",
        "max_tokens",
        "temperature",
        "top_p",
        "top_k",
        "stop_sequences",
        "thinking",
        "output_config",
        "output_format",
        "metadata",
        "service_tier",
    ]
)


def max_tokens(body: JSONDict) -> int | None:
    """How much the answer may be at most, as far as the request says so."""
    return limit_of(body, ("max_tokens",))


def check_request(body: JSONDict) -> None:
    """What must be right before a body is relayed as it is.

    Raises:
        BadRequest: A field is missing or of the wrong type; it is named.
    """
    if not required(body, "model", str):
        raise BadRequest("model: a value is missing", param="model")
    if required(body, "max_tokens", int) < 1:
        raise wrong("max_tokens", "an integer above 0")
    if not required(body, "messages", list):
        raise BadRequest("messages: at least one message is needed", param="messages")
    for at, message in objects(body, "messages"):
        one_of(required(message, "role", str, at), _ROLES, at + "role")
        if not isinstance(message.get("content"), str | list):
            raise wrong(at + "content", "a string or an array")
    if not isinstance(body.get("system", ""), str | list | None):
        raise wrong("system", "a string or an array")
    optional(body, "stream", bool)
    optional(body, "tools", list)
    optional(body, "temperature", float)
    if "thread" in body:
        _refuse_thread()


def _refuse_thread() -> None:
    """Message threads keep the history upstream; which account that is, the next call cannot know.

    With this answer the SDK's tool runner goes on with whole histories.
    """
    raise BadRequest(
        "message threads are not available through this gateway",
        param="thread",
        details={
            "details": {"error_code": "thread_unsupported_request", "unsupported": ["thread"]}
        },
    )


def decode_request(body: JSONDict) -> Prompt:
    """Read a request.

    Raises:
        BadRequest: A field is missing or of the wrong type; it is named.
    """
    check_request(body)
    messages = [_message(message, at) for at, message in objects(body, "messages")]
    system = _content(body, "system", "")
    if system:
        messages.insert(0, Message("system", system))
    choice = optional(body, "tool_choice", dict)
    metadata = optional(body, "metadata", dict) or {}
    return Prompt(
        format=NAME,
        model=required(body, "model", str),
        messages=tuple(messages),
        stream=body.get("stream") is True,
        include_usage=True,  # this format always tells
        tools=tuple(_tool(tool, at) for at, tool in objects(body, "tools")),
        tool_choice=_tool_choice(choice),
        parallel_tool_calls=False if (choice or {}).get("disable_parallel_tool_use") else None,
        max_tokens=required(body, "max_tokens", int),
        temperature=optional(body, "temperature", float),
        top_p=optional(body, "top_p", float),
        top_k=optional(body, "top_k", int),
        stop=strings(body, "stop_sequences"),
        output_schema=_output_schema(body),
        reasoning=_reasoning(body),
        user=optional(metadata, "user_id", str, "metadata."),
        service_tier=optional(body, "service_tier", str),
        extras=_extras(body, metadata),
    )


def _extras(body: JSONDict, metadata: JSONDict) -> JSONDict:
    config = optional(body, "output_config", dict) or {}
    asked = {
        "metadata": others(metadata, frozenset(["user_id"])),
        "output_config": others(config, frozenset(["effort", "format"])),
    }
    return others(body, _KNOWN) | {name: value for name, value in asked.items() if value}


# --- Messages --------------------------------------------------------------------------------


def _message(message: JSONDict, at: str) -> Message:
    role = required(message, "role", str, at)
    extras = beside(message, frozenset(["role", "content"]))
    return Message(role, _content(message, "content", at), None, extras)  # type: ignore[arg-type]  # checked


def _content(body: JSONDict, name: str, at: str) -> tuple[Part, ...]:
    content = body.get(name)
    if content is None:
        return ()
    if isinstance(content, str):
        return (Text(text=content),) if content else ()
    if not isinstance(content, list):
        raise wrong(at + name, "a string or an array")
    return tuple(_part(block, where) for where, block in objects(body, name, at))


def _part(block: JSONDict, at: str) -> Part:
    found = _known_part(block, at)
    extras = {} if isinstance(found, Opaque) else beside(block, _BLOCK)
    if isinstance(found, Text):
        extras.pop("citations", None)  # read; a document's say whether to cite it
    return msgspec.structs.replace(found, extras=extras) if extras else found


def _known_part(block: JSONDict, at: str) -> Part:
    cache = optional(block, "cache_control", dict, at)
    match required(block, "type", str, at):
        case "text":
            cited = tuple(read_citation(item) for _, item in objects(block, "citations", at))
            return Text(text=required(block, "text", str, at), citations=cited, cache=cache)
        case "image":
            image = _image(required(block, "source", dict, at), at, cache)
            return image or Opaque(format=NAME, value=block)
        case "document":
            return _document(block, at, cache)
        case "thinking":
            text = required(block, "thinking", str, at)
            return read_thinking(text, optional(block, "signature", str, at))
        case "redacted_thinking":
            return read_redacted(required(block, "data", str, at))
        case "tool_use":
            return ToolCall(
                id=required(block, "id", str, at),
                name=required(block, "name", str, at),
                arguments=wire.dumps(required(block, "input", dict, at)).decode(),
                cache=cache,
            )
        case "tool_result":
            return ToolResult(
                call_id=required(block, "tool_use_id", str, at),
                content=_content(block, "content", at),
                is_error=optional(block, "is_error", bool, at) or False,
                cache=cache,
            )
    return Opaque(format=NAME, value=block)


def read_citation(value: JSONDict) -> Citation:
    """A citation of a web page, a search result or a document."""

    def told(name: str) -> str | None:
        found = value.get(name)
        return found if isinstance(found, str) else None

    return Citation(
        format=NAME,
        value=value,
        url=told("url"),
        title=told("title") or told("document_title"),
        cited_text=told("cited_text"),
    )


def write_citation(citation: Citation) -> JSONDict | None:
    """Null for what this format has no word for: another format's citation of no address."""
    if citation.format == NAME:
        return citation.value
    if citation.url is None:
        return None
    return {
        "type": "web_search_result_location",
        "url": citation.url,
        "title": citation.title,
        "cited_text": citation.cited_text or "",
        "encrypted_index": "",
    }


def read_thinking(text: str, signature: object) -> Thinking:
    if not isinstance(signature, str) or not signature:
        return Thinking(text=text)
    signature, signed_by = signatures.unwrap(signature, NAME)
    return Thinking(text=text, signature=signature, signed_by=signed_by)


def read_redacted(data: str) -> RedactedThinking:
    data, signed_by = signatures.unwrap(data, NAME)
    return RedactedThinking(data=data, signed_by=signed_by)


def _image(source: JSONDict, at: str, cache: JSONDict | None) -> Image | None:
    inside = at + "source."
    match required(source, "type", str, inside):
        case "base64":
            return Image(
                data=required(source, "data", str, inside),
                media_type=required(source, "media_type", str, inside),
                cache=cache,
            )
        case "url":
            return Image(url=required(source, "url", str, inside), cache=cache)
    return None  # by a file's id, which stays at its provider


def _document(block: JSONDict, at: str, cache: JSONDict | None) -> Part:
    source = required(block, "source", dict, at)
    name = optional(block, "title", str, at)
    inside = at + "source."
    match required(source, "type", str, inside):
        case "base64":
            return File(
                data=required(source, "data", str, inside),
                media_type=required(source, "media_type", str, inside),
                name=name,
                cache=cache,
            )
        case "text":
            return File(
                text=required(source, "data", str, inside),
                media_type="text/plain",
                name=name,
                cache=cache,
            )
        case "url":
            return File(url=required(source, "url", str, inside), name=name, cache=cache)
    return Opaque(format=NAME, value=block)


# --- Tools, output, thinking -----------------------------------------------------------------


def _tool(tool: JSONDict, at: str) -> Tool | OpaqueTool:
    kind = tool.get("type")
    if kind is not None and kind != "custom":
        return OpaqueTool(NAME, str(kind)[:100], tool)
    return Tool(
        name=required(tool, "name", str, at),
        description=optional(tool, "description", str, at),
        parameters=optional(tool, "input_schema", dict, at),
        strict=optional(tool, "strict", bool, at),
        cache=optional(tool, "cache_control", dict, at),
        extras=beside(tool, _TOOL),
    )


CHOICES = {"auto": "auto", "any": "required", "none": "none", "tool": "named"}


def _tool_choice(choice: JSONDict | None) -> ToolChoice | None:
    if choice is None:
        return None
    kind = required(choice, "type", str, "tool_choice.")
    one_of(kind, CHOICES, "tool_choice.type")
    name = required(choice, "name", str, "tool_choice.") if kind == "tool" else None
    if name == "":
        raise wrong("tool_choice.name", "the name of a tool")
    return ToolChoice(CHOICES[kind], name)  # type: ignore[arg-type]


def _output_schema(body: JSONDict) -> OutputSchema | None:
    config = optional(body, "output_config", dict) or {}
    wanted, at = optional(config, "format", dict, "output_config."), "output_config.format."
    if wanted is None:  # the beta's name for it
        wanted, at = optional(body, "output_format", dict), "output_format."
    if wanted is None:
        return None
    one_of(required(wanted, "type", str, at), ("json_schema",), at + "type")
    return OutputSchema(schema=required(wanted, "schema", dict, at), strict=True)


def _reasoning(body: JSONDict) -> Reasoning | None:
    config = optional(body, "output_config", dict) or {}
    effort = optional(config, "effort", str, "output_config.")
    one_of(effort, EFFORTS, "output_config.effort")
    thinking = optional(body, "thinking", dict)
    if thinking is None:
        return Reasoning(effort=effort) if effort else None  # type: ignore[arg-type]
    kind = required(thinking, "type", str, "thinking.")
    one_of(kind, ("enabled", "disabled", "adaptive"), "thinking.type")
    return Reasoning(
        enabled=kind != "disabled",
        effort=effort,  # type: ignore[arg-type]
        budget_tokens=optional(thinking, "budget_tokens", int, "thinking."),
        adaptive=kind == "adaptive",
        display=optional(thinking, "display", str, "thinking."),
    )
