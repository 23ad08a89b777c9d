"""What is the same: of two bodies of one format, and of two neutral forms that two formats gave."""

import re
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from typing import Any

import msgspec

from gateway.formats import wire
from gateway.formats.types import (
    Audio,
    File,
    Image,
    JSONDict,
    Part,
    Prompt,
    RedactedThinking,
    Refusal,
    Reply,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolResult,
    Usage,
)

# --- Two bodies of one format ----------------------------------------------------------------


def differences(before: Any, after: Any, at: str = "") -> Iterator[str]:
    """The paths where two values differ, as `messages.0.content`; what is empty is as absent."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name in {**before, **after}:
            yield from differences(before.get(name), after.get(name), f"{at}.{name}".strip("."))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for place, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from differences(old, new, f"{at}.{place}")
    elif not _is_same(before, after):
        yield at


def _is_same(before: Any, after: Any) -> bool:
    empty: tuple[Any, ...] = (None, "", [], {})
    return before == after or (before in empty and after in empty)


def _blocks(value: Any) -> Any:
    return [{"type": "text", "text": value}] if isinstance(value, str) and value else value


def _set(body: JSONDict, name: str, change: Callable[[Any], Any]) -> None:
    if name in body:
        body[name] = change(body[name])


def _chat(body: JSONDict) -> JSONDict:
    """OpenAI's: a text is a list of one part; `type` of a tool or call may be left out."""
    for message in _objects(body.get("messages")):
        _set(message, "content", _blocks)
        for call in _objects(message.get("tool_calls")):
            call.setdefault("type", "function")
            call.pop("index", None)  # a stream's, sent back by clients
    for tool in _objects(body.get("tools")):
        tool.setdefault("type", "function")
    # The gateway asks for the usage chunk itself, and keeps it from a client that did not.
    body.get("stream_options", {}).pop("include_usage", None)
    return body


def _messages(body: JSONDict) -> JSONDict:
    """Anthropic's: a text is a list of one block."""
    _set(body, "system", _blocks)
    for message in _objects(body.get("messages")):
        _set(message, "content", _blocks)
        for block in _objects(message.get("content")):
            if block.get("type") == "tool_result":
                _set(block, "content", _blocks)
    for tool in _objects(body.get("tools")):
        if tool.get("type") == "custom":
            del tool["type"]
    return body


def _objects(value: Any) -> list[JSONDict]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


# What holds JSON of the client's own, whose names are not Google's.
_FOREIGN = (
    "args",
    "response",
    "parameters",
    "parametersJsonSchema",
    "responseSchema",
    "responseJsonSchema",
)


def _gemini(body: JSONDict) -> JSONDict:
    """Google's: names with capitals as with underscores; one part as a list of one."""
    found: JSONDict = _camel(body)
    system = found.get("systemInstruction")
    if isinstance(system, dict):
        system.pop("role", None)  # which is not the model's to read
        _set(system, "parts", lambda parts: [parts] if isinstance(parts, dict) else parts)
        if system.get("parts") == [{"text": ""}]:
            del found["systemInstruction"]
    _upper(found, "toolConfig", "functionCallingConfig", "mode")
    _upper(found, "generationConfig", "thinkingConfig", "thinkingLevel")
    return found


def _upper(body: JSONDict, *path: str) -> None:
    """The names of an enumeration, which Google takes in small letters too."""
    for name in path[:-1]:
        body = body.get(name) or {}
    _set(body, path[-1], str.upper)


def _camel(value: Any) -> Any:
    if isinstance(value, list):
        return [_camel(item) for item in value]
    if not isinstance(value, dict):
        return value
    renamed = {re.sub("_([a-z])", lambda m: m[1].upper(), k): item for k, item in value.items()}
    return {k: item if k in _FOREIGN else _camel(item) for k, item in renamed.items()}


def _converse(body: JSONDict) -> JSONDict:
    """Bedrock's: a schema is JSON in a text, whose white space says nothing."""
    text = body.get("outputConfig", {}).get("textFormat", {}).get("structure", {})
    _set(text.get("jsonSchema", {}), "schema", wire.loads)
    return body


