"""AssemblyAI's format: the file to `/v2/upload`, a task that refers to it, which is looked at until it
is done.

Source: https://www.assemblyai.com/docs/api-reference/transcripts/submit (read 2026-11)
"""

import re

from gateway.errors import UpstreamFailed
from gateway.formats.failures import clean, decode_error
from gateway.formats.needs import members
from gateway.formats.reading import dropped_names
from gateway.formats.transcriptions.hearing import (
    heard,
    no_translation,
    seconds,
    speaker_of,
    typed,
    words,
)
from gateway.formats.transcriptions.types import Segment, Transcript, TranscriptionRequest
from gateway.formats.types import Encoded, JSONDict, Quirks

__all__ = [
    "NAME",
    "address",
    "decode_error",
    "decode_response",
    "encode_following",
    "encode_request",
    "pending",
]

NAME = "assemblyai_transcriptions"
_MS = 0.001
_WAITING = ("queued", "processing")
_OLDER = ("best", "nano")  # which are named in another field
_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")
_PASSED = frozenset(
    [
        "disfluencies",
        "filter_profanity",
        "format_text",
        "keyterms_prompt",
        "punctuate",
        "redact_pii",
        "redact_pii_policies",
        "speaker_labels",
        "speakers_expected",
        "word_boost",
    ]
)


def address(model: str, stream: bool) -> str:
    return "/transcript"


def encode_request(request: TranscriptionRequest, model: str, quirks: Quirks) -> Encoded:
    """The file alone; what is asked of it follows. Raises `NotSupported` for a translation."""
    no_translation(request)
    lost = ["temperature"] if request.temperature is not None else []
    dropped = dropped_names([*lost, *sorted(request.extras.keys() - _PASSED)])
    return Encoded({"file": request.file}, dropped, "/upload", file="file")


def encode_following(uploaded: JSONDict, request: TranscriptionRequest, model: str) -> Encoded:
    """The request that refers to the file. Raises `UpstreamFailed` where it has no address."""
    url = uploaded.get("upload_url")
    if not isinstance(url, str) or not url:
        raise UpstreamFailed("the upstream did not say where the file is", upstream_status=200)
    body: JSONDict = {"audio_url": url}
    body |= {"speech_model": model} if model in _OLDER else {"speech_models": [model]}
    if request.language is None:
        body["language_detection"] = True
    else:
        body["language_code"] = request.language
    if request.prompt is not None:
        body["prompt"] = request.prompt
    if request.shape == "diarized_json":
        body["speaker_labels"] = True
    body |= {name: typed(told) for name, told in request.extras.items() if name in _PASSED}
    return Encoded(body, address=address(model, False))


def pending(body: JSONDict) -> tuple[bool, str]:
    """Is it to be looked at again, and where, if that is said?"""
    id = body.get("id")
    is_id = isinstance(id, str) and _ID.fullmatch(id)
    return body.get("status") in _WAITING, f"{address('', False)}/{id}" if is_id else ""


def decode_response(body: JSONDict) -> Transcript:
    """Read what became of a task. Raises `UpstreamFailed` where that is no text."""
    if body.get("status") == "error":
        told = body.get("error")
        words_of_it = clean(told) if isinstance(told, str) else ""
        raise UpstreamFailed(words_of_it or "the upstream heard nothing", upstream_status=200)
    return heard(
        body.get("text"),
        language=body.get("language_code"),
        duration=seconds(body.get("audio_duration")),
        segments=tuple(
            Segment(
                row["text"],
                seconds(row.get("start")) * _MS,
                seconds(row.get("end")) * _MS,
                speaker_of(row),
            )
            for row in members(body, "utterances")
            if isinstance(row.get("text"), str)
        ),
        words=words(members(body, "words"), "text", unit=_MS),
    )
