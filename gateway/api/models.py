"""`GET /v1/models` and `/v1/models/{id}`: what this key can call now, in each client's shape.

OpenAI's, Anthropic's and by now Google's clients share the address; a header tells them apart.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import parse_qs, unquote

import msgspec
from msgspec import Struct

from gateway import directory, names, pipeline
from gateway.api import shapes
from gateway.errors import BadRequest, ModelNotFound, NotAllowed
from gateway.exchange import Exchange
from gateway.formats import ClientFormat, ollama_chat, wire
from gateway.formats.kinds import CHAT
from gateway.runtime import Runtime

MAX_PAGE = 1000


async def listing(exchange: Exchange, format: ClientFormat, runtime: Runtime) -> None:
    snapshot = runtime.snapshot
    principal = pipeline.authenticate(snapshot, exchange)
    known = directory.of(snapshot)
    callable_now = known.names(snapshot, principal)
    if format.NAME == "ollama_chat":  # which has an address for the list alone
        await exchange.respond(200, wire.dumps(ollama_chat.encode_tags(callable_now)))
        return
    shape = _shape(exchange, format)
    page = PAGES[shape](tuple(callable_now), _query(exchange))
    if shape not in known.rows:
        await asyncio.to_thread(shapes.rows, known, shape)
    rows = shapes.rows(known, shape)
    whole = msgspec.Raw(b"[" + b",".join(rows[name] for name in page.names) + b"]")
    await exchange.respond(200, wire.dumps(page.body(whole)))


async def one(exchange: Exchange, format: ClientFormat, runtime: Runtime) -> None:
    snapshot, name = runtime.snapshot, unquote(exchange.path.split("/models/", 1)[1])
    principal = pipeline.authenticate(snapshot, exchange)
    entries = directory.of(snapshot).entries
    try:
        target = names.find(snapshot, principal, name, CHAT).to
    except NotAllowed:  # what it is, only those that may call it learn
        target = ""
    entry = entries.get(name) or entries.get(target)
    if entry is None or not target:
        raise ModelNotFound(f"the model {name[:250]!r} cannot be called", param="model")
    await exchange.respond(200, shapes.row(entry, _shape(exchange, format), name))


# What only clients of one format send.
_SIGNS = {
    b"anthropic-version": "anthropic_messages",
    b"x-goog-api-key": "gemini",
    b"x-goog-api-client": "gemini",
}


def _shape(exchange: Exchange, format: ClientFormat) -> str:
    for header, name in _SIGNS.items():
        if header in exchange.headers:
            return name
    return format.NAME


# --- Pages -----------------------------------------------------------------------------------
# A client that asks for no size gets everything at once.


class Page(Struct, frozen=True):
    """Names in order, and the answer that their rows become."""

    names: Sequence[str]
    body: Callable[[msgspec.Raw], dict[str, Any]]


Query = dict[str, str]


def _query(exchange: Exchange) -> Query:
    told = parse_qs(exchange.scope["query_string"].decode("latin-1"))
    return {name: values[-1] for name, values in told.items()}


def _openai(found: Sequence[str], query: Query) -> Page:
    return Page(found, lambda rows: {"object": "list", "data": rows})


def _anthropic(found: Sequence[str], query: Query) -> Page:
    """`limit` names after `after_id`, or the last before `before_id`."""
    size = _size(query, "limit", len(found))
    if size > MAX_PAGE and "limit" in query:
        raise BadRequest(f"limit: at most {MAX_PAGE}", param="limit")
    if "before_id" in query:
        end = _place(found, query, "before_id")
        start = max(end - size, 0)
        more = start > 0
    else:
        start = _place(found, query, "after_id") + 1 if "after_id" in query else 0
        end = min(start + size, len(found))
        more = end < len(found)
    part = found[start:end]
    ends = {"first_id": part[0], "last_id": part[-1]} if part else {}
    nobody = {"first_id": None, "last_id": None}
    return Page(part, lambda rows: {"data": rows, "has_more": more, **nobody, **ends})


def _gemini(found: Sequence[str], query: Query) -> Page:
    """`pageSize` names after that which `pageToken` is."""
    size = _size(query, "pageSize", len(found))
    if "pageSize" in query:
        size = min(size, MAX_PAGE)
    start = _place(found, query, "pageToken") + 1 if query.get("pageToken") else 0
    part = found[start : start + size]
    more = {"nextPageToken": part[-1]} if start + size < len(found) else {}
    return Page(part, lambda rows: {"models": rows, **more})


def _size(query: Query, name: str, otherwise: int) -> int:
    told = query.get(name, "")
    if not told:
        return otherwise
    if not told.isascii() or not told.isdigit() or not 0 < len(told) < 9 or int(told) == 0:
        raise BadRequest(f"{name}: a number from 1 to {MAX_PAGE} is expected", param=name)
    return int(told)


def _place(found: Sequence[str], query: Query, name: str) -> int:
    try:
        return found.index(query[name])
    except ValueError:
        raise BadRequest(f"{name}: there is no such model in the list", param=name) from None


PAGES: dict[str, Callable[[Sequence[str], Query], Page]] = {
    "openai_chat": _openai,
    "anthropic_messages": _anthropic,
    "gemini": _gemini,
}
