"""ElevenLabs' format: a form to `POST /v1/speech-to-text`.

Source: https://elevenlabs.io/docs/api-reference/speech-to-text/convert (read 2026-11)
"""

from gateway.formats.failures import decode_error
from gateway.formats.needs import members
from gateway.formats.reading import dropped_names, given
from gateway.formats.transcriptions.hearing import heard, no_translation, seconds, words
from gateway.formats.transcriptions.types import Transcript, TranscriptionRequest
from gateway.formats.types import Encoded, JSONDict, Quirks

__all__ = ["NAME", "address", "decode_error", "decode_response", "encode_request"]

NAME = "elevenlabs_transcriptions"
_PASSED = frozenset(
    [
        "diarize",
        "diarization_threshold",
        "file_format",
        "keyterms",
        "num_speakers",
        "seed",
        "tag_audio_events",
    ]
)


def address(model: str, stream: bool) -> str:
    return "/speech-to-text"


def encode_request(request: TranscriptionRequest, model: str, quirks: Quirks) -> Encoded:
    """Write a request. Raises `NotSupported` for a translation."""
    no_translation(request)
    body: JSONDict = {
        "model_id": model,
        **given(language_code=request.language, temperature=request.temperature),
        **({"diarize": "true"} if request.shape == "diarized_json" else {}),
        **{name: value for name, value in request.extras.items() if name in _PASSED},
        "file": request.file,
    }
    lost = ["prompt"] if request.prompt is not None else []
    dropped = dropped_names([*lost, *sorted(request.extras.keys() - _PASSED)])
    return Encoded(body, dropped, form=True)


def decode_response(body: JSONDict) -> Transcript:
    """Read an answer. Raises `UpstreamFailed` for what is none. The sound is as long as is told, or
    else until the last word."""
    rows = [row for row in members(body, "words") if row.get("type") != "spacing"]
    spoken = words([row for row in rows if row.get("type") != "audio_event"], "text")
    told = seconds(body.get("audio_duration_secs"))
    last = max((seconds(row.get("end")) for row in rows), default=0.0)
    return heard(
        body.get("text"),
        language=body.get("language_code"),
        duration=told or last,
        words=spoken,
    )
