"""ElevenLabs' format: `POST /v1/text-to-speech/{voice}/stream`.

Source: https://elevenlabs.io/docs/api-reference/text-to-speech/stream (read 2026-11)
"""

from urllib.parse import quote

from gateway.errors import NotSupported
from gateway.formats.failures import decode_error
from gateway.formats.reading import dropped_names
from gateway.formats.speech.types import Sound, SpeechRequest
from gateway.formats.types import Encoded, JSONDict, Quirks

__all__ = ["NAME", "address", "decode_error", "encode_request"]

NAME = "elevenlabs_speech"
_SOUNDS: dict[Sound, str] = {
    "mp3": "mp3_44100_128",
    "opus": "opus_48000_128",
    "pcm": "pcm_24000",
    "wav": "wav_24000",
}
_PASSED = frozenset(
    [
        "language_code",
        "voice_settings",
        "seed",
        "previous_text",
        "next_text",
        "apply_text_normalization",
    ]
)


def address(model: str, stream: bool) -> str:
    """Without the voice, which each request has in its own."""
    return "/text-to-speech"


def encode_request(request: SpeechRequest, model: str, quirks: Quirks) -> Encoded:
    """Write a request; the voice, an id of theirs, and the sound go into the address.

    Raises:
        NotSupported: Such a sound is not made here.
    """
    sound = _SOUNDS.get(request.sound)
    if sound is None:
        raise NotSupported(
            f"response_format: {request.sound} is not available at this provider",
            param="response_format",
        )
    body: JSONDict = {name: v for name, v in request.extras.items() if name in _PASSED}
    if request.speed is not None:
        settings = body.get("voice_settings")
        own = settings if isinstance(settings, dict) else {}
        body["voice_settings"] = {"speed": request.speed, **own}
    dropped = sorted(request.extras.keys() - _PASSED)
    if request.instructions is not None:
        dropped.append("instructions")
    return Encoded(
        {"text": request.text, "model_id": model, **body},
        dropped_names(dropped),
        f"{address(model, True)}/{_segment(request.voice)}/stream?output_format={sound}",
    )


def _segment(voice: str) -> str:
    """As one step of a path, whatever is in it.

    Raises:
        NotSupported: It is one of the two that mean another place.
    """
    if voice in (".", ".."):
        raise NotSupported(f"voice: {voice!r} is none", param="voice")
    return quote(voice, safe="", errors="replace")
