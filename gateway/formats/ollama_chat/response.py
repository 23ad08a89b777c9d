"""Answers: Ollama's JSON to and from the neutral form.

Source: https://github.com/ollama/ollama/blob/main/docs/api.md (read 2026-11)
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from gateway.errors import UpstreamFailed
from gateway.formats import wire
from gateway.formats.failures import read_leniently, reported
from gateway.formats.ollama_chat.messages import encode_calls, read_images
from gateway.formats.ollama_chat.request import NAME
from gateway.formats.reading import count, others
from gateway.formats.types import (
    Asked,
    Finish,
    Image,
    JSONDict,
    Part,
    Refusal,
    Reply,
    Text,
    Thinking,
    ToolCall,
    Usage,
)

# Its own words are `stop` and `length`, and `load` and `unload` of a call that asked nothing. The
# others are ours: what a client does not know is no length, and what comes back means the same.
FINISH: dict[str, Finish] = {
    "stop": "stop",
    "length": "length",
    "content_filter": "content_filter",
    "refusal": "refusal",
}
FINISH_OUT: dict[Finish, str] = {
    "stop": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "tool_calls": "stop",
    "content_filter": "content_filter",
    "refusal": "refusal",
}
_READ = frozenset(["model", "message", "done", "prompt_eval_count", "eval_count"])


def read_finish(reason: object, has_calls: bool) -> Finish:
    """A `done_reason`; a model that calls tools stops for them."""
    finish = FINISH.get(reason, "stop") if isinstance(reason, str) else "stop"
    return "tool_calls" if finish == "stop" and has_calls else finish


def read_usage(answer: Mapping[str, Any]) -> Usage | None:
    """The counts of an answer or of a stream's last line; null where it has none.

    Old servers leave `prompt_eval_count` out where the whole prompt was in their cache.

    Returns:
        Counts in tokens, each >= 0. What was cached and what was thought is not told.
    """
    asked, said = answer.get("prompt_eval_count"), answer.get("eval_count")
    if asked is None and said is None:
        return None
    return Usage(input_tokens=count(asked), output_tokens=count(said))


def write_usage(usage: Usage | None) -> JSONDict:
    if usage is None:
        return {}
    return {"prompt_eval_count": usage.input_tokens, "eval_count": usage.output_tokens}


def read_time(told: object) -> int | None:
    """Unix seconds of an RFC 3339 time; null for what is none, and for the recorder's year 1."""
    try:
        seconds = int(datetime.fromisoformat(str(told)).timestamp())
    except (ValueError, OverflowError):
        return None
    return seconds if seconds > 0 else None


def write_time(seconds: int) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):  # an upstream's nonsense
        return "1970-01-01T00:00:00Z"


def failure(error: object, status: object) -> UpstreamFailed:
    """What an error inside a 200 stands for; where one is told, its status stands beside it."""
    return reported({"message": error, "status": status} if isinstance(error, str) else error)


def decode_response(body: JSONDict) -> Reply:
    """Read an answer. Raises `UpstreamFailed` for what is none, an error in a 200 included.

    Durations (in nanoseconds) and what else only this format tells is in the reply's
    `extras["ollama_chat"]`.
    """
    message = body.get("message")
    if body.get("error"):
        raise failure(body["error"], body.get("status"))
    if not isinstance(message, dict):
        raise UpstreamFailed("the upstream's answer has no message", upstream_status=200)
    calls = answer_calls(message.get("tool_calls"), 0, body.get("created_at"))
    reason = body.get("done_reason")
    extras = others(body, _READ)
    if FINISH_OUT[read_finish(reason, bool(calls))] == reason:
        del extras["done_reason"]
    return Reply(
        id="",
        model=str(body.get("model") or ""),
        parts=(*_said(message), *calls),
        finish=read_finish(reason, bool(calls)),
        usage=read_usage(body),
        created=read_time(body.get("created_at")),
        extras={NAME: extras},
    )


def _said(message: JSONDict) -> tuple[Part, ...]:
    thought, text = message.get("thinking"), message.get("content")
    parts: list[Part] = []
    if isinstance(thought, str) and thought:
        parts.append(Thinking(text=thought))
    if isinstance(text, str) and text:
        parts.append(Text(text=text))
    return (*parts, *answer_images(message.get("images")))


def answer_images(images: object) -> tuple[Image, ...]:
    told = images if isinstance(images, list) else []
    return read_images(image for image in told if isinstance(image, str))


def answer_calls(calls: object, before: int, created_at: object) -> list[ToolCall]:
    """The calls of an answer, or of a line of one, before which there were `before` others.

    A call without an id gets one of what it is and when: the next turn's has another.
    """
    found: list[ToolCall] = []
    for call in calls if isinstance(calls, list) else ():
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict):
            continue
        name, arguments = str(function.get("name") or ""), function.get("arguments")
        if not isinstance(arguments, str):
            arguments = wire.dumps(arguments or {}).decode(errors="replace")
        number = before + len(found)
        id = str(call.get("id") or "") or _make_id(created_at, number, name, arguments)
        found.append(ToolCall(id=id, name=name, arguments=arguments))
    return found


def _make_id(*made_of: object) -> str:
    text = "\0".join(map(str, made_of)).encode(errors="replace")
    return f"call_{hashlib.sha256(text).hexdigest()[:24]}"


def encode_response(reply: Reply, asked: Asked) -> JSONDict:
    """Write an answer. How long it took is not known here and left out: nothing needs it."""
    body: JSONDict = {
        "model": asked.model,
        "created_at": write_time(reply.created or asked.created),
        "message": _message(reply.parts),
        "done": True,
        "done_reason": FINISH_OUT[reply.finish],
    }
    told: JSONDict = reply.extras.get(NAME, {})
    return body | write_usage(reply.usage) | told


def _message(parts: Sequence[Part]) -> JSONDict:
    message: JSONDict = {
        "role": "assistant",
        "content": "".join(part.text for part in parts if isinstance(part, Text | Refusal)),
    }
    thought = "".join(part.text for part in parts if isinstance(part, Thinking))
    if thought:
        message["thinking"] = thought
    images = [part.data for part in parts if isinstance(part, Image) and part.data]
    if images:
        message["images"] = images
    calls = encode_calls(part for part in parts if isinstance(part, ToolCall))
    return message | ({"tool_calls": calls} if calls else {})


class _Answer(msgspec.Struct):
    """What accounting reads of an answer that is passed on as it is."""

    message: Any = None
    prompt_eval_count: Any = None
    eval_count: Any = None
    error: Any = None
    status: Any = None


_read_answer = msgspec.json.Decoder(_Answer).decode


def sniff_response(data: bytes) -> Usage | None:
    """The usage in an answer that is relayed. Raises `UpstreamFailed` for what is no answer."""
    try:
        answer = _read_answer(data)
    except wire.UNREADABLE:
        answer = read_leniently(data, _Answer)
    if answer.error:
        raise failure(answer.error, answer.status)
    if not isinstance(answer.message, dict):
        raise UpstreamFailed("the upstream's answer has no message", upstream_status=200)
    return read_usage(msgspec.structs.asdict(answer))
