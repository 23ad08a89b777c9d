"""How vendors of speech answer: with sound, in pieces.

Sources: platform.openai.com/docs/api-reference/audio/createSpeech,
elevenlabs.io/docs/api-reference/text-to-speech/stream,
developers.deepgram.com/reference/text-to-speech/speak-request (read 2026-11).
"""

import asyncio
from typing import Any

from tests.kinds.vendor import Answer, Refused, Seen, Stream

SOUND = [b"\xff\xf3\x00data: \n\n", b"\x00\x01", bytes(range(256)) * 40]
PAUSE = asyncio.Semaphore(0)  # released for each piece of the model `slow`


def openai(seen: Seen) -> Any:
    match seen.body["model"]:
        case "broken":
            raise Refused(500, {"error": {"message": "out of order", "type": "server_error"}})
        case "cut":
            return Stream("audio/mpeg", SOUND, breaks=True)
        case "empty":
            return Stream("audio/mpeg", [])
        case "odd":
            return {"error": {"message": "no voice today"}}
        case "slow":
            return Stream("audio/mpeg", SOUND, waits=PAUSE)
    if seen.body.get("stream_format") == "sse":
        return Stream("text/event-stream", [b'data: {"type": "speech.audio.done"}\n\n'])
    return Stream("audio/mpeg", SOUND)


def elevenlabs(seen: Seen) -> Any:
    if "xi-api-key" not in seen.headers:
        raise Refused(401, {"detail": {"status": "invalid_api_key", "message": "no"}})
    return Stream("audio/mpeg", SOUND)


def deepgram(seen: Seen) -> Any:
    if not seen.headers.get("authorization", "").startswith("Token "):
        raise Refused(401, {"err_code": "INVALID_AUTH", "err_msg": "no"})
    return Stream("audio/mpeg", SOUND)


ANSWERS: dict[str, Answer] = {
    "tts-openai": openai,
    "tts-elevenlabs": elevenlabs,
    "tts-deepgram": deepgram,
}
