"""What a provider's list says of a model. Each has its own words, and most say little.

Sources (read 2026-11): the vendors' references of their lists (OpenRouter, Together, Groq, Mistral,
Gemini, Anthropic, Cohere) and vLLM's.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

MAX_TOKENS = 2**31 - 1  # that a column holds


class Offer(Struct, frozen=True):
    """`name` as a call has it. `kind` is null where neither the list nor the name says it."""

    name: str
    kind: str | None = None
    context_window: int | None = None
    max_output_tokens: int | None = None


_CONTEXT = (
    *("context_window", "context_length", "max_context_length", "max_model_len"),
    *("max_input_tokens", "inputTokenLimit"),
)
_OUTPUT = ("max_output_tokens", "max_completion_tokens", "outputTokenLimit")

# What lists call a kind: Together's `type`, Cohere's `endpoints`, Gemini's methods.
_TOLD = {
    "chat": {"chat", "language", "generateContent", "text-generation"},
    "embedding": {"embedding", "embed", "embedContent", "feature-extraction"},
    "rerank": {"rerank"},
    "moderation": {"moderation"},
    "image": {"image", "text-to-image"},
    "speech": {"audio", "text-to-speech"},
    "transcription": {"transcribe", "automatic-speech-recognition"},
}
# What names give away. `audio` and `realtime` alone do not.
_BY_NAME = {
    "embedding": r"embed|\bbge-(?!reranker)|\be5-",
    "rerank": r"rerank",
    "moderation": r"moderation|llama-guard",
    "transcription": r"whisper|transcribe",
    "speech": r"\btts\b|text-to-speech",
    "image": r"dall-e|gpt-image|imagen|stable-diffusion|\bsdxl|\bflux",
}


def read(row: Mapping[str, Any], name: str) -> Offer:
    return Offer(
        name=name,
        kind=_kind(row, name),
        context_window=_number(row, _CONTEXT),
        max_output_tokens=_number(row, _OUTPUT),
    )


def _number(row: Mapping[str, Any], fields: Iterable[str]) -> int | None:
    for field in fields:
        told = row.get(field)
        if isinstance(told, int) and not isinstance(told, bool) and 0 < told <= MAX_TOKENS:
            return told
    return None


def _kind(row: Mapping[str, Any], name: str) -> str | None:
    told = set(_words(row))
    for kind, words in _TOLD.items():
        if told & words:
            return kind
    bare = name.rpartition("/")[2].lower()
    return next((kind for kind, said in _BY_NAME.items() if re.search(said, bare)), None)


def _words(row: Mapping[str, Any]) -> Iterable[str]:
    for field in ("type", "task", "endpoints", "supportedGenerationMethods"):
        told = row.get(field)
        for word in told if isinstance(told, list) else [told]:
            if isinstance(word, str):
                yield word
