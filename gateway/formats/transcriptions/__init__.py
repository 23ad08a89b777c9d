"""Speech to text, in its own language or in English. Clients speak OpenAI's formats for both."""

from typing import Any

from gateway.formats.transcriptions import (
    assemblyai,
    deepgram,
    elevenlabs,
    openai,
    translations,
)

CLIENTS: dict[str, Any] = {format.NAME: format for format in (openai, translations)}
UPSTREAMS: dict[str, Any] = {
    format.NAME: format for format in (openai, translations, deepgram, assemblyai, elevenlabs)
}
