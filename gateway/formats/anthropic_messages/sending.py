"""Requests: the neutral form to Anthropic's JSON, and a client's own on its way to the same format.

Source: https://docs.anthropic.com/en/api/messages (read 2026-11)
"""

import sys
from typing import Any

from gateway.errors import BadRequest, NotSupported
from gateway.formats import custom_tools, foreign, reading, signatures
from gateway.formats.anthropic_messages.request import CHOICES, NAME, write_citation
from gateway.formats.functions import object_of
from gateway.formats.reading import (
    allowed_tools,
    dropped_names,
    given,
    lost,
    over,
    unknown_part,
)
from gateway.formats.thinking import budget_of, effort_of
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
    ToolResult,
)

# `max_tokens` is required here and not by others: room for a long answer, and where a model's own
# limit is not known, within that of every present one.
DEFAULT_MAX_TOKENS = 32_000
SAFE_MAX_TOKENS = 8192
MIN_BUDGET_TOKENS = 1024
MAX_USER_CHARS = 256


def address(model: str, stream: bool) -> str:
    """Where its upstreams take requests, under their base URL."""
    return "/messages"


def readdress(body: JSONDict, model: str, quirks: Quirks) -> tuple[JSONDict, bool, tuple[str, ...]]:
    """See `reading.readdress`. Thoughts that another provider signed stay here: an earlier turn
    was answered elsewhere, and its signature would be refused."""
    messages, lost = body["messages"], False
    if any(_has_foreign(message) for message in messages):
        messages, lost = [_without_foreign(message) for message in messages], True
        body = body | {"messages": [message for message in messages if message["content"]]}
    sent, strips, dropped = reading.readdress(body, model, quirks)
    return sent, strips, (*dropped, "thinking") if lost else dropped


def _has_foreign(message: JSONDict) -> bool:
    content = message.get("content")
    return isinstance(content, list) and any(map(is_foreign, content))


def is_foreign(block: object) -> bool:
    match block:
        case {"type": "thinking", "signature": signature}:
            return signatures.is_foreign(signature)
        case {"type": "redacted_thinking", "data": data}:
            return signatures.is_foreign(data)
    return False


def _without_foreign(message: JSONDict) -> JSONDict:
    if not _has_foreign(message):
        return message
    return message | {"content": [block for block in message["content"] if not is_foreign(block)]}


def encode_request(prompt: Prompt, model: str, quirks: Quirks) -> Encoded:
    """Write a request that came in another format.

    System messages become `system`, wherever they stood: that one says what the operator wants
    outweighs where in the conversation it was said.

    Raises:
        NotSupported: It asks for what this format cannot say, and leaving that out would
            change what is asked.
    """
    if prompt.format == NAME:
        return _encode_own(prompt, model, quirks)
    if prompt.n not in (None, 1):
        raise NotSupported("n: this provider gives one answer a call", param="n")
    dropped: list[str] = []
    prompt = foreign.fitted(prompt, NAME, dropped)
    dropped += lost(prompt)
    body: JSONDict = {
        "model": model,
        "max_tokens": _max_tokens(prompt, quirks, dropped),
        "messages": _encode_messages(prompt, dropped),
    }
    system = _encode_system(prompt)
    if system:
        plain = len(system) == 1 and "cache_control" not in system[0]
        body["system"] = system[0]["text"] if plain else system
    if prompt.stream:
        body["stream"] = True
    tools = allowed_tools(prompt)
    if tools:
        body["tools"] = [_encode_tool(tool) for tool in tools]
        choice = _encode_choice(prompt)
        if choice:
            body["tool_choice"] = choice
    _encode_sampling(prompt, body, dropped)
    _encode_thinking(prompt, quirks, body, dropped)
    _encode_output(prompt, body)
    if prompt.user and len(prompt.user) <= MAX_USER_CHARS:
        body["metadata"] = {"user_id": prompt.user}
    elif prompt.user:
        dropped.append("user")
    unknown = ("seed", "service_tier", "presence_penalty", "frequency_penalty")
    dropped += [name for name in unknown if getattr(prompt, name) is not None]
    dropped += sorted(prompt.extras)
    for name in quirks.unsupported:
        if body.pop(name, None) is not None:
            dropped.append(name)
    return Encoded(body, dropped_names(dropped))


