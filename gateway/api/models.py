"""`GET /v1/models` and `/v1/models/{id}`: what this key can call now.

OpenAI's and Anthropic's clients share the address; only `anthropic-version` tells them apart.
When a model came out is not known here, and both formats demand a date: it is the epoch.
"""

from typing import Any

from gateway import pipeline, routing
from gateway.errors import ModelNotFound
from gateway.exchange import Exchange
from gateway.formats import Format, wire
from gateway.runtime import Runtime


async def listing(exchange: Exchange, format: Format, runtime: Runtime) -> None:
    names = _names(exchange, runtime)
    rows = [_row(exchange, runtime, name) for name in names]
    if _is_anthropic(exchange):
        ends = {"first_id": names[0], "last_id": names[-1]} if names else {}
        body = {"data": rows, "has_more": False, "first_id": None, "last_id": None, **ends}
    else:
        body = {"object": "list", "data": rows}
    await exchange.respond(200, wire.dumps(body))


async def one(exchange: Exchange, format: Format, runtime: Runtime) -> None:
    name = exchange.path.split("/models/", 1)[1]
    if name not in _names(exchange, runtime):
        raise ModelNotFound(f"the model {name[:250]!r} cannot be called", param="model")
    await exchange.respond(200, wire.dumps(_row(exchange, runtime, name)))


def _names(exchange: Exchange, runtime: Runtime) -> list[str]:
    snapshot = runtime.snapshot
    principal = pipeline.authenticate(snapshot, exchange)
    return [
        name
        for name in routing.callable_names(snapshot)
        if principal.may_call(name, snapshot.aliases.get(name, name))
    ]


def _is_anthropic(exchange: Exchange) -> bool:
    return b"anthropic-version" in exchange.headers


def _row(exchange: Exchange, runtime: Runtime, name: str) -> dict[str, Any]:
    if _is_anthropic(exchange):
        return {
            "type": "model",
            "id": name,
            "display_name": name,
            "created_at": "1970-01-01T00:00:00Z",
        }
    alias = runtime.snapshot.aliases.get(name, name).partition("/")[0]
    provider = runtime.snapshot.providers.get(alias)
    owner = provider.slug if provider and name not in runtime.snapshot.combos else "omniroute"
    return {"id": name, "object": "model", "created": 0, "owned_by": owner}
