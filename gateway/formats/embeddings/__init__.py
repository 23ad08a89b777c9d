"""Texts to vectors. Clients speak OpenAI's and Google's formats; providers these and their own."""

from types import ModuleType
from typing import Any

from gateway.formats.embeddings import (
    cohere,
    gemini,
    gemini_single,
    jina,
    mistral,
    ollama,
    openai,
    voyage,
)

_BOTH: tuple[ModuleType, ...] = (openai, gemini, gemini_single)
_UPSTREAM: tuple[ModuleType, ...] = (cohere, voyage, jina, mistral, ollama)

CLIENTS: dict[str, Any] = {format.NAME: format for format in _BOTH}
UPSTREAMS: dict[str, Any] = {format.NAME: format for format in (*_BOTH, *_UPSTREAM)}
