"""Requests: OpenAI's JSON to the neutral form.

Source: https://platform.openai.com/docs/api-reference/chat/create (read 2026-11)
"""

from typing import Any

import msgspec

from gateway.errors import BadRequest
from gateway.formats import sse
from gateway.formats.reading import (
    beside,
    data_url,
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
    AnyTool,
    Audio,
    CustomTool,
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
    Refusal,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)

NAME = "openai_chat"
STREAM_TYPE = sse.CONTENT_TYPE
TAKES_URLS = (Image,)

ROLES = ("system", "developer", "user", "assistant", "tool", "function")

_PART = frozenset(
    [
        "type",
        "text",
        "image_url",
        "input_audio",
        "file",
        "document_url",
        "document_name",
        "thinking",
        "refusal",
        "cache_control",
        "annotations",
    ]
)
_INSIDE = {
    "image_url": frozenset(["url", "detail"]),
    "input_audio": frozenset(["data", "format"]),
    "file": frozenset(["file_id", "file_data", "filename"]),
}
_MESSAGE = frozenset(
    ["role", "content", "name", "tool_call_id", "tool_calls", "function_call", "refusal"]
)
_CALL = frozenset(["id", "type", "function", "custom", "index"])
_TOOL = frozenset(["type", "function", "cache_control"])
_FUNCTION = frozenset(["name", "description", "parameters", "strict"])
_KNOWN = frozenset(
    [
        "model",
        "messages",
        "stream",
        "stream_options",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "max_tokens",
        "max_completion_tokens",
        "temperature",
        "top_p",
        "presence_penalty",
        "frequency_penalty",
        "stop",
        "seed",
        "n",
        "response_format",
        "reasoning_effort",
        "user",
        "service_tier",
        "functions",
        "function_call",
    ]
)


def max_tokens(body: JSONDict) -> int | None:
    """How much the answer may be at most, as far as the request says so."""
    return limit_of(body, ("max_completion_tokens",), ("max_tokens",))


def check_request(body: JSONDict) -> None:
    """What must be right before a body is relayed as it is.

    Raises:
        BadRequest: A field is missing or of the wrong type; it is named.
    """
    if not required(body, "model", str):
        raise BadRequest("model: a value is missing", param="model")
    if not required(body, "messages", list):
        raise BadRequest("messages: at least one message is needed", param="messages")
    for at, message in objects(body, "messages"):
        role = required(message, "role", str, at)
        one_of(role, ROLES, at + "role")
        content = message.get("content")
        if content is not None and not isinstance(content, str | list):
            raise wrong(at + "content", "a string or an array")
    optional(body, "stream", bool)
    optional(body, "stream_options", dict)
    optional(body, "tools", list)
    for name in ("max_tokens", "max_completion_tokens"):
        limit = optional(body, name, int)
        if limit is not None and limit < 1:
            raise wrong(name, "an integer above 0")
    for name in ("temperature", "top_p"):
        optional(body, name, float)


def decode_request(body: JSONDict) -> Prompt:
    """Read a request.

    Raises:
        BadRequest: A field is missing or of the wrong type; it is named.
    """
    check_request(body)
    messages: list[Message] = []
    for at, message in objects(body, "messages"):
        messages.append(_message(message, at))
    options = optional(body, "stream_options", dict) or {}
    return Prompt(
        format=NAME,
        model=required(body, "model", str),
        messages=tuple(messages),
        stream=body.get("stream") is True,
        include_usage=options.get("include_usage") is True,
        tools=_tools(body),
        tool_choice=_tool_choice(body),
        parallel_tool_calls=optional(body, "parallel_tool_calls", bool),
        max_tokens=optional(body, "max_completion_tokens", int)
        or optional(body, "max_tokens", int),
        temperature=optional(body, "temperature", float),
        top_p=optional(body, "top_p", float),
        presence_penalty=optional(body, "presence_penalty", float),
        frequency_penalty=optional(body, "frequency_penalty", float),
        stop=strings(body, "stop"),
        seed=optional(body, "seed", int),
        n=optional(body, "n", int),
        output_schema=_output_schema(body),
        reasoning=_reasoning(body),
        user=optional(body, "user", str),
        service_tier=optional(body, "service_tier", str),
        extras=_extras(body, options),
    )


