"""Deepgram's format: the file itself to `POST /v1/listen?model=…`.

Source: https://developers.deepgram.com/reference/speech-to-text/listen-pre-recorded (read 2026-11)
"""

from urllib.parse import urlencode

from gateway.formats.failures import decode_error
from gateway.formats.needs import inner, members
from gateway.formats.reading import dropped_names
from gateway.formats.transcriptions.hearing import (
    heard,
    no_translation,
    seconds,
    speaker_of,
    words,
)
from gateway.formats.transcriptions.types import Segment, Transcript, TranscriptionRequest
from gateway.formats.types import Encoded, JSONDict, Quirks

__all__ = ["NAME", "address", "decode_error", "decode_response", "encode_request"]

NAME = "deepgram_transcriptions"
_PASSED = frozenset(
    [
        "diarize",
        "dictation",
        "filler_words",
        "keyterm",
        "keywords",
        "measurements",
        "mip_opt_out",
        "numerals",
        "profanity_filter",
        "punctuate",
        "redact",
        "replace",
        "search",
        "smart_format",
        "tag",
    ]
)


def address(model: str, stream: bool) -> str:
    return "/listen"


def encode_request(request: TranscriptionRequest, model: str, quirks: Quirks) -> Encoded:
    """Write a request; all but the file goes into the address. Raises `NotSupported` for a
    translation."""
    no_translation(request)
    query: JSONDict = {"model": model, "smart_format": "true"}
    if request.language is None:
        query["detect_language"] = "true"
    else:
        query["language"] = request.language
    if request.is_timed:
        query["utterances"] = "true"
    if request.shape == "diarized_json":
        query["diarize"] = "true"
    query |= {name: value for name, value in request.extras.items() if name in _PASSED}
    lost = [name for name in ("prompt", "temperature") if getattr(request, name) is not None]
    return Encoded(
        {"file": request.file},
        dropped_names([*lost, *sorted(request.extras.keys() - _PASSED)]),
        f"{address(model, False)}?{urlencode(query, doseq=True, errors='replace')}",
        file="file",
    )


def decode_response(body: JSONDict) -> Transcript:
    """Read an answer, of its channels the first. Raises `UpstreamFailed` for what is none."""
    results = inner(body, "results")
    channel = next(iter(members(results, "channels")), {})
    best = next(iter(members(channel, "alternatives")), {})
    return heard(
        best.get("transcript"),
        language=channel.get("detected_language"),
        duration=seconds(inner(body, "metadata").get("duration")),
        segments=tuple(
            Segment(
                row["transcript"],
                seconds(row.get("start")),
                seconds(row.get("end")),
                speaker_of(row),
            )
            for row in members(results, "utterances")
            if isinstance(row.get("transcript"), str)
        ),
        words=words(members(best, "words"), "punctuated_word", "word"),
    )
