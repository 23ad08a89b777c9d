"""Requests: OpenAI's JSON to and from the neutral form.

Source: https://platform.openai.com/docs/api-reference/chat/create (read 2026-11)
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from gateway.errors import BadRequest, NotSupported
from gateway.formats import custom_tools, foreign, sse
from gateway.formats.functions import told_apart
from gateway.formats.openai_chat.quirks import suited
from gateway.formats.reading import (
    beside,
    data_url,
    dropped_names,
    given,
    has_cache_hints,
    limit_of,
    lost,
    objects,
    one_of,
    optional,
    others,
    over,
    required,
    strings,
    unknown_part,
    wrong,
)
from gateway.formats.thinking import EFFORTS, effort_of
from gateway.formats.types import (
    AnyTool,
    Audio,
    CustomTool,
    Encoded,
    File,
    Image,
    JSONDict,
    Message,
    Opaque,
    OpaqueTool,
    OutputSchema,
    Part,
    Prompt,
    Quirks,
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
# Longer ones are refused by OpenAI and others; Claude Code's is a JSON document.
MAX_USER_CHARS = 64

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


# --- To an upstream --------------------------------------------------------------------------


def address(model: str, stream: bool) -> str:
    """Where its upstreams take requests, under their base URL."""
    return "/chat/completions"


def readdress(body: JSONDict, model: str, quirks: Quirks) -> tuple[JSONDict, bool, tuple[str, ...]]:
    """A request of this format for an upstream of this format: all of it, under another name.

    Returns:
        The body (the same object where nothing changes), whether the usage chunk was asked for
        by us alone and must not reach the client, and the fields that were left out.
    """
    dropped = tuple(name for name in quirks.unsupported if name in body)
    options = body.get("stream_options") or {}
    asks = (
        body.get("stream") is True
        and quirks.include_usage
        and options.get("include_usage") is not True
    )
    fitting = suited(body, quirks)
    if fitting is body and body.get("model") == model and not dropped and not asks:
        return body, False, ()
    sent = {name: value for name, value in fitting.items() if name not in dropped}
    sent["model"] = model
    if asks:
        sent["stream_options"] = {**options, "include_usage": True}
    return sent, asks, dropped


def encode_request(prompt: Prompt, model: str, quirks: Quirks) -> Encoded:
    """Write a request that came in another format.

    Raises:
        NotSupported: It asks for what this format cannot say, and leaving that out would
            change what is asked.
    """
    own = prompt.format == NAME
    dropped: list[str] = []
    if not own:
        prompt = _fitted(prompt, dropped)
    body: JSONDict = {"model": model, "messages": _encode_messages(prompt, quirks, dropped)}
    if prompt.stream:
        body["stream"] = True
        if quirks.include_usage:
            body["stream_options"] = {"include_usage": True}
    if prompt.tools:
        body["tools"] = [_encode_tool(tool, own) for tool in prompt.tools]
    if prompt.tools or own:
        if prompt.tool_choice:
            body["tool_choice"] = _encode_choice(prompt, prompt.tool_choice)
        body |= given(parallel_tool_calls=prompt.parallel_tool_calls)
    body |= given(
        temperature=prompt.temperature,
        top_p=prompt.top_p,
        presence_penalty=prompt.presence_penalty,
        frequency_penalty=prompt.frequency_penalty,
        stop=list(prompt.stop) or None,
        seed=prompt.seed,
        n=prompt.n,
        user=prompt.user if own else _encode_user(prompt.user, dropped),
        response_format=_encode_output(prompt.output_schema),
        reasoning_effort=_encode_effort(prompt.reasoning, quirks, dropped),
    )
    if prompt.max_tokens is not None:
        limit = quirks.max_output_tokens or prompt.max_tokens
        body[quirks.max_tokens_field or "max_tokens"] = min(prompt.max_tokens, limit)
        if prompt.max_tokens > limit:
            dropped.append("max_tokens")
    if own:
        body = over(body, prompt.extras | given(service_tier=prompt.service_tier))
    for name in quirks.unsupported:
        if body.pop(name, None) is not None:
            dropped.append(name)
    return Encoded(suited(body, quirks), dropped_names(dropped))


def _fitted(prompt: Prompt, dropped: list[str]) -> Prompt:
    """A request of another format without what is lost here; see `encode_request`.

    Custom tools are functions there: hardly any server of this format but OpenAI's knows them.
    """
    prompt = custom_tools.as_functions(foreign.fitted(prompt, NAME, dropped))
    dropped += lost(prompt)
    if has_cache_hints(prompt):
        dropped.append("cache_control")
    dropped += [name for name in ("top_k", "service_tier") if getattr(prompt, name) is not None]
    dropped += sorted(prompt.extras)
    return prompt


def _encode_user(user: str | None, dropped: list[str]) -> str | None:
    if user is None or len(user) <= MAX_USER_CHARS:
        return user
    dropped.append("user")
    return None


def _encode_messages(prompt: Prompt, quirks: Quirks, dropped: list[str]) -> list[JSONDict]:
    sent: list[JSONDict] = []
    own = prompt.format == NAME
    for message in prompt.messages:
        extras = message.extras if own else {}
        if message.role == "assistant":
            sent.append(_encode_assistant(message, quirks, dropped, own) | extras)
            continue
        role = message.role
        if role == "developer" and not quirks.developer_role:
            role = "system"
        # Results answer the calls just before them, all of them first; what the user says, and
        # what a tool message cannot hold, comes after.
        results = [part for part in message.parts if isinstance(part, ToolResult)]
        said = [part for part in message.parts if not isinstance(part, ToolResult)]
        if own and results:
            sent += [_own_result(result) | given(name=message.name) for result in results]
            continue
        sent += [_encode_result(result) for result in results]
        said = [part for result in results for part in told_apart(result, (Text,))] + said
        if said or not message.parts:
            content = _encode_content(said, own)
            sent.append({"role": role, "content": content} | given(name=message.name) | extras)
    return sent


def _own_result(result: ToolResult) -> JSONDict:
    """Some servers of this format take more than text."""
    content = _encode_content(result.content, own=True)
    told = {"role": "tool", "tool_call_id": result.call_id, "content": content}
    return told | result.extras


def _encode_result(result: ToolResult) -> JSONDict:
    text = "\n".join(part.text for part in result.content if isinstance(part, Text))
    if result.is_error:
        text = f"Error: {text}"  # the format has no other way to say so
    return {"role": "tool", "tool_call_id": result.call_id, "content": text}


def _encode_assistant(message: Message, quirks: Quirks, dropped: list[str], own: bool) -> JSONDict:
    said: list[Part] = [
        part for part in message.parts if isinstance(part, Text | Image | File | Audio | Opaque)
    ]
    calls = [part for part in message.parts if isinstance(part, ToolCall)]
    if own:
        said = [part for part in message.parts if part in said or "thinking" in part.extras]
    refusal = "".join(part.text for part in message.parts if isinstance(part, Refusal))
    sent: JSONDict = {"role": "assistant"}
    if said:
        sent["content"] = _encode_content(said, own)
    else:
        sent["content"] = None if calls or refusal else ""
    if refusal:
        sent["refusal"] = refusal
    if not own:
        sent |= _encode_thoughts(message, quirks, dropped)
    if calls:
        sent["tool_calls"] = [encode_call(call) | (call.extras if own else {}) for call in calls]
    return sent | given(name=message.name)


def _encode_thoughts(message: Message, quirks: Quirks, dropped: list[str]) -> JSONDict:
    """Thoughts as OpenRouter's or DeepSeek's servers want them back; most others take none."""
    parts = [p for p in message.parts if isinstance(p, Thinking | RedactedThinking)]
    told: JSONDict = {}
    if quirks.thoughts == "reasoning_details":
        # A signature that Amazon gave is good nowhere else.
        details = [write_detail(p) for p in parts if p.signed_by != "bedrock_converse"]
        told = {"reasoning_details": details} if details else {}
    elif quirks.thoughts == "reasoning_content":
        text = "".join(part.text for part in parts if isinstance(part, Thinking))
        told = {"reasoning_content": text} if text else {}
    if parts and not told:
        dropped.append("thinking")
    return told


def encode_call(call: ToolCall) -> JSONDict:
    if call.custom:
        tool = {"name": call.name, "input": call.arguments}
        return {"id": call.id, "type": "custom", "custom": tool}
    function = {"name": call.name, "arguments": call.arguments or "{}"}
    return {"id": call.id, "type": "function", "function": function}


def _encode_content(parts: Sequence[Part], own: bool) -> str | list[JSONDict]:
    if own and any(part.cache or part.extras for part in parts):
        return [_own_part(part) for part in parts]
    if all(isinstance(part, Text) for part in parts):
        texts = [part.text for part in parts if isinstance(part, Text)]
        if len(texts) < 2:
            return "".join(texts)
    return [_own_part(part) if own else _encode_part(part) for part in parts]


def _own_part(part: Part) -> JSONDict:
    """A part as this format's own client sent it."""
    match part:
        case File(url=str(url), name=name):
            sent: JSONDict = {"type": "document_url", "document_url": url}
            sent |= given(document_name=name)
        case File():
            data = f"data:{part.media_type};base64,{part.data}" if part.media_type else part.data
            file = given(file_id=part.file_id, file_data=data, filename=part.name)
            sent = {"type": "file", "file": file}
        case Refusal(text=text):
            sent = {"type": "refusal", "refusal": text}
        case Thinking():
            sent = {"type": "thinking"}  # which is in its extras, as it came
        case _:
            sent = _encode_part(part)
    return over(sent, part.extras | given(cache_control=part.cache))