def _encode_own(prompt: Prompt, model: str, quirks: Quirks) -> Encoded:
    """A request that came in this format, as its client wrote it."""
    body: JSONDict = {"model": model, "max_tokens": prompt.max_tokens}
    messages = list(prompt.messages)
    if messages and messages[0].role == "system":
        body["system"] = [_own_part(part) for part in messages.pop(0).parts]
    body["messages"] = [
        {"role": message.role, "content": [_own_part(part) for part in message.parts]}
        | message.extras
        for message in messages
    ]
    body |= given(
        stream=prompt.stream or None,
        tools=[_own_tool(tool) for tool in prompt.tools] or None,
        tool_choice=_encode_choice(prompt),
        temperature=prompt.temperature,
        top_p=prompt.top_p,
        top_k=prompt.top_k,
        stop_sequences=list(prompt.stop) or None,
        thinking=_own_thinking(prompt.reasoning),
        metadata={"user_id": prompt.user} if prompt.user is not None else None,
        service_tier=prompt.service_tier,
    )
    config = given(effort=prompt.reasoning.effort) if prompt.reasoning else {}
    if prompt.output_schema:
        config["format"] = {"type": "json_schema", "schema": prompt.output_schema.schema}
    body = over(body | ({"output_config": config} if config else {}), prompt.extras)
    dropped = [name for name in quirks.unsupported if body.pop(name, None) is not None]
    return Encoded(body, dropped_names(dropped))


def _own_part(part: Part) -> JSONDict:
    block = _encode_part(part) | part.extras
    if isinstance(part, ToolResult):
        block["content"] = [_own_part(inner) for inner in part.content]
    return block


def _own_tool(tool: AnyTool) -> JSONDict:
    return _encode_tool(tool) | (tool.extras if isinstance(tool, Tool) else {})


def _own_thinking(wanted: Reasoning | None) -> JSONDict | None:
    if wanted is None or (wanted.enabled and not wanted.adaptive and wanted.budget_tokens is None):
        return None  # an effort alone is said elsewhere
    kind = "adaptive" if wanted.adaptive else "enabled" if wanted.enabled else "disabled"
    return {"type": kind} | given(budget_tokens=wanted.budget_tokens, display=wanted.display)


def _encode_system(prompt: Prompt) -> list[JSONDict]:
    parts = [
        part
        for message in prompt.messages
        if message.role in ("system", "developer")
        for part in message.parts
    ]
    if not all(isinstance(part, Text) for part in parts):
        raise NotSupported(
            "messages: a system message holds text only at this provider", param="messages"
        )
    return [_encode_part(part) for part in parts if isinstance(part, Text) and part.text]


def _encode_sampling(prompt: Prompt, body: JSONDict, dropped: list[str]) -> None:
    if prompt.temperature is not None:
        body["temperature"] = min(prompt.temperature, 1)  # OpenAI's goes to 2, this one to 1
        if prompt.temperature > 1:
            dropped.append("temperature")
    if prompt.top_p is not None:
        body["top_p"] = prompt.top_p
    if prompt.top_k is not None:
        body["top_k"] = prompt.top_k
    if prompt.stop:
        # Stop sequences of white space only are refused here.
        body["stop_sequences"] = [text for text in prompt.stop if text.strip()]


