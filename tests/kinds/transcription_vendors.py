"""How vendors of transcriptions answer, each in its own shape.

Sources: platform.openai.com/docs/api-reference/audio, console.groq.com/docs/speech-to-text,
developers.deepgram.com/reference/speech-to-text/listen-pre-recorded,
assemblyai.com/docs/api-reference/transcripts, elevenlabs.io/docs/api-reference/speech-to-text/convert
(read 2026-11).
"""

import json
from typing import Any

from gateway.formats import multipart
from gateway.formats.multipart import Upload
from tests.kinds.vendor import Answer, Refused, Seen, Stream

SAID = "Good morning. How are you?"
TOKENS = {
    "type": "tokens", "input_tokens": 14, "output_tokens": 45, "total_tokens": 59,
    "input_token_details": {"text_tokens": 4, "audio_tokens": 10},
}  # fmt: skip
TIMES = [("Good", 0.1, 0.4), ("morning.", 0.5, 1.0), ("How", 1.2, 1.4), ("are", 1.5, 1.6),
         ("you?", 1.7, 2.0)]  # fmt: skip


def form(seen: Seen) -> dict[str, Any]:
    return multipart.parse(seen.headers["content-type"], seen.raw)


def event(**told: Any) -> bytes:
    return b"data: " + json.dumps(told).encode() + b"\n\n"


def events(*more: bytes) -> list[bytes]:
    deltas = [event(type="transcript.text.delta", delta=word) for word in SAID.split()]
    return [*deltas, *more]


DONE = event(type="transcript.text.done", text=SAID, usage=TOKENS)


def openai(seen: Seen) -> Any:
    told = form(seen)
    match told["model"]:
        case "broken":
            raise Refused(500, {"error": {"message": "out of order", "type": "server_error"}})
        case "silence":
            raise Refused(400, {"error": {"message": "no sound in it", "param": "file"}})
        case "cut":
            return Stream("text/event-stream", events(), breaks=True)
        case "failing":
            return Stream("text/event-stream", events(event(error={"message": "too loud"})))
    if told["model"] == "tokens":
        if told.get("stream") == "true":
            return Stream("text/event-stream", events(DONE))
        return {"text": SAID, "usage": TOKENS, "vendor_field": 7}
    assert told.get("response_format") not in ("srt", "vtt", "text")
    if told.get("response_format") != "verbose_json":
        return {"text": SAID, "usage": {"type": "duration", "seconds": 3}}
    segments = [
        {"id": 0, "seek": 0, "start": 0.0, "end": 1.0, "text": " Good morning.", "tokens": [1]},
        {"id": 1, "seek": 0, "start": 1.0, "end": 2.0, "text": " How are you?", "tokens": [2]},
    ]
    return {
        "task": "translate" if "translations" in seen.path else "transcribe",
        "language": "english", "duration": 2.4, "text": SAID, "segments": segments,
    }  # fmt: skip


def groq(seen: Seen) -> Any:
    told = form(seen)
    if told.get("response_format", "json") not in ("json", "verbose_json", "text"):
        raise Refused(400, {"error": {"message": "response_format"}})
    if told.get("response_format") == "verbose_json":
        return {"task": "transcribe", "language": "English", "duration": 2.4, "text": SAID,
                "segments": [], "x_groq": {"id": "req_1"}}  # fmt: skip
    return {"text": SAID, "x_groq": {"id": "req_1"}}


def deepgram(seen: Seen) -> Any:
    if not seen.headers.get("authorization", "").startswith("Token "):
        raise Refused(401, {"err_code": "INVALID_AUTH", "err_msg": "no"})
    words = [
        {"word": text.lower().strip(".?"), "start": start, "end": end, "confidence": 0.9,
         "punctuated_word": text, "speaker": 0}
        for text, start, end in TIMES
    ]  # fmt: skip
    best = {"transcript": SAID, "confidence": 0.9, "words": words}
    return {
        "metadata": {"request_id": "d1", "duration": 2.4, "channels": 1},
        "results": {"channels": [{"alternatives": [best], "detected_language": "en"}]},
    }


UPLOADED = "https://cdn.assemblyai.example/upload/u1"


def assemblyai(seen: Seen) -> Any:
    if seen.headers.get("authorization", "").startswith("Bearer"):
        raise Refused(401, {"error": "Authentication error, API token missing/invalid"})
    if seen.path == "/upload":
        return {"upload_url": UPLOADED}
    if seen.path == "/transcript":
        LOOKS.clear()
        model = seen.body.get("speech_models", ["best"])[0]
        return {"id": f"t-{model}", "status": "queued", "audio_url": seen.body["audio_url"]}
    LOOKS.append(seen)
    id = seen.path.rpartition("/")[2]
    if len(LOOKS) == 1:
        return {"id": id, "status": "processing", "text": None}
    if id == "t-mute":
        return {"id": id, "status": "error", "error": "no spoken audio"}
    words = [
        {"text": text, "start": round(start * 1000), "end": round(end * 1000), "confidence": 0.9}
        for text, start, end in TIMES
    ]
    return {"id": id, "status": "completed", "text": SAID, "words": words, "audio_duration": 3,
            "language_code": "en_us"}  # fmt: skip


LOOKS: list[Seen] = []


def elevenlabs(seen: Seen) -> Any:
    if "xi-api-key" not in seen.headers:
        raise Refused(401, {"detail": {"status": "invalid_api_key", "message": "no"}})
    spoken = [
        {"text": text, "start": start, "end": end, "type": "word", "speaker_id": "speaker_0"}
        for text, start, end in TIMES
    ]
    gap = {"text": " ", "start": 0.4, "end": 0.5, "type": "spacing", "speaker_id": "speaker_0"}
    return {"language_code": "eng", "language_probability": 0.9, "text": SAID,
            "words": [spoken[0], gap, *spoken[1:]]}  # fmt: skip


def sound_of(seen: Seen) -> bytes:
    """The file as it arrived."""
    kind = seen.headers["content-type"]
    if not multipart.is_form(kind):
        return seen.raw
    file: Upload = form(seen)["file"]
    return file.data


ANSWERS: dict[str, Answer] = {
    "stt-openai": openai,
    "stt-groq": groq,
    "stt-deepgram": deepgram,
    "stt-assemblyai": assemblyai,
    "stt-elevenlabs": elevenlabs,
}
