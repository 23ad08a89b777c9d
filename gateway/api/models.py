"""`GET /v1/models` and `/v1/models/{id}`: what this key can call now, in each client's shape.

OpenAI's, Anthropic's and by now Google's clients share the address; a header tells them apart.
When a model came out is not known here, and both formats demand a date: it is the epoch.
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from msgspec import Struct

from gateway import pipeline, routing
from gateway.errors import ModelNotFound
from gateway.exchange import Exchange
from gateway.formats import ClientFormat, ollama_chat, wire
from gateway.formats.kinds import CHAT
from gateway.runtime import Runtime
from gateway.snapshot import Snapshot

Row = dict[str, Any]


async def listing(exchange: Exchange, format: ClientFormat, runtime: Runtime) -> None:
    if format.NAME == "ollama_chat":  # which has an address for the list alone
        body = ollama_chat.encode_tags(_names(exchange, runtime))
    else:
        shape = _shape(exchange, format)
        body = shape.list([shape.row(runtime.snapshot, name) for name in _names(exchange, runtime)])
    await exchange.respond(200, wire.dumps(body))


async def one(exchange: Exchange, format: ClientFormat, runtime: Runtime) -> None:
    name = unquote(exchange.path.split("/models/", 1)[1])
    if name not in _names(exchange, runtime):
        raise ModelNotFound(f"the model {name[:250]!r} cannot be called", param="model")
    row = _shape(exchange, format).row(runtime.snapshot, name)
    await exchange.respond(200, wire.dumps(row))


def _names(exchange: Exchange, runtime: Runtime) -> list[str]:
    snapshot = runtime.snapshot
    principal = pipeline.authenticate(snapshot, exchange)
    return [
        name
        for name in routing.callable_names(snapshot)
        if routing.is_allowed(snapshot, principal, name)
    ]


# --- Shapes ----------------------------------------------------------------------------------


# What only clients of one format send.
_SIGNS = {
    b"anthropic-version": "anthropic_messages",
    b"x-goog-api-key": "gemini",
    b"x-goog-api-client": "gemini",
}


class Shape(Struct, frozen=True):
    row: Callable[[Snapshot, str], Row]
    list: Callable[[list[Row]], Row]


def _shape(exchange: Exchange, format: ClientFormat) -> Shape:
    for header, name in _SIGNS.items():
        if header in exchange.headers:
            return SHAPES[name]
    return SHAPES[format.NAME]


def _openai_row(snapshot: Snapshot, name: str) -> Row:
    alias = snapshot.aliases.get(name, name).partition("/")[0]
    provider = snapshot.providers.get(alias)
    owner = provider.slug if provider and name not in snapshot.combos else "omniroute"
    row = {"id": name, "object": "model", "created": 0, "owned_by": owner}
    kind = routing.kind_of_name(snapshot, name)
    return row | ({"kind": kind} if kind else {})


def _openai_list(rows: list[Row]) -> Row:
    return {"object": "list", "data": rows}


def _anthropic_row(snapshot: Snapshot, name: str) -> Row:
    return {
        "type": "model",
        "id": name,
        "display_name": name,
        "created_at": "1970-01-01T00:00:00Z",
        "lifecycle": "active",  # what cannot be called is not listed
        "kind": routing.kind_of_name(snapshot, name) or CHAT,
    }


def _anthropic_list(rows: list[Row]) -> Row:
    ends = {"first_id": rows[0]["id"], "last_id": rows[-1]["id"]} if rows else {}
    return {"data": rows, "has_more": False, "first_id": None, "last_id": None, **ends}


# What Google's clients can do with a model, by its kind.
METHODS = {
    CHAT: ["generateContent", "countTokens"],
    "embedding": ["embedContent", "batchEmbedContents"],
}


def _gemini_row(snapshot: Snapshot, name: str) -> Row:
    alias, _, model = snapshot.aliases.get(name, name).partition("/")
    provider = snapshot.providers.get(alias)
    known = provider.models.get(model) if provider and name not in snapshot.combos else None
    limits = {
        "inputTokenLimit": known.context_window if known else None,
        "outputTokenLimit": known.quirks.max_output_tokens if known else None,
    }
    return {
        "name": f"models/{name}",
        "displayName": name,
        "supportedGenerationMethods": METHODS.get(routing.kind_of_name(snapshot, name) or CHAT, []),
        **{field: limit for field, limit in limits.items() if limit is not None},
    }


def _gemini_list(rows: list[Row]) -> Row:
    return {"models": rows}


SHAPES = {
    "openai_chat": Shape(_openai_row, _openai_list),
    "anthropic_messages": Shape(_anthropic_row, _anthropic_list),
    "gemini": Shape(_gemini_row, _gemini_list),
}
