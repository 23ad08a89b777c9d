"""A model in a list, as each format's clients expect it. What is unknown is left out.

When a model came out is not known here, and two formats demand a date: it is the epoch.
"""

from collections.abc import Callable

import msgspec
from msgspec import UNSET, Struct, UnsetType, structs

from gateway.directory import Directory, Entry
from gateway.formats.kinds import CHAT
from gateway.pacing import paced
from gateway.snapshot import Modalities

Known = int | UnsetType


def _known(number: int | None) -> Known:
    return UNSET if number is None else number


class OpenAI(Struct, frozen=True):
    """OpenAI's four fields, and what is known besides."""

    id: str
    owned_by: str
    object: str = "model"
    created: int = 0
    kind: str | UnsetType = UNSET
    context_window: Known = UNSET
    max_output_tokens: Known = UNSET
    modalities: Modalities | UnsetType = UNSET
    capabilities: dict[str, bool] | UnsetType = UNSET

    @classmethod
    def of(cls, entry: Entry) -> "OpenAI":
        capabilities = dict.fromkeys(sorted(entry.has), True) | dict.fromkeys(
            sorted(entry.lacks), False
        )
        return cls(
            id=entry.name,
            owned_by=entry.owner,
            kind=entry.kind or UNSET,
            context_window=_known(entry.context_window),
            max_output_tokens=_known(entry.max_output_tokens),
            modalities=entry.modalities or UNSET,
            capabilities=capabilities or UNSET,
        )


class Anthropic(Struct, frozen=True):
    """Source: https://docs.anthropic.com/en/api/models-list, read 2026-11."""

    id: str
    display_name: str
    kind: str
    type: str = "model"
    created_at: str = "1970-01-01T00:00:00Z"
    lifecycle: str = "active"  # what cannot be called is not listed
    max_input_tokens: Known = UNSET
    max_tokens: Known = UNSET

    @classmethod
    def of(cls, entry: Entry) -> "Anthropic":
        return cls(
            id=entry.name,
            display_name=entry.name,
            kind=entry.kind or CHAT,
            max_input_tokens=_known(entry.context_window),
            max_tokens=_known(entry.max_output_tokens),
        )


# What Google's clients can do with a model, by its kind.
METHODS = {
    CHAT: ["generateContent", "streamGenerateContent", "countTokens"],
    "embedding": ["embedContent", "batchEmbedContents"],
}


class Gemini(Struct, frozen=True, rename="camel"):
    """Source: https://ai.google.dev/api/models, read 2026-11."""

    name: str
    display_name: str
    supported_generation_methods: list[str]
    input_token_limit: Known = UNSET
    output_token_limit: Known = UNSET
    thinking: bool | UnsetType = UNSET

    @classmethod
    def of(cls, entry: Entry) -> "Gemini":
        thinks = "thinking" in entry.has
        return cls(
            name=f"models/{entry.name}",
            display_name=entry.name,
            supported_generation_methods=METHODS.get(entry.kind or CHAT, []),
            input_token_limit=_known(entry.context_window),
            output_token_limit=_known(entry.max_output_tokens),
            thinking=thinks if thinks or "thinking" in entry.lacks else UNSET,
        )


SHAPES: dict[str, Callable[[Entry], Struct]] = {
    "openai_chat": OpenAI.of,
    "anthropic_messages": Anthropic.of,
    "gemini": Gemini.of,
}


def row(entry: Entry, shape: str, name: str) -> bytes:
    """An entry as JSON, under the name that it was asked for by."""
    return msgspec.json.encode(SHAPES[shape](structs.replace(entry, name=name)))


def rows(directory: Directory, shape: str) -> dict[str, bytes]:
    """All of them as JSON, by name; made once a directory, which takes its time."""
    made = directory.rows.get(shape)
    if made is None:
        of, encode = SHAPES[shape], msgspec.json.Encoder().encode
        made = {name: encode(of(entry)) for name, entry in paced(directory.entries.items())}
        directory.rows[shape] = made
    return made
