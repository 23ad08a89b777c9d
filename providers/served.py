"""What this gateway can ask of a provider: which dialect it speaks for which kind of model.

The one table of that. A provider's row names all its endpoints; those that are not in here wait
until their dialect is.
"""

from collections.abc import Iterable, Mapping
from typing import Any

# By kind and dialect, the format: `gateway.formats` has its code.
DIALECTS: dict[str, dict[str, str]] = {
    "chat": {
        name: name
        for name in (
            "openai_chat",
            "openai_responses",
            "anthropic_messages",
            "gemini",
            "bedrock_converse",
            "cohere_chat",
            "ollama_chat",
        )
    },
    "embedding": {
        "openai_chat": "openai_embeddings",
        "gemini": "gemini_embeddings",
        "cohere_chat": "cohere_embeddings",
        "voyage": "voyage_embeddings",
        "jina": "jina_embeddings",
        "mistral": "mistral_embeddings",
        "ollama_chat": "ollama_embeddings",
    },
    "rerank": {
        "openai_chat": "cohere_rerank",
        "cohere_chat": "cohere_rerank",
        "cohere_rerank": "cohere_rerank",
        "voyage": "voyage_rerank",
        "nvidia_ranking": "nvidia_rerank",
    },
    "moderation": {"openai_chat": "openai_moderations", "mistral": "mistral_moderations"},
    "image": {
        "openai_chat": "openai_images",
        "gemini": "gemini_images",
        "stability": "stability_images",
        "bfl": "bfl_images",
        "fal": "fal_images",
        "recraft": "recraft_images",
        "replicate": "replicate_images",
        "together": "together_images",
    },
    "speech": {
        "openai_chat": "openai_speech",
        "elevenlabs": "elevenlabs_speech",
        "deepgram": "deepgram_speech",
    },
    "transcription": {
        "openai_chat": "openai_transcriptions",
        "deepgram": "deepgram_transcriptions",
        "assemblyai": "assemblyai_transcriptions",
        "elevenlabs": "elevenlabs_transcriptions",
    },
}
# Their paths depend on more than the model's name, and are the format's to say.
ADDRESSED = frozenset({"gemini", "stability", "elevenlabs"})


def kinds(
    format: str, endpoints: Iterable[Mapping[str, Any]], others: Iterable[str] = ()
) -> list[str]:
    """Of a provider that speaks `format`, has the `endpoints` of its catalogue row and, as its
    operator says, `others`."""
    named = {row["kind"] for row in endpoints if is_served(row["kind"], row["dialect"])}
    if format in DIALECTS["chat"]:
        named.add("chat")
    return sorted(named.union(others))


def is_served(kind: str, dialect: str) -> bool:
    return dialect in DIALECTS.get(kind, ())
