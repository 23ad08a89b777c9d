"""Answers: Cohere's JSON to and from the neutral form.

Source: https://docs.cohere.com/reference/chat (read 2026-11)
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from gateway.errors import UpstreamFailed
from gateway.formats import wire
from gateway.formats.cohere_chat.citations import NAME, cite
from gateway.formats.cohere_chat.messages import read_plan, write_message
from gateway.formats.failures import clean, read_leniently, reported
from gateway.formats.openai_chat.response import arguments_text
from gateway.formats.reading import count, others
from gateway.formats.types import (
    Asked,
    Finish,
    JSONDict,
    Opaque,
    Part,
    Refusal,
    Reply,
    Text,
    Thinking,
    ToolCall,
    Usage,
)

FINISH: dict[str, Finish] = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop_sequence",
    "MAX_TOKENS": "length",
    "TOOL_CALL": "tool_calls",
    "ERROR_LIMIT": "length",
    "ERROR_TOXIC": "content_filter",  # the first version's word; the second has none
}
FINISH_OUT: dict[Finish, str] = {
    "stop": "COMPLETE",
    "stop_sequence": "STOP_SEQUENCE",
    "length": "MAX_TOKENS",
    "tool_calls": "TOOL_CALL",
    "content_filter": "ERROR_TOXIC",
    "refusal": "ERROR_TOXIC",
}
_FAILED = {"ERROR", "TIMEOUT"}
_READ = frozenset(["id", "message", "finish_reason"])


def read_finish(reason: object, error: object = None) -> Finish:
    """Raises `UpstreamFailed` where the answer ended because it could not be made."""
    if isinstance(reason, str) and reason in _FAILED:
        words = clean(error) if isinstance(error, str) else ""
        raise UpstreamFailed(
            words or f"the upstream's answer ended with {reason}", upstream_status=200
        )
    return FINISH.get(reason, "stop") if isinstance(reason, str) else "stop"


def read_usage(usage: Mapping[str, Any]) -> Usage:
    """Read the `usage` object of an answer or of a stream's end.

    `tokens` counts what the model read and wrote, the template around the messages included,
    which nobody pays for: some five hundred a call, more with tools or documents.
    `billed_units` is what stands on Cohere's invoice, so that is counted here: of all that is
    done with these counts, what is paid matters most. Where no units are told, `tokens`.

    Args:
        usage: As received; what is absent, null or no number is 0.

    Returns:
        Counts in tokens, each >= 0, with cache_read_tokens <= input_tokens.

    Source: https://docs.cohere.com/docs/how-does-cohere-pricing-work (read 2026-11)
    """
    read, billed = (_counts(usage.get(name)) for name in ("tokens", "billed_units"))
    counts = billed or read
    total = count(counts.get("input_tokens"))
    return Usage(
        input_tokens=total,
        output_tokens=count(counts.get("output_tokens")),
        cache_read_tokens=min(count(usage.get("cached_tokens")), total),
        reasoning_tokens=count(read.get("reasoning_tokens")),
    )


def _counts(told: object) -> JSONDict:
    return told if isinstance(told, dict) else {}


def write_usage(usage: Usage) -> JSONDict:
    tokens = {"input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens}
    if usage.reasoning_tokens:
        tokens["reasoning_tokens"] = usage.reasoning_tokens
    cached = {"cached_tokens": usage.cache_read_tokens} if usage.cache_read_tokens else {}
    return {"tokens": tokens, **cached}


def decode_response(body: JSONDict) -> Reply:
    """Read an answer. Raises `UpstreamFailed` for what is none, an error in a 200 included.

    What only this format tells is in the reply's `extras["cohere_chat"]`.
    """
    message = _message_of(body.get("message"), body.get("error"))
    finish = read_finish(body.get("finish_reason"), body.get("error"))
    content, rest = cite(_content(message.get("content")), message.get("citations"))
    extras = others(body, _READ)
    usage = extras.get("usage")  # which tells more than is counted
    if rest:
        extras["citations"] = rest
    return Reply(
        id=str(body.get("id") or ""),
        model="",
        parts=(*read_plan(message.get("tool_plan")), *content, *_calls(message)),
        finish=finish,
        usage=read_usage(usage) if isinstance(usage, dict) and usage else None,
        extras={NAME: extras} if extras else {},
    )


def _message_of(message: object, error: object) -> JSONDict:
    if isinstance(message, dict):
        return message
    if error:
        raise reported(error)
    if isinstance(message, str):  # an error's
        raise reported({"message": message})
    raise UpstreamFailed("the upstream's answer has no message", upstream_status=200)


def _content(content: object) -> list[Part]:
    if isinstance(content, str):
        return [Text(text=content)] if content else []
    told = content if isinstance(content, list) else []
    return [_part(part) for part in told if isinstance(part, dict)]


def _part(part: JSONDict) -> Part:
    match part:
        case {"type": "text", "text": str(text)}:
            return Text(text=text)
        case {"type": "thinking", "thinking": str(text)}:
            return Thinking(text=text)
    return Opaque(format=NAME, value=part)


def _calls(message: JSONDict) -> list[ToolCall]:
    told = message.get("tool_calls")
    calls = [call for call in (told if isinstance(told, list) else []) if isinstance(call, dict)]
    return [read_call(call, place) for place, call in enumerate(calls)]


def read_call(call: JSONDict, place: int) -> ToolCall:
    function = call.get("function")
    function = function if isinstance(function, dict) else {}
    return ToolCall(
        id=str(call.get("id") or f"call_{place}"),
        name=str(function.get("name") or ""),
        arguments=arguments_text(function.get("arguments")),
    )


def encode_response(reply: Reply, asked: Asked) -> JSONDict:
    """Write an answer."""
    told: JSONDict = dict(reply.extras.get(NAME, {}))
    cited = told.pop("citations", [])
    parts = [part for part in reply.parts if _is_tellable(part)]
    calls = [part for part in reply.parts if isinstance(part, ToolCall)]
    message = write_message(parts, calls, True)
    if cited:
        message["citations"] = message.get("citations", []) + cited
    body = {
        "id": reply.id or asked.id,
        "message": message,
        "finish_reason": FINISH_OUT[reply.finish],
    }
    if reply.usage is not None:
        body["usage"] = write_usage(reply.usage)
    return body | told


def _is_tellable(part: Part) -> bool:
    """Has an answer of this format a place for it in its content, or as its plan?"""
    own = isinstance(part, Opaque) and part.format == NAME
    return own or isinstance(part, Text | Refusal | Thinking)


class _Answer(msgspec.Struct):
    """What accounting reads of an answer that is passed on as it is."""

    message: Any = None
    finish_reason: Any = None
    usage: Any = None
    error: Any = None


_read_answer = msgspec.json.Decoder(_Answer).decode


def sniff_response(data: bytes) -> Usage | None:
    """The usage in an answer that is relayed. Raises `UpstreamFailed` for what is no answer."""
    try:
        answer = _read_answer(data)
    except wire.UNREADABLE:
        answer = read_leniently(data, _Answer)
    _message_of(answer.message, answer.error)
    read_finish(answer.finish_reason, answer.error)
    return read_usage(answer.usage) if isinstance(answer.usage, dict) and answer.usage else None
