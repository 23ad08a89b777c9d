"""What was said, as OpenAI's clients want it: JSON, short or long, a text, subtitles, or events."""

from collections.abc import Iterable

from gateway.formats import sse, wire
from gateway.formats.reading import given
from gateway.formats.transcriptions.types import Segment, Transcript, Word
from gateway.formats.types import Asked, JSONDict, Usage

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"


def encode_answer(reply: Transcript, asked: Asked) -> tuple[bytes, str]:
    """The answer and its content type; of a stream all events, since all is there."""
    if asked.request.get("stream") == "true":
        return _events(reply), sse.CONTENT_TYPE
    match asked.request.get("response_format"):
        case "text":
            return f"{reply.text}\n".encode(errors="replace"), TEXT
        case "srt":
            return _srt(reply).encode(errors="replace"), TEXT
        case "vtt":
            return _vtt(reply).encode(errors="replace"), TEXT
        case "verbose_json":
            return wire.dumps(_long(reply, asked.request)), JSON
        case "diarized_json":
            return wire.dumps(_by_speaker(reply)), JSON
    return wire.dumps({"text": reply.text, **_usage(reply.usage)}), JSON


def _events(reply: Transcript) -> bytes:
    delta = {"type": "transcript.text.delta", "delta": reply.text}
    usage = _usage(reply.usage)
    counts = (
        usage if usage.get("usage", {}).get("type") == "tokens" else {}
    )  # of others it knows none
    done = {"type": "transcript.text.done", "text": reply.text, **counts}
    return b"".join(sse.frame(wire.dumps(event)) for event in (delta, done))


def _usage(usage: Usage | None) -> JSONDict:
    if usage is None:
        return {}
    if not (usage.input_tokens or usage.output_tokens):
        length = usage.units.get("milliseconds", 0) / 1000
        return {"usage": {"type": "duration", "seconds": length}}
    sound = usage.units.get("audio_input_tokens", 0)
    return {
        "usage": {
            "type": "tokens",
            "input_tokens": usage.input_tokens,
            "output_tokens": usage.output_tokens,
            "total_tokens": usage.input_tokens + usage.output_tokens,
            "input_token_details": {
                "audio_tokens": sound,
                "text_tokens": usage.input_tokens - sound,
            },
        }
    }


def _long(reply: Transcript, request: JSONDict) -> JSONDict:
    told = request.get("timestamp_granularities")
    granularities = told if isinstance(told, list) else [told or "segment"]
    body: JSONDict = {
        "task": "transcribe",
        "language": reply.language or "",
        "duration": reply.duration or 0.0,
        "text": reply.text,
    }
    if "segment" in granularities:
        body["segments"] = [_segment(*each) for each in enumerate(reply.segments)]
    if "word" in granularities:
        body["words"] = [_word(each) for each in reply.words]
    return body | _usage(reply.usage)


def _segment(number: int, segment: Segment) -> JSONDict:
    """With what OpenAI's clients want to see in it, though only Whisper knows that."""
    return {
        "id": number,
        "seek": 0,
        "start": segment.start,
        "end": segment.end,
        "text": segment.text,
        "tokens": [],
        "temperature": 0.0,
        "avg_logprob": 0.0,
        "compression_ratio": 0.0,
        "no_speech_prob": 0.0,
    } | given(speaker=segment.speaker)


def _word(word: Word) -> JSONDict:
    return {"word": word.text, "start": word.start, "end": word.end}


def _by_speaker(reply: Transcript) -> JSONDict:
    return {
        "task": "transcribe",
        "duration": reply.duration or 0.0,
        "text": reply.text,
        "segments": [
            {
                "type": "transcript.text.segment",
                "id": f"seg_{number:03}",
                "start": segment.start,
                "end": segment.end,
                "text": segment.text,
                "speaker": segment.speaker or "A",
            }
            for number, segment in enumerate(reply.segments, 1)
        ],
        **_usage(reply.usage),
    }


# --- Subtitles ---------------------------------------------------------------------------------


def _srt(reply: Transcript) -> str:
    return "".join(
        f"{number}\n{_clock(each.start, ',')} --> {_clock(each.end, ',')}\n{_lines(each.text)}\n\n"
        for number, each in enumerate(_shown(reply), 1)
    )


def _vtt(reply: Transcript) -> str:
    cues = (
        f"{_clock(each.start, '.')} --> {_clock(each.end, '.')}\n{_lines(each.text)}\n\n"
        for each in _shown(reply)
    )
    return "WEBVTT\n\n" + "".join(cues)


def _shown(reply: Transcript) -> Iterable[Segment]:
    """All at once where nobody knows when it was said."""
    if reply.segments or not reply.text.strip():
        return reply.segments
    return (Segment(reply.text, 0.0, reply.duration or 0.0),)


def _lines(text: str) -> str:
    """An empty line would end the subtitle."""
    return " ".join(text.split()).replace("-->", "→")


def _clock(seconds: float, point: str) -> str:
    ms = round(seconds * 1000)
    minutes, ms = divmod(ms, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{ms // 1000:02}{point}{ms % 1000:03}"
