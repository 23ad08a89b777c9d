"""Texts to sound. Clients speak OpenAI's format; sound passes as it comes, whoever makes it."""

from typing import Any

from gateway.formats.speech import deepgram, elevenlabs, openai

CLIENTS: dict[str, Any] = {openai.NAME: openai}
UPSTREAMS: dict[str, Any] = {format.NAME: format for format in (openai, elevenlabs, deepgram)}
