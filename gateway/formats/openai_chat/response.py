"""Answers: OpenAI's JSON to and from the neutral form.

Source: https://platform.openai.com/docs/api-reference/chat/object (read 2026-11)
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, TypeVar

import msgspec

from gateway.errors import BadRequest, UpstreamFailed
from gateway.formats import custom_tools, wire
from gateway.formats.failures import read_leniently, reported
from gateway.formats.openai_chat.request import (
    NAME,
    custom_names,
    is_of_functions,
    read_detail,
    read_image,
    write_detail,
    written,
)
from gateway.formats.openai_chat.sending import encode_call, encode_image
from gateway.formats.reading import count, given, moment, others, over
from gateway.formats.types import (
    Asked,
    Citation,
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

Value = TypeVar("Value")

FINISH: dict[str, Finish] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
}
FINISH_OUT: dict[Finish, str] = {
    "stop": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "content_filter": "content_filter",
    "refusal": "content_filter",
}


def read_finish(reason: object, has_calls: bool, refused: bool = False) -> Finish:
    """A finish reason; servers that call tools and say "stop" mean the calls, and a model that
    refused stops too."""
    finish = FINISH.get(reason, "stop") if isinstance(reason, str) else "stop"
    if finish != "stop":
        return finish
    return "tool_calls" if has_calls else "refusal" if refused else "stop"


def write_finish(finish: Finish, refused: bool) -> str:
    """`refused`: the answer has the words of a refusal, which say it here."""
    return "stop" if refused and finish == "refusal" else FINISH_OUT[finish]


def read_usage(usage: Mapping[str, Any]) -> Usage:
    """Read the `usage` object of an answer or of a stream's last chunk.

    `prompt_tokens` includes what came from the cache, `completion_tokens` the reasoning.

    Args:
        usage: Counts by name, as received; what is absent, null or no number is 0.

    Returns:
        Counts in tokens, each >= 0, with cache_read_tokens <= input_tokens.

    Source: https://platform.openai.com/docs/guides/prompt-caching; DeepSeek's
    `prompt_cache_hit_tokens` and Moonshot's `cached_tokens` say the same in other places.
    """
    asked = _object(usage.get("prompt_tokens_details"))
    said = _object(usage.get("completion_tokens_details"))
    total = count(usage.get("prompt_tokens"))
    read = (
        count(asked.get("cached_tokens"))
        or count(usage.get("prompt_cache_hit_tokens"))
        or count(usage.get("cached_tokens"))
    )
    written = count(asked.get("cache_write_tokens"))
    out, thought = count(usage.get("completion_tokens")), count(said.get("reasoning_tokens"))
    if count(usage.get("total_tokens")) == total + out + thought:  # xAI counts them apart
        out += thought
    return Usage(
        input_tokens=total,
        output_tokens=out,
        cache_read_tokens=min(read, total),
        cache_write_tokens=min(written, max(total - read, 0)),
        reasoning_tokens=thought,
        units=media_tokens(asked, said),
    )


_MEDIA = ("audio", "image")


def media_tokens(asked: JSONDict, said: JSONDict) -> dict[str, int]:
    """Of the tokens those of sounds and images, of which some models have a price apart."""
    return {
        f"{kind}_{way}_tokens": number
        for details, way in ((asked, "input"), (said, "output"))
        if details
        for kind in _MEDIA
        if (number := count(details.get(f"{kind}_tokens")))
    }


def _media_told(usage: Usage, way: str) -> JSONDict:
    return {
        f"{kind}_tokens": number
        for kind in _MEDIA
        if (number := usage.units.get(f"{kind}_{way}_tokens"))
    }


def _object(value: object) -> JSONDict:
    return value if isinstance(value, dict) else {}


def write_usage(usage: Usage) -> JSONDict:
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
        "prompt_tokens_details": {
            "cached_tokens": usage.cache_read_tokens,
            "cache_write_tokens": usage.cache_write_tokens,
            **_media_told(usage, "input"),
        },
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning_tokens,
            **_media_told(usage, "output"),
        },
    }


def decode_response(body: JSONDict) -> Reply:
    """Read an answer. Raises `UpstreamFailed` for what is none, an error in a 200 included."""
    _check(body)
    choice = body["choices"][0]
    message = _object(choice.get("message"))
    calls = _calls(message)
    usage = body.get("usage")
    content = _content(message)
    refused = any(isinstance(part, Refusal) for part in content)
    finish = read_finish(choice.get("finish_reason"), bool(calls), refused)
    return Reply(
        format=NAME,
        id=str(body.get("id") or ""),
        model=str(body.get("model") or ""),
        parts=(
            *_thoughts(message),
            *content,
            *read_images(message.get("images")),
            *calls,
        ),
        finish=finish,
        usage=read_usage(usage) if isinstance(usage, dict) and usage else None,
        created=moment(body.get("created")),
        extras=_extras(body, choice, finish),
    )


_BODY = frozenset(["id", "created", "model", "choices", "usage"])
_CHOICE = frozenset(["index", "message", "finish_reason"])
_MESSAGE = frozenset(["role", "content", "refusal", "tool_calls", "annotations"])
_USAGE = frozenset(["prompt_tokens", "completion_tokens"])
_USAGE_DETAILS = {
    "prompt_tokens_details": frozenset(["cached_tokens", "cache_write_tokens"]),
    "completion_tokens_details": frozenset(["reasoning_tokens"]),
}


def _extras(body: JSONDict, choice: JSONDict, finish: Finish) -> JSONDict:
    """What the neutral form has no place for, or what this server says in a place of its own.

    `answer` is of the body, `choice` and `message` of the first choice; `choices` are the others.
    """
    told, usage = _object(choice.get("message")), _object(body.get("usage"))
    message = others(told, _MESSAGE)
    if isinstance(told.get("content"), list):
        message["content"] = told["content"]
    beside = others(choice, _CHOICE)
    reason = choice.get("finish_reason")
    if isinstance(reason, str) and reason != FINISH_OUT[finish]:
        beside["finish_reason"] = reason
    counts = others(usage, _USAGE | frozenset(_USAGE_DETAILS))
    out = usage.get("completion_tokens")
    if count(out) != read_usage(usage).output_tokens:  # xAI's, without the thoughts
        counts["completion_tokens"] = out
    for name, known in _USAGE_DETAILS.items():
        counts |= given(**{name: others(_object(usage.get(name)), known) or None})
    return {
        name: value
        for name, value in (
            ("answer", others(body, _BODY)),
            ("message", message),
            ("choice", beside),
            ("choices", body["choices"][1:]),
            ("usage", counts),
        )
        if value
    }


def _check(body: JSONDict) -> None:
    if body.get("error"):
        raise reported(body["error"])
    choices = body.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise UpstreamFailed("the upstream's answer has no choices", upstream_status=200)


def _thoughts(message: JSONDict) -> tuple[Part, ...]:
    details = message.get("reasoning_details")
    if isinstance(details, list):
        found = [read_detail(detail) for detail in details if isinstance(detail, dict)]
        parts = tuple(part for part in found if part is not None)
        if parts:
            return parts
    text = message.get("reasoning_content") or message.get("reasoning")
    return (Thinking(text=text),) if isinstance(text, str) and text else ()


def _content(message: JSONDict) -> tuple[Part, ...]:
    content, refusal = message.get("content"), message.get("refusal")
    parts: list[Part] = []
    if isinstance(content, str) and content:
        cited = tuple(read_citations(message.get("annotations")))
        parts.append(Text(text=content, citations=cited))
    elif isinstance(content, list):  # Mistral's thinking models answer in parts
        parts += [part for item in content if (part := _answer_part(item)) is not None]
    if isinstance(refusal, str) and refusal:
        parts.append(Refusal(text=refusal))
    return tuple(parts)


def read_citations(annotations: object) -> Iterator[Citation]:
    for item in annotations if isinstance(annotations, list) else ():
        if isinstance(item, dict):
            told = _object(item.get("url_citation"))
            yield Citation(
                format=NAME,
                value=item,
                url=_told(told.get("url"), str),
                title=_told(told.get("title"), str),
                cited_text=_told(told.get("content"), str),
                start=_told(told.get("start_index"), int),
                end=_told(told.get("end_index"), int),
            )


def write_citation(citation: Citation, start: int, end: int) -> JSONDict | None:
    """An annotation; `start` and `end` are of the text it speaks of, where it tells none itself.

    Null for what this format has no word for: a citation of no address.
    """
    if citation.format == NAME:
        return citation.value
    if citation.url is None:
        return None
    told = {
        "url": citation.url,
        "title": citation.title or "",
        "start_index": start if citation.start is None else citation.start,
        "end_index": end if citation.end is None else citation.end,
    }
    return {"type": "url_citation", "url_citation": told}


def read_images(images: object) -> Iterator[Image]:
    """Images of an answer, where OpenRouter puts them; what is none is left out."""
    for item in images if isinstance(images, list) else ():
        if isinstance(item, dict):
            with suppress(BadRequest):
                yield read_image(item, "", None)


def _told(value: object, kind: type[Value]) -> Value | None:
    return value if isinstance(value, kind) else None


def _answer_part(item: object) -> Part | None:
    match item:
        case {"type": "text", "text": str(text)}:
            return Text(text=text)
        case {"type": "thinking", "thinking": list(inner)}:
            return Thinking(text=written(inner))
        case dict():
            return Opaque(format=NAME, value=item)
    return None


_CALL = frozenset(["id", "type", "function", "custom"])


def _calls(message: JSONDict) -> tuple[ToolCall, ...]:
    calls = []
    told = message.get("tool_calls")
    for position, call in enumerate(told if isinstance(told, list) else []):
        if not isinstance(call, dict):
            continue
        custom = isinstance(call.get("custom"), dict)
        function = _object(call.get("custom" if custom else "function"))
        calls.append(
            ToolCall(
                id=str(call.get("id") or f"call_{position}"),
                name=str(function.get("name") or ""),
                arguments=arguments_text(function.get("input" if custom else "arguments")),
                custom=custom,
                extras=others(call, _CALL),
            )
        )
    legacy = message.get("function_call")
    if isinstance(legacy, dict):
        name = str(legacy.get("name") or "")
        calls.append(
            ToolCall(id=name, name=name, arguments=arguments_text(legacy.get("arguments")))
        )
    return tuple(calls)


def arguments_text(arguments: object) -> str:
    """JSON text; some servers send the object itself."""
    if isinstance(arguments, str):
        return arguments
    return "" if arguments is None else wire.dumps(arguments).decode()


def encode_response(reply: Reply, asked: Asked) -> JSONDict:
    """Write an answer."""
    message: JSONDict = {"role": "assistant", "content": _text(reply), "refusal": None}
    refusal = "".join(part.text for part in reply.parts if isinstance(part, Refusal))
    if refusal:
        message["refusal"] = refusal
    is_own = reply.format == NAME
    own = reply.extras if is_own else {}
    said, beside = own.get("message", {}), own.get("choice", {})
    if not is_own:
        message |= thoughts(reply.parts)
    annotations = list(_annotations(reply))
    if annotations:
        message["annotations"] = annotations
    images = [encode_image(part) for part in reply.parts if isinstance(part, Image)]
    if images:
        message["images"] = images
    customs = custom_names(asked.request)
    calls = [
        encode_call(custom_tools.as_asked(part, customs)) | (part.extras if is_own else {})
        for part in reply.parts
        if isinstance(part, ToolCall)
    ]
    reason = write_finish(reply.finish, bool(refusal))
    if calls and is_of_functions(asked.request):  # one call is all that such a client can take
        message["function_call"] = calls[0]["function"]
        reason = "function_call" if reason == "tool_calls" else reason
    elif calls and not said.get("function_call"):
        message["tool_calls"] = calls
    choice = {
        "index": 0,
        "message": message | said,
        "logprobs": None,
        "finish_reason": reason,
    }
    body = {
        "id": reply.id or asked.id,
        "object": "chat.completion",
        "created": reply.created or asked.created,
        "model": asked.model,
        "choices": [choice | beside, *own.get("choices", ())],
    }
    if reply.usage:
        body["usage"] = write_usage(reply.usage)
    counts = {"usage": own["usage"]} if "usage" in own else {}
    return over(body, own.get("answer", {}) | counts)


def _annotations(reply: Reply) -> Iterator[JSONDict]:
    start = 0
    for part in reply.parts:
        if isinstance(part, Text):
            end = start + len(part.text)
            for citation in part.citations:
                annotation = write_citation(citation, start, end)
                if annotation:
                    yield annotation
            start = end


def _text(reply: Reply) -> str | None:
    texts = [part.text for part in reply.parts if isinstance(part, Text)]
    return "".join(texts) if texts else None


def thoughts(parts: tuple[Part, ...]) -> JSONDict:
    """Thinking as clients of this format show it, and in a form that can come back.

    `reasoning_content` is DeepSeek's field, which most clients read; `reasoning_details` is
    OpenRouter's, and holds what a signature needs to survive until the next turn.
    """
    text = "".join(part.text for part in parts if isinstance(part, Thinking))
    details = [write_detail(p) for p in parts if isinstance(p, Thinking | RedactedThinking)]
    if not details:
        return {}
    shown = {"reasoning_content": text} if text else {}
    return shown | {"reasoning_details": details}


class _Answer(msgspec.Struct):
    """What accounting reads of an answer that is passed on as it is."""

    choices: list[msgspec.Raw] | None = None
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
    if not isinstance(answer.choices, list) or not answer.choices:
        raise UpstreamFailed("the upstream's answer has no choices", upstream_status=200)
    return read_usage(answer.usage) if isinstance(answer.usage, dict) and answer.usage else None
