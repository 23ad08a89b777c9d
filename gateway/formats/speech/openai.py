"""OpenAI's format: `POST /v1/audio/speech`; Azure's, Groq's and others' too. Errors as of `openai_chat`.

Source: https://platform.openai.com/docs/api-reference/audio/createSpeech (read 2026-11)
"""

from typing import Any, get_args

from gateway.errors import BadRequest, NotSupported
from gateway.formats.events import Events
from gateway.formats.failures import decode_error
from gateway.formats.openai_chat import encode_error
from gateway.formats.passage import Passage
from gateway.formats.reading import (
    as_object,
    count,
    given,
    is_a,
    one_of,
    optional,
    others,
    readdress,
    required,
    wrong,
)
from gateway.formats.speech.types import Sound, SpeechRequest
from gateway.formats.types import Encoded, JSONDict, Quirks, Usage

__all__ = [
    "NAME",
    "address",
    "check_request",
    "decode_error",
    "decode_request",
    "encode_error",
    "encode_request",
    "max_tokens",
    "passage",
    "readdress",
    "units",
    "wants",
]

NAME = "openai_speech"
SOUNDS = get_args(Sound)

_RAW_BYTES_PER_S = 48_000  # 24 kHz, 16 bit
_MS_A_CHARACTER = 67  # of a text that is read aloud: 150 words a minute

_KNOWN = frozenset(
    ["model", "input", "voice", "response_format", "speed", "instructions", "stream_format"]
)


def address(model: str, stream: bool) -> str:
    """Where its upstreams take requests, under their base URL."""
    return "/audio/speech"


def wants(path: str, body: JSONDict) -> tuple[str, bool]:
    """The model, and that its answer is passed on as it comes."""
    model = body.get("model")
    return model if isinstance(model, str) else "", True


def passage(body: JSONDict) -> Events | Passage:
    """Sound as it comes, which may be paid by its length; of events the last tells what was used."""
    if body.get("stream_format") == "sse":
        return Events(read_usage)
    return Passage(_RAW_BYTES_PER_S if body.get("response_format") == "pcm" else 0)


def read_usage(event: JSONDict) -> Usage | None:
    told = as_object(event.get("usage"))
    if not told:
        return None
    out = count(told.get("output_tokens"))
    return Usage(count(told.get("input_tokens")), out, units={"audio_output_tokens": out})


def max_tokens(body: JSONDict) -> int:
    """How long it will sound, nobody knows."""
    return 0


def units(body: JSONDict) -> dict[str, int]:
    """Characters, for prices that are for these; and for how long they will be spoken, about."""
    text = body.get("input")
    if not isinstance(text, str):
        return {}
    return {"characters": len(text), "milliseconds": len(text) * _MS_A_CHARACTER}


def check_request(body: JSONDict) -> None:
    """What must be right before a body is relayed as it is.

    Raises:
        BadRequest: A field is missing or of the wrong type; it is named.
    """
    for name in ("model", "input"):
        if not required(body, name, str):
            raise BadRequest(f"{name}: a value is missing", param=name)
    voice = body.get("voice")
    if voice is not None and not isinstance(voice, str | dict):
        raise wrong("voice", "a string or an object")
    optional(body, "response_format", str)
    optional(body, "speed", float)
    optional(body, "instructions", str)
    optional(body, "stream_format", str)


def decode_request(body: JSONDict) -> SpeechRequest:
    """Read a request.

    Raises:
        BadRequest: A field is missing or of the wrong type; it is named.
        NotSupported: It wants events in place of sound.
    """
    check_request(body)
    sound: Any = body.get("response_format") or "mp3"
    one_of(sound, SOUNDS, "response_format")
    if body.get("stream_format") not in (None, "audio"):
        raise NotSupported(
            "stream_format: this provider sends sound and no events", param="stream_format"
        )
    return SpeechRequest(
        model=body["model"],
        text=body["input"],
        voice=_voice(body.get("voice")),
        sound=sound,
        speed=body.get("speed"),
        instructions=body.get("instructions"),
        extras=others(body, _KNOWN),
    )


def _voice(told: Any) -> str:
    voice = told.get("id") if isinstance(told, dict) else told
    if not is_a(voice, str) or not voice:
        raise BadRequest("voice: a value is missing", param="voice")
    return str(voice)


def encode_request(request: SpeechRequest, model: str, quirks: Quirks) -> Encoded:
    """Write a request."""
    body: JSONDict = {
        "model": model,
        "input": request.text,
        "voice": request.voice,
        "response_format": request.sound,
    }
    body |= given(speed=request.speed, instructions=request.instructions)
    return Encoded(body | request.extras)