def _encode_part(part: Part) -> JSONDict:
    match part:
        case Text(text=text):
            return {"type": "text", "text": text}
        case Image():
            return encode_image(part)
        case Audio(data=data, encoding=encoding):
            return {"type": "input_audio", "input_audio": {"data": data, "format": encoding}}
        case File(text=str(text)):
            return {"type": "text", "text": text}
        case File(data=str(data), media_type=media_type, name=name):
            where = f"data:{media_type or 'application/pdf'};base64,{data}"
            return {"type": "file", "file": {"file_data": where, "filename": name or "file.pdf"}}
        case File(url=str(_)):
            raise NotSupported(
                "a document given by URL cannot be sent to this provider", param="messages"
            )
        case File(file_id=str(_)):
            raise NotSupported(
                "a file of another provider cannot be sent to this one", param="messages"
            )
        case Refusal(text=text):
            return {"type": "text", "text": text}
        case Opaque(format=origin, value=value) if origin == NAME:
            return value
        case Opaque(value=value):
            raise unknown_part(value)
    raise NotSupported(f"{type(part).__name__} is not possible here")


def encode_image(image: Image) -> JSONDict:
    where = image.url or f"data:{image.media_type or 'image/png'};base64,{image.data}"
    return {"type": "image_url", "image_url": {"url": where} | given(detail=image.detail)}


