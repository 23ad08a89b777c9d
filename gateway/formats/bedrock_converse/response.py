"""Answers: Bedrock's JSON to and from the neutral form.

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
(read 2026-11)
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from gateway.errors import NotSupported, UpstreamFailed
from gateway.formats.bedrock_converse.blocks import Writer
from gateway.formats.bedrock_converse.content import NAME, read_leniently
from gateway.formats.failures import read_leniently as parse_leniently
from gateway.formats.failures import reported
from gateway.formats.reading import count, others, over
from gateway.formats.types import (
    Asked,
    Audio,
    Finish,
    JSONDict,
    Opaque,
    Part,
    Reply,
    Usage,
)

FINISH: dict[str, Finish] = {
    "end_turn": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "stop_sequence": "stop_sequence",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
    "refusal": "refusal",
}
FINISH_OUT: dict[Finish, str] = {
    "stop": "end_turn",
    "tool_calls": "tool_use",
    "length": "max_tokens",
    "stop_sequence": "stop_sequence",
    "content_filter": "content_filtered",
    "refusal": "refusal",
}

_BODY = frozenset(["output", "stopReason", "usage"])


def read_finish(reason: object) -> Finish:
    return FINISH.get(reason, "stop") if isinstance(reason, str) else "stop"


def read_usage(usage: Mapping[str, Any]) -> Usage:
    """Read the `usage` of an answer or of a stream.

    Input comes in three disjoint parts (fresh, read from the cache, written to it), as
    `totalTokens` confirms; `Usage.input_tokens` is their sum. Reasoning is not told apart.

    Args:
        usage: Counts by name, as received; what is absent, null or no number is 0.

    Returns:
        Counts in tokens, each >= 0, with cache_read_tokens <= input_tokens.

    Source: https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html (read 2026-11)
    """
    read = count(usage.get("cacheReadInputTokens"))
    written = count(usage.get("cacheWriteInputTokens"))
    return Usage(
        input_tokens=count(usage.get("inputTokens")) + read + written,
        output_tokens=count(usage.get("outputTokens")),
        cache_read_tokens=read,
        cache_write_tokens=written,
        cache_write_1h_tokens=_kept_an_hour(usage.get("cacheDetails")),
    )


def _kept_an_hour(details: Any) -> int:
    entries = details if isinstance(details, list) else []
    return sum(
        count(entry.get("inputTokens"))
        for entry in entries
        if isinstance(entry, dict) and entry.get("ttl") == "1h"
    )


def write_usage(usage: Usage) -> JSONDict:
    fresh = usage.input_tokens - usage.cache_read_tokens - usage.cache_write_tokens
    told = {
        "inputTokens": max(fresh, 0),
        "outputTokens": usage.output_tokens,
        "totalTokens": usage.input_tokens + usage.output_tokens,
    }
    if usage.cache_read_tokens or usage.cache_write_tokens:
        told["cacheReadInputTokens"] = usage.cache_read_tokens
        told["cacheWriteInputTokens"] = usage.cache_write_tokens
    return told


def read_sequence(fields: object) -> str | None:
    """Which stop sequence was met, where the model told: Claude does, by two ways."""
    match fields:
        case {"stop_sequence": str(text)} | {"delta": {"stop_sequence": str(text)}}:
            return text
    return None


def decode_response(body: JSONDict) -> Reply:
    """Read an answer. Raises `UpstreamFailed` for what is none."""
    match body:
        case {"output": {"message": {"content": list(content)}}}:
            pass
        case _:
            raise _no_answer(body)
    usage, reason = body.get("usage"), body.get("stopReason")
    finish = read_finish(reason)
    return Reply(
        format=NAME,
        id="",
        model="",
        parts=tuple(read_leniently(block) for block in content if isinstance(block, dict)),
        finish=finish,
        stop_sequence=read_sequence(body.get("additionalModelResponseFields")),
        usage=read_usage(usage) if isinstance(usage, dict) and usage else None,
        extras=_extras(body, finish),
    )


def _no_answer(body: JSONDict) -> UpstreamFailed:
    if isinstance(body.get("message"), str):  # how errors look, whatever the status says
        return reported(body)
    if body.get("error"):  # a proxy's in front of it
        return reported(body["error"])
    return UpstreamFailed("the upstream's answer has no content", upstream_status=200)


def _extras(body: JSONDict, finish: Finish) -> JSONDict:
    """What the neutral form has no place for, shaped as the body is."""
    extras, usage, reason = others(body, _BODY), body.get("usage"), body.get("stopReason")
    if isinstance(usage, dict):
        counts = write_usage(read_usage(usage))
        extras["usage"] = {n: told for n, told in usage.items() if counts.get(n) != told}
    if reason != FINISH_OUT[finish]:  # the guardrail, or another way of being too long
        extras["stopReason"] = reason
    return extras


def encode_response(reply: Reply, asked: Asked) -> JSONDict:
    """Write an answer."""
    is_own = reply.format == NAME
    writer = Writer(is_own)
    content = [block for part in reply.parts for block in tell(writer, part)]
    body: JSONDict = {
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": FINISH_OUT[reply.finish],
        "usage": write_usage(reply.usage or Usage()),
    }
    return over(body, reply.extras) if is_own else body | told_sequence(reply.stop_sequence)


def told_sequence(sequence: str | None) -> JSONDict:
    fields = {"stop_sequence": sequence}
    return {} if sequence is None else {"additionalModelResponseFields": fields}


def tell(writer: Writer, part: Part) -> list[JSONDict]:
    """The blocks of a part of an answer; none where this format has no word for it."""
    if isinstance(part, Audio) or (isinstance(part, Opaque) and part.format != NAME):
        return []
    try:
        return writer.blocks(part)
    except NotSupported:  # an image that lies elsewhere, a document of an unknown kind
        return []


class _Answer(msgspec.Struct):
    """What accounting reads of an answer that is passed on as it is."""

    output: dict[str, msgspec.Raw] | None = None
    usage: dict[str, Any] | None = None
    message: Any = None
    error: Any = None


_read_answer = msgspec.json.Decoder(_Answer).decode


def sniff_response(data: bytes) -> Usage | None:
    """The usage in an answer that is relayed. Raises `UpstreamFailed` for what is no answer."""
    try:
        answer = _read_answer(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        answer = parse_leniently(data, _Answer)
    if not isinstance(answer.output, dict):
        raise _no_answer({"message": answer.message, "error": answer.error})
    return read_usage(answer.usage) if isinstance(answer.usage, dict) and answer.usage else None
