"""Deepgram's format: `POST /v1/speak?model=…`, whose model is a voice.

Source: https://developers.deepgram.com/reference/text-to-speech/speak-request (read 2026-11)
"""

from urllib.parse import urlencode

from gateway.formats.failures import decode_error
from gateway.formats.reading import dropped_names
from gateway.formats.speech.types import Sound, SpeechRequest
from gateway.formats.types import Encoded, Quirks

__all__ = ["NAME", "address", "decode_error", "encode_request"]

NAME = "deepgram_speech"
_SOUNDS: dict[Sound, dict[str, str]] = {
    "mp3": {"encoding": "mp3"},
    "opus": {"encoding": "opus"},
    "aac": {"encoding": "aac"},
    "flac": {"encoding": "flac"},
    "wav": {"encoding": "linear16", "container": "wav"},
    "pcm": {"encoding": "linear16", "container": "none", "sample_rate": "24000"},
}


def address(model: str, stream: bool) -> str:
    return "/speak"


def encode_request(request: SpeechRequest, model: str, quirks: Quirks) -> Encoded:
    """Write a request; all but the text goes into the address. A voice that is named beside the
    model is left out, and told."""
    query = {"model": model, **_SOUNDS[request.sound]}
    dropped = ["voice"] if request.voice != model else []
    dropped += [name for name in ("speed", "instructions") if getattr(request, name) is not None]
    dropped += sorted(request.extras)
    return Encoded(
        {"text": request.text},
        dropped_names(dropped),
        f"{address(model, True)}?{urlencode(query, errors='replace')}",
    )
