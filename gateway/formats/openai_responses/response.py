"""Answers: the Responses API's JSON to and from the neutral form.

Source: https://platform.openai.com/docs/api-reference/responses/object (read 2026-11)
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from gateway.errors import BadRequest, UpstreamFailed
from gateway.formats import wire
from gateway.formats.failures import read_leniently, reported
from gateway.formats.openai_responses.items import Kept, kept_items, read_item, write_kept
from gateway.formats.openai_responses.output import (
    call_item,
    encrypted,
    ended,
    image_item,
    item_id,
    message_item,
    reasoning_item,
    refusal_part,
    response_id,
    skeleton,
    text_part,
)
from gateway.formats.openai_responses.parts import write_text
from gateway.formats.openai_responses.tools import Names
from gateway.formats.openai_responses.wording import NAME
from gateway.formats.reading import count, moment
from gateway.formats.types import (
    Asked,
    Finish,
    Image,
    JSONDict,
    Opaque,
    Part,
    RedactedThinking,
    Refusal,
    Reply,
    Text,
    Thinking,
    ToolCall,
    Usage,
)

# Why an answer is incomplete; one for a reason that is not known here is cut short too.
FINISH: dict[str, Finish] = {
    "max_output_tokens": "length",
    "content_filter": "content_filter",
    "steered": "stop",
}
_NO_NAMES = Names({})


def read_finish(status: object, details: object, has_calls: bool, refused: bool) -> Finish:
    """How an answer ended; `refused`: it has the words of a refusal, and is complete with them."""
    if status != "incomplete":
        return "tool_calls" if has_calls else "refusal" if refused else "stop"
    reason = details.get("reason") if isinstance(details, dict) else None
    return FINISH.get(reason, "length") if isinstance(reason, str) else "length"


def read_usage(usage: Mapping[str, Any]) -> Usage:
    """Read the `usage` object of an answer.

    `input_tokens` includes what came from the cache, `output_tokens` the reasoning.

    Args:
        usage: Counts by name, as received; what is absent, null or no number is 0.

    Returns:
        Counts in tokens, each >= 0, with cache_read_tokens <= input_tokens.
    """
    asked, said = usage.get("input_tokens_details"), usage.get("output_tokens_details")
    asked, said = asked if isinstance(asked, dict) else {}, said if isinstance(said, dict) else {}
    total = count(usage.get("input_tokens"))
    read = min(count(asked.get("cached_tokens")), total)
    return Usage(
        input_tokens=total,
        output_tokens=count(usage.get("output_tokens")),
        cache_read_tokens=read,
        cache_write_tokens=min(count(asked.get("cache_write_tokens")), total - read),
        reasoning_tokens=count(said.get("reasoning_tokens")),
    )


def decode_response(body: JSONDict) -> Reply:
    """Read an answer. Raises `UpstreamFailed` for what is none, a failure in a 200 included."""
    check_status(body.get("status"), body.get("error"))
    output = body.get("output")
    if not isinstance(output, list):
        raise UpstreamFailed("the upstream's answer has no output", upstream_status=200)
    parts: list[Part] = []
    kept: list[Kept] = []
    for item in output:
        if isinstance(item, dict):
            found = read_output(item)
            parts += found
            kept.append((item, len(found)))
    usage = body.get("usage")
    has_calls = any(isinstance(part, ToolCall) for part in parts)
    refused = any(isinstance(part, Refusal) for part in parts)
    return Reply(
        id=str(body.get("id") or ""),
        model=str(body.get("model") or ""),
        parts=tuple(parts),
        finish=read_finish(body.get("status"), body.get("incomplete_details"), has_calls, refused),
        usage=read_usage(usage) if isinstance(usage, dict) and usage else None,
        created=moment(body.get("created_at")),
        extras={"items": tuple(kept), "body": body},
    )


def check_status(status: object, error: object) -> None:
    """Raises `UpstreamFailed` for an answer that is none."""
    if error or status == "failed":
        raise reported(error)
    if status == "cancelled":
        raise UpstreamFailed("the upstream's answer was cancelled", upstream_status=200)


def read_output(item: JSONDict) -> tuple[Part, ...]:
    """The parts of an output item; one that is not as it should be is kept whole."""
    try:
        return read_item(item, "", _NO_NAMES)
    except BadRequest:
        return (Opaque(format=NAME, value=item),)


def encode_response(reply: Reply, asked: Asked) -> JSONDict:
    """Write an answer."""
    kept = kept_items(reply.extras, reply.parts)
    if kept is not None:  # it came in this format: what it says besides comes back
        body: JSONDict = skeleton(asked, reply.id, reply.created) | reply.extras["body"]
        return body | {"model": asked.model, "output": write_kept(kept, reply.parts, [])}
    id = response_id(reply.id, asked)
    refused = any(isinstance(part, Refusal) for part in reply.parts)
    body = ended(skeleton(asked, id, reply.created), reply.finish, reply.usage, refused)
    return body | {"output": _output(reply.parts, id, Names(asked.request), body["status"])}


def _output(parts: tuple[Part, ...], id: str, names: Names, status: str) -> list[JSONDict]:
    output: list[JSONDict] = []
    for part in parts:
        said = _said(part)
        index = len(output)
        if said is None:
            item = _item(part, id, index, names)
            output += [item] if item else []
        elif output and output[-1].get("type") == "message":
            output[-1]["content"].append(said)
        else:
            output.append(message_item(item_id("msg", id, index), [said], "completed"))
    if output and status == "incomplete" and "status" in output[-1]:
        output[-1]["status"] = status
    return output


def _said(part: Part) -> JSONDict | None:
    """What stands in a message; null for what is an item of its own."""
    match part:
        case Text():
            return write_text(part)
        case Refusal(text=text):
            return refusal_part(text)
        case Image(url=str(url)):
            return text_part(f"![]({url})")  # an item holds the bytes only
    return None


def _item(part: Part, id: str, index: int, names: Names) -> JSONDict | None:
    """Null for what this format has no word for."""
    match part:
        case Thinking(text=text, signature=signature, signed_by=signed_by):
            content = encrypted(signature, signed_by)
            return reasoning_item(item_id("rs", id, index), [text], content, "completed")
        case RedactedThinking(data=data, signed_by=signed_by):
            content = encrypted(data, signed_by)
            return reasoning_item(item_id("rs", id, index), [], content, "completed")
        case ToolCall():
            return call_item(id, index, part, names, "completed")
        case Image():
            return image_item(item_id("ig", id, index), part)
        case Opaque(format=origin, value=value) if origin == NAME:
            return value
    return None


class _Answer(msgspec.Struct):
    """What accounting reads of an answer that is passed on as it is."""

    status: str | None = None
    output: list[msgspec.Raw] | None = None
    usage: dict[str, Any] | None = None
    error: Any = None


_read_answer = msgspec.json.Decoder(_Answer).decode


def sniff_response(data: bytes) -> Usage | None:
    """The usage in an answer that is relayed. Raises `UpstreamFailed` for what is no answer."""
    try:
        answer = _read_answer(data)
    except wire.UNREADABLE:
        answer = read_leniently(data, _Answer)
    check_status(answer.status, answer.error)
    if not isinstance(answer.output, list):
        raise UpstreamFailed("the upstream's answer has no output", upstream_status=200)
    return read_usage(answer.usage) if isinstance(answer.usage, dict) and answer.usage else None
