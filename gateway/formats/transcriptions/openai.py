"""OpenAI's format: `POST /v1/audio/transcriptions`; Groq's, Mistral's and others' too. Errors as of
`openai_chat`.

JSON and events are passed as they come. What a client wants as text or as subtitles is asked for as
JSON, which tells what it costs, and written here.

Source: https://platform.openai.com/docs/api-reference/audio/createTranscription (read 2026-11)
"""

import math
from typing import Any

from gateway.errors import BadRequest
from gateway.formats import wire
from gateway.formats.events import Events
from gateway.formats.failures import decode_error, reported
from gateway.formats.length import milliseconds
from gateway.formats.multipart import Incoming
from gateway.formats.needs import members
from gateway.formats.openai_chat import encode_error
from gateway.formats.reading import (
    as_object,
    count,
    given,
    one_of,
    optional,
    others,
    readdress,
    required,
    strings,
    wrong,
)
from gateway.formats.transcriptions.answers import encode_answer
from gateway.formats.transcriptions.hearing import heard, no_translation, rows, seconds, words
from gateway.formats.transcriptions.types import Transcript, TranscriptionRequest
from gateway.formats.types import Encoded, JSONDict, Quirks, Usage

__all__ = [
    "NAME",
    "STREAMED_FILE",
    "address",
    "check_request",
    "decode_error",
    "decode_request",
    "decode_response",
    "encode_answer",
    "encode_error",
    "encode_request",
    "file_units",
    "is_passed",
    "max_tokens",
    "passage",
    "readdress",
    "sniff_response",
    "units",
    "wants",
]

NAME = "openai_transcriptions"
STREAMED_FILE = "file"
SHAPES = ("json", "text", "srt", "verbose_json", "vtt", "diarized_json")
GRANULARITIES = ("word", "segment")

_AS_IT_COMES = (None, "", "json", "verbose_json", "diarized_json")
_KNOWN = frozenset(
    [
        "model",
        "file",
        "language",
        "prompt",
        "temperature",
        "response_format",
        "timestamp_granularities",
        "stream",
    ]
)


def address(model: str, stream: bool) -> str:
    """Where its upstreams take requests, under their base URL."""
    return "/audio/transcriptions"


def wants(path: str, body: JSONDict) -> tuple[str, bool]:
    """The model, and whether events are wanted."""
    model = body.get("model")
    return model if isinstance(model, str) else "", body.get("stream") == "true"


def max_tokens(body: JSONDict) -> int:
    """How much will be said, nobody knows."""
    return 0


def units(body: JSONDict) -> dict[str, int]:
    """What only the file tells; see `file_units`."""
    return {}


def file_units(head: bytes, size: int) -> dict[str, int]:
    """The length of the sound, for prices that are for this."""
    return {"milliseconds": milliseconds(head, size)}


def is_passed(body: JSONDict) -> bool:
    """Is the answer the provider's own, where it speaks this format?"""
    return body.get("stream") == "true" or body.get("response_format") in _AS_IT_COMES


def passage(body: JSONDict) -> Events:
    return Events(read_usage)


def check_request(body: JSONDict) -> None:
    """What must be right before a form is relayed as it is.

    Raises:
        BadRequest: A field is missing or of the wrong type; it is named.
    """
    if not required(body, "model", str):
        raise BadRequest("model: a value is missing", param="model")
    if "file" not in body:
        raise BadRequest("file: a value is missing", param="file")
    if not isinstance(body["file"], Incoming):
        raise wrong("file", "one file")
    for name in ("language", "prompt", "response_format"):
        optional(body, name, str)
    one_of(body.get("response_format") or None, SHAPES, "response_format")
    _temperature(body)
    for granularity in strings(body, "timestamp_granularities"):
        one_of(granularity, GRANULARITIES, "timestamp_granularities")


def _temperature(body: JSONDict) -> float | None:
    told = optional(body, "temperature", str)
    try:
        found = float(told) if told else None
    except ValueError:
        found = math.nan
    if found is not None and not math.isfinite(found):
        raise wrong("temperature", "a number")
    return found


def decode_request(body: JSONDict) -> TranscriptionRequest:
    """Read a request.

    Raises:
        BadRequest: A field is missing or of the wrong type; it is named.
    """
    check_request(body)
    shape: Any = body.get("response_format") or "json"
    return TranscriptionRequest(
        model=body["model"],
        file=body["file"],
        shape=shape,
        language=body.get("language") or None,
        prompt=body.get("prompt") or None,
        temperature=_temperature(body),
        granularities=strings(body, "timestamp_granularities"),
        extras=others(body, _KNOWN),
    )


def encode_request(request: TranscriptionRequest, model: str, quirks: Quirks) -> Encoded:
    """Write a request: the answer is to be JSON. Raises `NotSupported` for a translation."""
    no_translation(request)
    return Encoded(fields(request, model), form=True)


def fields(request: TranscriptionRequest, model: str) -> JSONDict:
    """What the form says. Whisper tells the length of the sound in its longer answers only; other
    models do not know these."""
    long = request.is_timed or "whisper" in model
    body: JSONDict = {
        "model": model,
        "response_format": "verbose_json" if long else "json",
        **given(language=request.language, prompt=request.prompt, temperature=request.temperature),
        **request.extras,
        "file": request.file,
    }
    if request.granularities:
        body["timestamp_granularities"] = list(request.granularities)
    return body


def decode_response(body: JSONDict) -> Transcript:
    """Read an answer. Raises `UpstreamFailed` for what is none, an error in a 200 included."""
    if body.get("error"):
        raise reported(body["error"])
    said = words(members(body, "words"), "word", "text")
    transcript = heard(
        body.get("text"),
        language=body.get("language"),
        duration=seconds(body.get("duration")),
        segments=rows(body, "segments"),
        words=said,
    )
    return Transcript(
        text=transcript.text,
        language=transcript.language,
        duration=transcript.duration,
        segments=transcript.segments,
        words=said,
        usage=read_usage(body) or transcript.usage,
    )


def read_usage(body: JSONDict) -> Usage | None:
    """Of an answer or an event: tokens, or the length of the sound; null where it tells neither."""
    told = as_object(body.get("usage"))
    if "seconds" in told:
        return Usage(units={"milliseconds": math.ceil(seconds(told["seconds"]) * 1000)})
    if "input_tokens" in told:
        asked = count(told["input_tokens"])
        details = as_object(told.get("input_token_details", told.get("input_tokens_details")))
        sound = count(details["audio_tokens"]) if "audio_tokens" in details else asked
        units = {"audio_input_tokens": min(sound, asked), "milliseconds": 0}
        return Usage(asked, count(told.get("output_tokens")), units=units)
    if "duration" in body:
        return Usage(units={"milliseconds": math.ceil(seconds(body["duration"]) * 1000)})
    return None


def sniff_response(data: bytes) -> Usage | None:
    """The usage in an answer that is relayed. Raises `UpstreamFailed` for what is no answer."""
    try:
        body = wire.loads(data)
    except ValueError:
        body = None
    return decode_response(body if isinstance(body, dict) else {}).usage