def _encode_thinking(prompt: Prompt, quirks: Quirks, body: JSONDict, dropped: list[str]) -> None:
    """An effort becomes a budget, unless the model's row says that it wants efforts itself.

    Thinking goes with neither sampling parameters nor a forced tool, and the budget is part of
    `max_tokens`, which grows by it so that the answer keeps its room.
    """
    wanted = prompt.reasoning
    if wanted is None or not wanted.enabled:
        return
    if quirks.reasoning == "none" or _forces_a_tool(body) or _lacks_thoughts(prompt):
        dropped.append("reasoning_effort")
        return
    if quirks.reasoning == "adaptive":
        body["thinking"] = {"type": "adaptive"}
        effort = effort_of(wanted, quirks)
        if effort is not None:
            body["output_config"] = {"effort": effort}
    else:
        at_most = (quirks.max_output_tokens or sys.maxsize) - 1
        budget = min(max(budget_of(wanted), MIN_BUDGET_TOKENS), at_most)
        body["thinking"] = {"type": "enabled", "budget_tokens": budget}
        body["max_tokens"] = min(body["max_tokens"] + budget, at_most + 1)
    if wanted.display is not None:
        body["thinking"]["display"] = wanted.display
    for name in ("temperature", "top_k", "top_p"):
        if body.pop(name, None) not in (None, 1):
            dropped.append(name)


def _max_tokens(prompt: Prompt, quirks: Quirks, dropped: list[str]) -> int:
    limit = quirks.max_output_tokens
    if prompt.max_tokens is None:
        return min(limit or SAFE_MAX_TOKENS, DEFAULT_MAX_TOKENS)
    if limit is not None and prompt.max_tokens > limit:
        dropped.append("max_tokens")
        return limit
    return prompt.max_tokens


def _forces_a_tool(body: JSONDict) -> bool:
    return body.get("tool_choice", {}).get("type") in ("any", "tool")


def _lacks_thoughts(prompt: Prompt) -> bool:
    """A turn in the midst of tool calls must begin with the thoughts that led to them."""
    for message in reversed(prompt.messages):
        if message.role == "assistant":
            calls = any(isinstance(part, ToolCall) for part in message.parts)
            return calls and not any(_is_signed(part) for part in message.parts)
        if not any(isinstance(part, ToolResult) for part in message.parts):
            return False
    return False


def _is_signed(part: Part) -> bool:
    """Is it a thought that this format's provider takes back?"""
    match part:
        case RedactedThinking() | Thinking(signature=str()):
            return part.signed_by in (None, NAME)
    return False


def _encode_output(prompt: Prompt, body: JSONDict) -> None:
    output = prompt.output_schema
    if output is None:
        return
    if output.schema is None:
        raise NotSupported(
            "response_format: this provider gives JSON by a schema only (json_schema)",
            param="response_format",
        )
    wanted = {"type": "json_schema", "schema": output.schema}
    body["output_config"] = body.get("output_config", {}) | {"format": wanted}


def _encode_messages(prompt: Prompt, dropped: list[str]) -> list[JSONDict]:
    """Messages of one role in a row become one: the roles alternate here."""
    sent: list[JSONDict] = []
    for message in prompt.messages:
        if message.role in ("system", "developer"):
            continue
        if message.name:
            dropped.append("name")
        blocks = _encode_parts(message, dropped)
        if not blocks:
            continue
        if sent and sent[-1]["role"] == message.role:
            sent[-1]["content"] += blocks
        else:
            sent.append({"role": message.role, "content": blocks})
    for turn in sent:
        # Results stand first in the turn that answers the calls.
        turn["content"].sort(key=lambda block: block["type"] != "tool_result")
    if not sent:
        raise BadRequest(
            "messages: this provider needs a message that is no system message", param="messages"
        )
    return sent


def _encode_parts(message: Message, dropped: list[str]) -> list[JSONDict]:
    blocks = []
    for part in message.parts:
        if isinstance(part, Thinking | RedactedThinking) and not _is_signed(part):
            dropped.append("thinking")  # unsigned, or signed by another, it would be refused
        elif not (isinstance(part, Text) and not part.text):  # empty text is refused here
            blocks.append(_encode_part(part))
    return blocks


