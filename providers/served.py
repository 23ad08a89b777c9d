"""What this gateway can ask of a provider: which dialect it speaks for which kind of model.

The one table of that. A provider's row names all its endpoints; those that are not in here wait
until their dialect is.
"""

from collections.abc import Iterable, Mapping
from typing import Any

DIALECTS: dict[str, frozenset[str]] = {
    "chat": frozenset(
        {
            "openai_chat",
            "openai_responses",
            "anthropic_messages",
            "gemini",
            "bedrock_converse",
            "cohere_chat",
            "ollama_chat",
        }
    ),
}


def kinds(format: str, endpoints: Iterable[Mapping[str, Any]]) -> list[str]:
    """Of a provider that speaks `format`, and has the `endpoints` of its catalogue row."""
    named = {row["kind"] for row in endpoints if is_served(row["kind"], row["dialect"])}
    if format in DIALECTS["chat"]:
        named.add("chat")
    return sorted(named)


def is_served(kind: str, dialect: str) -> bool:
    return dialect in DIALECTS.get(kind, ())