def _extras(body: JSONDict, options: JSONDict) -> JSONDict:
    extras = others(body, _KNOWN)
    asked = others(options, frozenset(["include_usage"]))
    return extras | {"stream_options": asked} if asked else extras


# --- Messages --------------------------------------------------------------------------------


def _message(message: JSONDict, at: str) -> Message:
    role = required(message, "role", str, at)
    name = optional(message, "name", str, at)
    if role in ("tool", "function"):
        call = optional(message, "tool_call_id", str, at) or name
        if not call:
            raise BadRequest(f"{at}tool_call_id: a value is missing", param=at + "tool_call_id")
        extras = beside(message, _MESSAGE)
        result = ToolResult(call_id=call, content=_content(message, at), extras=extras)
        return Message("user", (result,), name if role == "tool" and name != call else None)
    parts = _content(message, at)
    if role == "assistant":
        parts = (*_thoughts(message, at), *parts, *_refusal(message, at), *_calls(message, at))
    extras = beside(message, _MESSAGE)
    return Message(role, parts, name, extras)  # type: ignore[arg-type]  # check_request saw to it


def _content(message: JSONDict, at: str) -> tuple[Part, ...]:
    content = message.get("content")
    if content is None:
        return ()
    if isinstance(content, str):
        return (Text(text=content),) if content else ()
    return tuple(_part(part, where) for where, part in objects(message, "content", at))


def _part(part: JSONDict, at: str) -> Part:
    found = _known_part(part, at)
    if isinstance(found, Opaque):
        return found
    extras = found.extras | beside(part, _PART)
    for name, known in _INSIDE.items():
        extras |= _inside(name, part.get(name), known)
    return msgspec.structs.replace(found, extras=extras) if extras else found


def _inside(name: str, value: object, known: frozenset[str]) -> JSONDict:
    """What the object `name` of a part or tool says besides, under its name."""
    extras = beside(value, known) if isinstance(value, dict) else {}
    return {name: extras} if extras else {}


def _known_part(part: JSONDict, at: str) -> Part:
    cache = optional(part, "cache_control", dict, at)
    match required(part, "type", str, at):
        case "text":
            return Text(text=required(part, "text", str, at), cache=cache)
        case "image_url":
            return read_image(part, at, cache)
        case "input_audio" if not isinstance(part.get("input_audio"), str):  # Mistral's is one
            audio = required(part, "input_audio", dict, at)
            inside = at + "input_audio."
            return Audio(
                data=required(audio, "data", str, inside),
                encoding=required(audio, "format", str, inside),
            )
        case "file":
            return _file(required(part, "file", dict, at), at + "file.", cache)
        case "refusal":
            return Refusal(text=required(part, "refusal", str, at))
        case "document_url" if isinstance(part.get("document_url"), str):  # Mistral's
            return File(url=part["document_url"], name=optional(part, "document_name", str, at))
        case "thinking" if isinstance(part.get("thinking"), list):  # Mistral's
            return Thinking(text=written(part["thinking"]), extras={"thinking": part["thinking"]})
    return Opaque(format=NAME, value=part)


def written(parts: list[Any]) -> str:
    """The text of the parts that a thought of Mistral's consists of."""
    texts = [part.get("text") for part in parts if isinstance(part, dict)]
    return "".join(text for text in texts if isinstance(text, str))


