"""Answers: Anthropic's JSON to and from the neutral form.

Source: https://docs.anthropic.com/en/api/messages (read 2026-11)
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from gateway.errors import UpstreamFailed
from gateway.formats import wire
from gateway.formats.anthropic_messages.request import (
    NAME,
    read_citation,
    read_redacted,
    read_thinking,
)
from gateway.formats.anthropic_messages.sending import encode_block
from gateway.formats.failures import read_leniently, reported
from gateway.formats.reading import count, others, over
from gateway.formats.types import (
    Asked,
    Audio,
    Finish,
    JSONDict,
    Opaque,
    Part,
    Reply,
    Text,
    ToolCall,
    Usage,
)

FINISH: dict[str, Finish] = {
    "end_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "stop_sequence": "stop_sequence",
    "pause_turn": "stop",
    "refusal": "refusal",
}
FINISH_OUT: dict[Finish, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "stop_sequence": "stop_sequence",
    "content_filter": "refusal",
    "refusal": "refusal",
}


def read_finish(reason: object) -> Finish:
    return FINISH.get(reason, "stop") if isinstance(reason, str) else "stop"


def read_usage(usage: Mapping[str, Any]) -> Usage:
    """Read the `usage` object of an answer or of a stream.

    Anthropic counts input in three disjoint parts (fresh, read from the cache, written to it);
    `Usage.input_tokens` is their sum, so that a price means the same everywhere.

    Args:
        usage: Counts by name, as received; what is absent, null or no number is 0.

    Returns:
        Counts in tokens, each >= 0, with cache_read_tokens <= input_tokens.

    Source: https://docs.anthropic.com/en/docs/build-with-claude/prompt-caching
    """
    read = count(usage.get("cache_read_input_tokens"))
    written = count(usage.get("cache_creation_input_tokens"))
    by_ttl = usage.get("cache_creation")
    kept = by_ttl.get("ephemeral_1h_input_tokens") if isinstance(by_ttl, dict) else 0
    details = usage.get("output_tokens_details")
    thought = details.get("thinking_tokens") if isinstance(details, dict) else 0
    return Usage(
        input_tokens=count(usage.get("input_tokens")) + read + written,
        output_tokens=count(usage.get("output_tokens")),
        cache_read_tokens=read,
        cache_write_tokens=written,
        reasoning_tokens=count(thought),
        cache_write_1h_tokens=count(kept),
    )


def write_usage(usage: Usage) -> JSONDict:
    fresh = usage.input_tokens - usage.cache_read_tokens - usage.cache_write_tokens
    told: JSONDict = {
        "input_tokens": max(fresh, 0),
        "cache_creation_input_tokens": usage.cache_write_tokens,
        "cache_read_input_tokens": usage.cache_read_tokens,
        "output_tokens": usage.output_tokens,
    }
    if usage.reasoning_tokens:
        told["output_tokens_details"] = {"thinking_tokens": usage.reasoning_tokens}
    return told


def decode_response(body: JSONDict) -> Reply:
    """Read an answer. Raises `UpstreamFailed` for what is none, an error in a 200 included."""
    content = body.get("content")
    if body.get("error"):
        raise reported(body["error"])
    if not isinstance(content, list):
        raise UpstreamFailed("the upstream's answer has no content", upstream_status=200)
    usage = body.get("usage")
    sequence = body.get("stop_sequence")
    finish = read_finish(body.get("stop_reason"))
    return Reply(
        format=NAME,
        id=str(body.get("id") or ""),
        model=str(body.get("model") or ""),
        parts=tuple(_part(block) for block in content if isinstance(block, dict)),
        finish=finish,
        stop_sequence=sequence if isinstance(sequence, str) else None,
        usage=read_usage(usage) if isinstance(usage, dict) and usage else None,
        extras=_extras(body, finish),
    )


_BODY = frozenset(
    ["id", "type", "role", "model", "content", "stop_reason", "stop_sequence", "usage"]
)
_USAGE = frozenset(
    [
        "input_tokens",
        "output_tokens",
        "cache_read_input_tokens",
        "cache_creation_input_tokens",
    ]
)


def _extras(body: JSONDict, finish: Finish) -> JSONDict:
    """What the neutral form has no place for, shaped as the body is."""
    extras, usage, reason = others(body, _BODY), body.get("usage"), body.get("stop_reason")
    counts = others(usage, _USAGE) if isinstance(usage, dict) else {}
    if counts:
        extras["usage"] = counts
    if reason != FINISH_OUT[finish]:  # a turn that pauses, or another way of being too long
        extras["stop_reason"] = reason
    return extras


def _part(block: JSONDict) -> Part:
    found = _known_part(block)
    extras = {} if isinstance(found, Opaque) else others(block, _BLOCK)
    return msgspec.structs.replace(found, extras=extras) if extras else found


_BLOCK = frozenset(
    ["type", "text", "citations", "thinking", "signature", "data", "id", "name", "input"]
)


def _known_part(block: JSONDict) -> Part:
    match block:
        case {"type": "text", "text": str(text)}:
            told = block.get("citations")
            cited = [
                item for item in (told if isinstance(told, list) else ()) if isinstance(item, dict)
            ]
            return Text(text=text, citations=tuple(read_citation(item) for item in cited))
        case {"type": "thinking", "thinking": str(text)}:
            return read_thinking(text, block.get("signature"))
        case {"type": "redacted_thinking", "data": str(data)}:
            return read_redacted(data)
        case {"type": "tool_use", "id": str(id), "name": str(name)}:
            arguments = wire.dumps(block.get("input") or {}).decode()
            return ToolCall(id=id, name=name, arguments=arguments)
    return Opaque(format=NAME, value=block)


def encode_response(reply: Reply, asked: Asked) -> JSONDict:
    """Write an answer."""
    is_own = reply.format == NAME
    parts = [part for part in reply.parts if is_tellable(part)]
    body = {
        "id": reply.id or asked.id,
        "type": "message",
        "role": "assistant",
        "model": asked.model,
        "content": [encode_block(part) | (part.extras if is_own else {}) for part in parts],
        "stop_reason": FINISH_OUT[reply.finish],
        "stop_sequence": reply.stop_sequence,
        "usage": write_usage(reply.usage or Usage()),
    }
    return over(body, reply.extras) if is_own else body


def is_tellable(part: Part) -> bool:
    """Has an answer of this format a block for it?"""
    return not isinstance(part, Audio) and not (isinstance(part, Opaque) and part.format != NAME)


class _Answer(msgspec.Struct):
    """What accounting reads of an answer that is passed on as it is."""

    content: list[msgspec.Raw] | None = None
    usage: dict[str, Any] | None = None
    error: Any = None


_read_answer = msgspec.json.Decoder(_Answer).decode


def sniff_response(data: bytes) -> Usage | None:
    """The usage in an answer that is relayed. Raises `UpstreamFailed` for what is no answer."""
    try:
        answer = _read_answer(data)
    except wire.UNREADABLE:
        answer = read_leniently(data, _Answer)
    if answer.error:
        raise reported(answer.error)
    if not isinstance(answer.content, list):
        raise UpstreamFailed("the upstream's answer has no content", upstream_status=200)
    return read_usage(answer.usage) if isinstance(answer.usage, dict) and answer.usage else None