def _encode_part(part: Part) -> JSONDict:
    block = encode_block(part)
    if part.cache is not None:
        block["cache_control"] = part.cache
    return block


def encode_block(part: Part) -> JSONDict:
    """A content block, of a request or of an answer."""
    match part:
        case Text(text=text, citations=citations):
            cited = [told for item in citations if (told := write_citation(item))]
            return {"type": "text", "text": text} | ({"citations": cited} if cited else {})
        case Refusal(text=text):
            return {"type": "text", "text": text}
        case Thinking(text=text, signature=signature, signed_by=signed_by):
            signature = signatures.wrap(signature or "", signed_by, NAME)
            return {"type": "thinking", "thinking": text, "signature": signature}
        case RedactedThinking(data=data, signed_by=signed_by):
            data = signatures.wrap(data, signed_by, NAME)
            return {"type": "redacted_thinking", "data": data}
        case ToolCall(id=id, name=name, arguments=arguments, custom=custom):
            arguments = custom_tools.to_arguments(arguments) if custom else arguments
            return {"type": "tool_use", "id": id, "name": name, "input": object_of(arguments)}
        case ToolResult(call_id=call_id, content=content, is_error=is_error):
            inner = [_encode_part(item) for item in content]
            block: JSONDict = {"type": "tool_result", "tool_use_id": call_id, "content": inner}
            return block | ({"is_error": True} if is_error else {})
        case Image(url=str(url)):
            return {"type": "image", "source": {"type": "url", "url": url}}
        case Image(data=data, media_type=media_type):
            return {"type": "image", "source": _base64(data, media_type or "image/png")}
        case File():
            return _encode_file(part)
        case Opaque(format=origin, value=value) if origin == NAME:
            return dict(value)
        case Audio():
            raise NotSupported("audio cannot be sent to this provider", param="messages")
        case Opaque(value=value):
            raise unknown_part(value)
    raise NotSupported(f"{type(part).__name__} is not possible here")


def _base64(data: str | None, media_type: str) -> JSONDict:
    return {"type": "base64", "media_type": media_type, "data": data}


def _encode_file(file: File) -> JSONDict:
    if file.text is not None:
        source: JSONDict = {"type": "text", "media_type": "text/plain", "data": file.text}
    elif file.data is not None:
        source = _base64(file.data, file.media_type or "application/pdf")
    elif file.url is not None:
        source = {"type": "url", "url": file.url}
    else:
        raise NotSupported(
            "a file of another provider cannot be sent to this one", param="messages"
        )
    block: JSONDict = {"type": "document", "source": source}
    return block | ({"title": file.name} if file.name else {})


def _encode_tool(tool: AnyTool) -> JSONDict:
    if isinstance(tool, CustomTool):
        tool = custom_tools.as_function(tool)
    if isinstance(tool, OpaqueTool):
        return tool.value
    sent: JSONDict = {"name": tool.name}
    if tool.description is not None:
        sent["description"] = tool.description
    sent["input_schema"] = tool.parameters or {"type": "object", "properties": {}}
    if tool.strict is not None:
        sent["strict"] = tool.strict
    if tool.cache is not None:
        sent["cache_control"] = tool.cache
    return sent


def _encode_choice(prompt: Prompt) -> JSONDict | None:
    choice: dict[str, Any] | None = None
    if prompt.tool_choice:
        wire_names = {ours: theirs for theirs, ours in CHOICES.items()}
        choice = {"type": wire_names[prompt.tool_choice.mode]}
        if prompt.tool_choice.name:
            choice["name"] = prompt.tool_choice.name
    if prompt.parallel_tool_calls is False and (choice or {}).get("type") != "none":
        choice = (choice or {"type": "auto"}) | {"disable_parallel_tool_use": True}
    return choice