def read_image(part: JSONDict, at: str, cache: JSONDict | None) -> Image:
    image = part.get("image_url")
    if isinstance(image, str):  # some clients leave the object out
        image = {"url": image}
    if not isinstance(image, dict):
        raise wrong(at + "image_url", "an object")
    url = required(image, "url", str, at + "image_url.")
    detail = optional(image, "detail", str, at + "image_url.")
    inline = data_url(url)
    if inline:
        return Image(data=inline[1], media_type=inline[0], detail=detail, cache=cache)
    if url.startswith("data:"):
        raise wrong(at + "image_url.url", "an address, or a data: URL in base64")
    return Image(url=url, detail=detail, cache=cache)


def _file(file: JSONDict, at: str, cache: JSONDict | None) -> File:
    data = optional(file, "file_data", str, at)
    inline = data_url(data) if data else None
    return File(
        file_id=optional(file, "file_id", str, at),
        data=inline[1] if inline else data,
        media_type=inline[0] if inline else None,
        name=optional(file, "filename", str, at),
        cache=cache,
    )


def _refusal(message: JSONDict, at: str) -> tuple[Part, ...]:
    text = optional(message, "refusal", str, at)
    return (Refusal(text=text),) if text else ()


def _thoughts(message: JSONDict, at: str) -> tuple[Part, ...]:
    """What an earlier answer of ours told of the model's thinking; see `response.thoughts`."""
    details = [read_detail(detail) for _, detail in objects(message, "reasoning_details", at)]
    found = tuple(part for part in details if part is not None)
    if found:
        return found
    text = optional(message, "reasoning_content", str, at)
    return (Thinking(text=text),) if text else ()


# OpenRouter's word for whose thought it is, and the format whose provider signed it.
SIGNERS = {
    "anthropic-claude-v1": "anthropic_messages",
    "google-gemini-v1": "gemini",
    "openai-responses-v1": "openai_responses",
}
_LABELS = {signer: label for label, signer in SIGNERS.items()}


def read_detail(detail: JSONDict) -> Thinking | RedactedThinking | None:
    """One of OpenRouter's `reasoning_details`, in an answer or on its way back."""
    text, signature = detail.get("text"), detail.get("signature")
    label = str(detail.get("format") or "anthropic-claude-v1")
    signed_by = SIGNERS.get(label, label)
    match detail:
        case {"type": "reasoning.text"} if isinstance(text, str) or signature:
            text = text if isinstance(text, str) else ""
            if not isinstance(signature, str) or not signature:
                return Thinking(text=text)
            return Thinking(text=text, signature=signature, signed_by=signed_by)
        case {"type": "reasoning.encrypted", "data": str(data)}:
            return RedactedThinking(data=data, signed_by=signed_by)
    return None


def write_detail(part: Thinking | RedactedThinking) -> JSONDict:
    if isinstance(part, RedactedThinking):
        detail = {"type": "reasoning.encrypted", "data": part.data}
    else:
        detail = {"type": "reasoning.text", "text": part.text}
        if part.signature is None:
            return detail
        detail["signature"] = part.signature
    signed_by = part.signed_by or "anthropic_messages"
    return detail | {"format": _LABELS.get(signed_by, signed_by)}


def _calls(message: JSONDict, at: str) -> tuple[ToolCall, ...]:
    calls = []
    for where, call in objects(message, "tool_calls", at):
        kind = call.get("type") or "function"
        custom = kind == "custom"
        function = required(call, "custom" if custom else "function", dict, where)
        inside = where + f"{kind}."
        arguments = function.get("input" if custom else "arguments", "")
        if not isinstance(arguments, str):
            raise wrong(inside + "arguments", "a string of JSON")
        calls.append(
            ToolCall(
                id=required(call, "id", str, where),
                name=required(function, "name", str, inside),
                arguments=arguments,
                custom=custom,
                extras=beside(call, _CALL),
            )
        )
    legacy = optional(message, "function_call", dict, at)
    if legacy:
        name = required(legacy, "name", str, at + "function_call.")
        arguments = optional(legacy, "arguments", str, at + "function_call.") or ""
        calls.append(ToolCall(id=name, name=name, arguments=arguments))
    return tuple(calls)