def _encode_tool(tool: AnyTool, own: bool) -> JSONDict:
    if isinstance(tool, CustomTool):
        custom = given(description=tool.description, format=tool.grammar)
        return {"type": "custom", "custom": {"name": tool.name, **custom}}
    if isinstance(tool, OpaqueTool):
        return tool.value
    function = given(description=tool.description, parameters=tool.parameters, strict=tool.strict)
    sent: JSONDict = {"type": "function", "function": {"name": tool.name, **function}}
    if own:
        cache = {"cache_control": tool.cache} if tool.cache else {}
        return over(sent, tool.extras | cache)
    return sent


def _encode_choice(prompt: Prompt, choice: ToolChoice) -> str | JSONDict:
    customs = {tool.name for tool in prompt.tools if isinstance(tool, CustomTool)}

    def named(name: str | None) -> JSONDict:
        kind = "custom" if name in customs else "function"
        return {"type": kind, kind: {"name": name}}

    if choice.allowed:
        tools = [named(name) for name in choice.allowed]
        return {"type": "allowed_tools", "allowed_tools": {"mode": choice.mode, "tools": tools}}
    return named(choice.name) if choice.mode == "named" else choice.mode


def _encode_output(output: OutputSchema | None) -> JSONDict | None:
    if output is None:
        return None
    if output.schema is None:
        return {"type": "json_object"}
    schema = {"name": output.name or "answer", "schema": output.schema}
    schema |= given(strict=output.strict, description=output.description)
    return {"type": "json_schema", "json_schema": schema}


def _encode_effort(reasoning: Reasoning | None, quirks: Quirks, dropped: list[str]) -> str | None:
    """An effort as it is; of a budget the nearest effort, which is visibly not the same."""
    if reasoning is None:
        return None
    if not reasoning.enabled and not reasoning.effort:
        # Most models of this format refuse "none"; not to ask is what they all understand.
        return None
    if quirks.reasoning == "none":
        dropped.append("reasoning_effort")
        return None
    effort = effort_of(reasoning, quirks)
    if effort is None:
        dropped.append("thinking")  # "decide yourself" is what such a model does unasked
    elif reasoning.effort is None:
        dropped.append("thinking.budget_tokens")
    elif effort != reasoning.effort:
        dropped.append("reasoning_effort")
    return effort
