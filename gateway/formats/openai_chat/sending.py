"""Requests: the neutral form to OpenAI's JSON, and a client's own on its way to the same format.

Source: https://platform.openai.com/docs/api-reference/chat/create (read 2026-11)
"""

from collections.abc import Sequence

from gateway.errors import NotSupported
from gateway.formats import custom_tools, foreign
from gateway.formats.functions import told_apart
from gateway.formats.openai_chat.quirks import refused, suited
from gateway.formats.openai_chat.request import NAME, write_detail
from gateway.formats.reading import (
    dropped_names,
    given,
    has_cache_hints,
    lost,
    over,
    unknown_part,
)
from gateway.formats.thinking import effort_of
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
    ToolCall,
    ToolChoice,
    ToolResult,
)

# Longer ones are refused by OpenAI and others; Claude Code's is a JSON document.
MAX_USER_CHARS = 64


def address(model: str, stream: bool) -> str:
    """Where its upstreams take requests, under their base URL."""
    return "/chat/completions"


def readdress(body: JSONDict, model: str, quirks: Quirks) -> tuple[JSONDict, bool, tuple[str, ...]]:
    """A request of this format for an upstream of this format: all of it, under another name.

    Returns:
        The body (the same object where nothing changes), whether the usage chunk was asked for
        by us alone and must not reach the client, and the fields that were left out.
    """
    dropped = tuple(name for name in refused(quirks) if name in body)
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
    for name in refused(quirks):
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