# --- Tools and output ------------------------------------------------------------------------


def _tools(body: JSONDict) -> tuple[AnyTool, ...]:
    tools: list[AnyTool] = []
    for at, tool in objects(body, "tools"):
        match tool.get("type") or "function":
            case "function":
                function = required(tool, "function", dict, at)
                tools.append(_function(function, at + "function.", tool))
            case "custom":
                tools.append(_custom(required(tool, "custom", dict, at), at + "custom."))
            case kind:
                tools.append(OpaqueTool(NAME, str(kind)[:100], tool))
    for at, function in objects(body, "functions"):
        tools.append(_function(function, at, {}))
    return tuple(tools)


def _function(function: JSONDict, at: str, tool: JSONDict) -> Tool:
    cache = tool.get("cache_control")
    return Tool(
        name=required(function, "name", str, at),
        description=optional(function, "description", str, at),
        parameters=optional(function, "parameters", dict, at),
        strict=optional(function, "strict", bool, at),
        cache=cache if isinstance(cache, dict) else None,
        extras=beside(tool, _TOOL) | _inside("function", function, _FUNCTION),
    )


def _custom(tool: JSONDict, at: str) -> CustomTool:
    return CustomTool(
        name=required(tool, "name", str, at),
        description=optional(tool, "description", str, at),
        grammar=optional(tool, "format", dict, at),
    )


def is_of_functions(request: JSONDict) -> bool:
    """Does the client know `functions` only, which became `tools` in 2023?"""
    return bool(request.get("functions")) and not request.get("tools")


def custom_names(request: JSONDict) -> frozenset[str]:
    """Names of the custom tools in a request that was checked."""
    return frozenset(
        tool["custom"]["name"]
        for tool in request.get("tools") or ()
        if isinstance(tool, dict) and tool.get("type") == "custom"
    )


def _tool_choice(body: JSONDict) -> ToolChoice | None:
    choice = body.get("tool_choice", body.get("function_call"))
    match choice:
        case None:
            return None
        case "auto" | "none" | "required":
            return ToolChoice(choice)
        case "any":  # Mistral's word
            return ToolChoice("required")
        case {"type": "allowed_tools", "allowed_tools": {"mode": "auto" | "required" as mode}}:
            named = [_named(tool) for _, tool in objects(choice["allowed_tools"], "tools")]
            return ToolChoice(mode, allowed=tuple(name for name in named if name))
        case (
            {"function": {"name": str(name)}}
            | {"custom": {"name": str(name)}}
            | {"name": str(name)}
        ) if name:
            return ToolChoice("named", name)
    raise wrong("tool_choice", "'auto', 'none', 'required' or an object that names a function")


def _named(tool: JSONDict) -> str | None:
    match tool:
        case {"function": {"name": str(name)}} | {"custom": {"name": str(name)}}:
            return name
    return None


def _output_schema(body: JSONDict) -> OutputSchema | None:
    wanted = optional(body, "response_format", dict)
    match wanted:
        case None | {"type": "text"}:
            return None
        case {"type": "json_object"}:
            return OutputSchema()
        case {"type": "json_schema", "json_schema": dict(schema)}:
            at = "response_format.json_schema."
            return OutputSchema(
                name=optional(schema, "name", str, at),
                schema=optional(schema, "schema", dict, at) or {},
                strict=optional(schema, "strict", bool, at),
                description=optional(schema, "description", str, at),
            )
    raise wrong("response_format", "a type of 'text', 'json_object' or 'json_schema'")


def _reasoning(body: JSONDict) -> Reasoning | None:
    effort = optional(body, "reasoning_effort", str)
    if effort is None:
        return None
    one_of(effort, EFFORTS, "reasoning_effort")
    return Reasoning(enabled=effort != "none", effort=effort)  # type: ignore[arg-type]
