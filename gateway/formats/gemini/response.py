"""Answers: Google's JSON to and from the neutral form.

Source: https://ai.google.dev/api/generate-content#v1beta.GenerateContentResponse (read 2026-11)
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from gateway.errors import BadRequest, UpstreamFailed
from gateway.formats.failures import read_leniently, reported
from gateway.formats.gemini import grounding
from gateway.formats.gemini.calls import Ids
from gateway.formats.gemini.parts import Writer, joined, read_part, with_extras, write_part
from gateway.formats.gemini.signing import NAME
from gateway.formats.needs import members
from gateway.formats.reading import count, others
from gateway.formats.types import (
    Asked,
    Finish,
    JSONDict,
    Opaque,
    Part,
    RedactedThinking,
    Reply,
    Text,
    Thinking,
    ToolCall,
    Usage,
)

FINISH: dict[str, Finish] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "LANGUAGE": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "IMAGE_PROHIBITED_CONTENT": "content_filter",
    "IMAGE_RECITATION": "content_filter",
    "MODEL_ARMOR": "content_filter",
}
FINISH_OUT: dict[Finish, str] = {
    "stop": "STOP",
    "stop_sequence": "STOP",
    "tool_calls": "STOP",
    "length": "MAX_TOKENS",
    "content_filter": "SAFETY",
    "refusal": "SAFETY",
}
# As protocol buffers number them.
_NUMBERS = ("", "STOP", "MAX_TOKENS", "SAFETY", "RECITATION")
_COUNTS = (
    "promptTokenCount",
    "candidatesTokenCount",
    "thoughtsTokenCount",
    "toolUsePromptTokenCount",
    "cachedContentTokenCount",
)


def read_finish(reason: object, has_calls: bool) -> Finish:
    """A finish reason; Google says STOP where functions are to be called too.

    What is unknown is a stop, and a broken call too (MALFORMED_FUNCTION_CALL): there is none.
    """
    if isinstance(reason, int) and 0 <= reason < len(_NUMBERS):
        reason = _NUMBERS[reason]
    finish = FINISH.get(reason, "stop") if isinstance(reason, str) else "stop"
    return "tool_calls" if finish == "stop" and has_calls else finish


def read_usage(usage: object) -> Usage | None:
    """Read `usageMetadata` of an answer or of a stream's chunk.

    What hosted tools put into the prompt (`toolUsePromptTokenCount`) is input and not part of
    `promptTokenCount`, which includes what came from a cache; thoughts are output and not part of
    `candidatesTokenCount`.

    Args:
        usage: Counts by name, as received; what is absent, null or no number is 0.

    Returns:
        Counts in tokens, each >= 0, with cache_read_tokens <= input_tokens; null where it counts
        nothing (Vertex begins with the kind of traffic alone).

    Source: https://ai.google.dev/api/generate-content#UsageMetadata (read 2026-11)
    """
    if not isinstance(usage, dict) or not counts(usage):
        return None
    asked = count(usage.get("promptTokenCount")) + count(usage.get("toolUsePromptTokenCount"))
    thought = count(usage.get("thoughtsTokenCount"))
    return Usage(
        input_tokens=asked,
        output_tokens=count(usage.get("candidatesTokenCount")) + thought,
        cache_read_tokens=min(count(usage.get("cachedContentTokenCount")), asked),
        reasoning_tokens=thought,
        units=media_tokens(usage),
    )


_MODALITIES = {"AUDIO": "audio", "IMAGE": "image"}
_DETAILS = {"promptTokensDetails": "input", "candidatesTokensDetails": "output"}
_CACHED = "cacheTokensDetails"


def media_tokens(usage: JSONDict) -> dict[str, int]:
    """Of the tokens those of sounds and images, of which some models have a price apart.

    What came from a cache is paid as such, whatever it is of, and stands among the prompt's too.
    """
    found = {
        f"{kind}_{way}_tokens": _of_modality(usage, name, modality)
        for name, way in _DETAILS.items()
        for modality, kind in _MODALITIES.items()
    }
    for modality, kind in _MODALITIES.items():
        found[f"{kind}_input_tokens"] -= _of_modality(usage, _CACHED, modality)
    return {unit: number for unit, number in found.items() if number > 0}


def _of_modality(usage: JSONDict, name: str, modality: str) -> int:
    rows = members(usage, name)
    return sum(count(row.get("tokenCount")) for row in rows if row.get("modality") == modality)


def counts(usage: JSONDict) -> bool:
    """Does it tell any count?"""
    return "promptTokenCount" in usage or any(name in usage for name in _COUNTS)


def write_usage(usage: Usage) -> JSONDict:
    told: JSONDict = {
        "promptTokenCount": usage.input_tokens,
        "candidatesTokenCount": max(usage.output_tokens - usage.reasoning_tokens, 0),
        "totalTokenCount": usage.input_tokens + usage.output_tokens,
    }
    if usage.cache_read_tokens:
        told["cachedContentTokenCount"] = usage.cache_read_tokens
    if usage.reasoning_tokens:
        told["thoughtsTokenCount"] = usage.reasoning_tokens
    for name, way in _DETAILS.items():
        details = [
            {"modality": modality, "tokenCount": number}
            for modality, kind in _MODALITIES.items()
            if (number := usage.units.get(f"{kind}_{way}_tokens"))
        ]
        if details:
            told[name] = details
    return told


# --- Reading -----------------------------------------------------------------------------------


def decode_response(body: JSONDict) -> Reply:
    """Read an answer. Raises `UpstreamFailed` for what is none, an error in a 200 included.

    A prompt that was blocked is an answer too: one without parts.
    """
    candidate = _candidate(body)
    id = text_of(body.get("responseId"))
    content = candidate.get("content")
    told = content.get("parts") if isinstance(content, dict) else None
    ids = Ids(id)
    found = [p for part in (told if isinstance(told, list) else []) for p in answer_part(part, ids)]
    parts = _cited(joined(found), candidate)
    has_calls = any(isinstance(part, ToolCall) for part in parts)
    finish = read_finish(candidate.get("finishReason"), has_calls)
    return Reply(
        id=id,
        model=text_of(body.get("modelVersion")),
        parts=parts,
        finish=finish if candidate else "content_filter",
        usage=read_usage(body.get("usageMetadata")),
        extras={NAME: _extras(body, candidate)},
    )


def _candidate(body: JSONDict) -> JSONDict:
    """The first; an empty one where the prompt was blocked."""
    if body.get("error"):
        raise reported(body["error"])
    candidates = body.get("candidates")
    if isinstance(candidates, list) and candidates and isinstance(candidates[0], dict):
        first: JSONDict = candidates[0]
        return first or {"index": 0}
    if not is_blocked(body.get("promptFeedback")):
        raise UpstreamFailed("the upstream's answer has no candidates", upstream_status=200)
    return {}


def is_blocked(feedback: object) -> bool:
    return isinstance(feedback, dict) and bool(feedback.get("blockReason"))


def text_of(value: object) -> str:
    return value if isinstance(value, str) else ""


def answer_part(part: object, ids: Ids) -> list[Part]:
    """A part of an answer; one that is not as it should be is passed on to those who know."""
    if not isinstance(part, dict):
        return []
    try:
        return read_part(part, "", ids)
    except BadRequest:
        return [Opaque(format=NAME, value=part)]


def _cited(parts: tuple[Part, ...], candidate: JSONDict) -> tuple[Part, ...]:
    """The parts with the citations at the last text, where a stream has them too."""
    places = [place for place, part in enumerate(parts) if isinstance(part, Text)]
    if not places:
        return parts
    texts = [part.text for part in parts if isinstance(part, Text)]
    citations = tuple(grounding.read(candidate, "".join(texts)))
    if not citations:
        return parts
    last = msgspec.structs.replace(parts[places[-1]], citations=citations)
    return (*parts[: places[-1]], last, *parts[places[-1] + 1 :])


def _extras(body: JSONDict, candidate: JSONDict) -> JSONDict:
    """What the neutral form has no place for, and what it says in other words."""
    known = frozenset(["candidates", "modelVersion", "responseId"])
    content = candidate.get("content")
    told = content if isinstance(content, dict) else None
    return {
        "body": others(body, known),
        "candidate": others(candidate, frozenset(["content"])) if candidate else None,
        # null: written from the parts; there may be none, or not even a list of them
        "content": told and told | ({"parts": None} if told.get("parts") else {}),
        "more": (body.get("candidates") or [])[1:],
    }


# --- Writing -----------------------------------------------------------------------------------


def encode_response(reply: Reply, asked: Asked) -> JSONDict:
    """Write an answer."""
    told = reply.extras.get(NAME)
    head = {"modelVersion": asked.model, "responseId": reply.id or asked.id}
    if isinstance(told, dict):
        return _as_told(reply, told) | head
    candidate: JSONDict = {
        "content": {"role": "model", "parts": write_parts(reply.parts, False)},
        "finishReason": FINISH_OUT[reply.finish],
        "index": 0,
    }
    texts = [part for part in reply.parts if isinstance(part, Text)]
    cited = grounding.write([(cited, part.text) for part in texts for cited in part.citations])
    if cited:
        candidate["groundingMetadata"] = cited
    usage = {"usageMetadata": write_usage(reply.usage)} if reply.usage else {}
    return {"candidates": [candidate], **usage, **head}


def _as_told(reply: Reply, told: JSONDict) -> JSONDict:
    """An answer that came in this format: with all that it said."""
    candidate, content = told["candidate"], told["content"]
    body: JSONDict = told["body"]
    if candidate is None:  # the prompt was blocked
        return body
    if content and content.get("parts", ()) is None:
        content = content | {"parts": write_parts(reply.parts, True)}
    if content is not None:
        candidate = {"content": content} | candidate
    return {"candidates": [candidate, *told["more"]], **body}


def write_parts(parts: tuple[Part, ...], native: bool) -> list[JSONDict]:
    """The parts of an answer that this format has; at least one."""
    writer = Writer()
    for part in parts:
        if isinstance(part, Thinking | RedactedThinking):
            writer.think(part)
        elif not isinstance(part, Opaque) or part.format == NAME:
            sent = write_part(part, {})
            writer.add(with_extras(sent, part.extras) if native else sent)
    return writer.done()


class _Answer(msgspec.Struct):
    """What accounting reads of an answer that is passed on as it is."""

    candidates: list[msgspec.Raw] | None = None
    usageMetadata: dict[str, Any] | None = None
    promptFeedback: dict[str, Any] | None = None
    error: Any = None


_read_answer = msgspec.json.Decoder(_Answer).decode


def sniff_response(data: bytes) -> Usage | None:
    """The usage in an answer that is relayed. Raises `UpstreamFailed` for what is no answer."""
    try:
        answer = _read_answer(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        answer = read_leniently(data, _Answer)
    told: Mapping[str, Any] = {
        "error": answer.error,
        "candidates": [{}] if isinstance(answer.candidates, list) and answer.candidates else None,
        "promptFeedback": answer.promptFeedback,
    }
    _candidate(dict(told))
    return read_usage(answer.usageMetadata)