# A request with what may be written in two ways written in one.
CANONICAL: dict[str, Callable[[JSONDict], JSONDict]] = {
    "openai_chat": _chat,
    "anthropic_messages": _messages,
    "gemini": _gemini,
    "bedrock_converse": _converse,
    "cohere_chat": _chat,
}
# What is the same as absent, by dialect and path.
DEFAULTS: dict[str, dict[str, Any]] = {
    "openai_chat": {
        "stream": False,
        "messages.*.prefix": False,
        "response_format": {"type": "text"},
        "usage.*": 0,
    },
    "anthropic_messages": {
        "stream": False,
        "*.is_error": False,
        "usage.*": 0,
    },
    "gemini": {"*.thought": False},
    "cohere_chat": {"stream": False},
    "ollama_chat": {"stream": True},
    "openai_responses": {
        "stream": False,
        "background": False,
        "parallel_tool_calls": True,
        "service_tier": "default",
        "store": True,
        "temperature": 1,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "top_logprobs": 0,
        "top_p": 1,
        "truncation": "disabled",
    },
}


def request_of(dialect: str, body: JSONDict) -> Any:
    """A request in canonical form, to be compared."""
    copy: JSONDict = wire.loads(wire.dumps(body))
    change = CANONICAL.get(dialect)
    return _without_defaults(change(copy) if change else copy, dialect)


def answer_of(dialect: str, body: JSONDict) -> Any:
    return _without_defaults(wire.loads(wire.dumps(body)), dialect)


def _without_defaults(value: Any, dialect: str, at: str = "") -> Any:
    if isinstance(value, list):
        return [
            _without_defaults(item, dialect, f"{at}.{place}") for place, item in enumerate(value)
        ]
    if not isinstance(value, dict):
        return value
    kept = {}
    for name, item in value.items():
        path = f"{at}.{name}".strip(".")
        item = _without_defaults(item, dialect, path)
        if not _is_default(dialect, path, item):
            kept[name] = item
    return kept


def _is_default(dialect: str, path: str, value: Any) -> bool:
    defaults = DEFAULTS.get(dialect, {}).items()
    return any(value == default and fnmatchcase(path, pattern) for pattern, default in defaults)


# --- Two neutral forms -----------------------------------------------------------------------


def said(reply: Reply) -> JSONDict:
    """What must survive in an answer, whatever formats it went through."""
    return {
        "text": "".join(p.text for p in reply.parts if isinstance(p, Text | Refusal)),
        "thinking": "".join(p.text for p in reply.parts if isinstance(p, Thinking)),
        "signatures": [told for part in reply.parts if (told := _signed(part))],
        "calls": [_call(part) for part in reply.parts if isinstance(part, ToolCall)],
        "cited": [
            citation.url
            for part in reply.parts
            if isinstance(part, Text)
            for citation in part.citations
            if citation.url
        ],
        "finish": {reply.finish: True},
        "usage": msgspec.structs.asdict(reply.usage or Usage()),
    }


def _signed(part: Part) -> list[Any] | None:
    match part:
        case Thinking(text=text, signature=str(signature), signed_by=signed_by):
            return [text, signature, signed_by]
        case RedactedThinking(data=data, signed_by=signed_by):
            return [data, signed_by]
    return None


def asked(prompt: Prompt) -> JSONDict:
    """What must survive in a request. Who says what, in which order; not in how many messages."""
    system: list[str] = []
    turns: list[Any] = []
    for message in prompt.messages:
        if message.role in ("system", "developer"):
            system += [part.text for part in message.parts if isinstance(part, Text)]
            continue
        turns += [[message.role, *told] for part in message.parts if (told := _told(part))]
    return {
        "system": [text for text in system if text],
        "turns": turns,
        "tools": [[t.name, t.parameters or {}] for t in prompt.tools if isinstance(t, Tool)],
        "schema": prompt.output_schema.schema if prompt.output_schema else None,
    }


def _told(part: Part) -> list[Any] | None:
    match part:
        case Text(text=text) | Refusal(text=text):
            return ["text", text] if text else None
        case ToolCall():
            return ["call", *_call(part)]
        case ToolResult(call_id=id, content=content):
            return ["result", id, "\n".join(p.text for p in content if isinstance(p, Text))]
        case Image(url=url, data=data):
            return ["image", url or data]
        case File(url=url, data=data, text=text):
            return ["text", text] if text else ["file", url or data]
        case Audio(data=data):
            return ["audio", data]
    return None  # thoughts are for their own provider only, and what is opaque for its format


def _call(call: ToolCall) -> list[Any]:
    return [call.id, call.name, _value(call.arguments)]


def _value(arguments: str) -> Any:
    """Some formats send the value and not its text; what does not parse is text everywhere."""
    try:
        return wire.loads(arguments or "{}")
    except ValueError:
        return arguments
