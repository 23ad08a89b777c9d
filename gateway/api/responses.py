"""`/v1/responses`: the pipeline, and answers that a later request refers to by their id.

The one place of the data plane that reads the database while a request is in flight, because the
request itself asks for that: one short transaction, in a bounded pool of threads.
"""

import logging
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import parse_qs

from django.db import DatabaseError

from analytics import stored
from analytics.models import StoredResponse
from gateway import pipeline
from gateway.call import Call
from gateway.errors import BadRequest, NotFound, StorageUnavailable, UpgradeRequired
from gateway.exchange import Exchange
from gateway.formats import ClientFormat, openai_responses, sse, wire
from gateway.formats.reading import optional
from gateway.formats.types import JSONDict
from gateway.runtime import Runtime

log = logging.getLogger(__name__)

Value = TypeVar("Value")

PAGE, MAX_PAGE = 20, 100
REFERENCES = ("previous_response_id", "input")


async def upgrade_required(exchange: Exchange, format: ClientFormat, runtime: Runtime) -> None:
    """Codex dials a WebSocket first, and goes on with POST at once after this status."""
    pipeline.authenticate(runtime.snapshot, exchange)
    if exchange.headers.get(b"upgrade", b"").lower() != b"websocket":
        raise BadRequest("responses are listed by their id: GET /v1/responses/{id}")
    raise UpgradeRequired("there is no WebSocket here; POST is served")


async def serve(exchange: Exchange, format: ClientFormat, runtime: Runtime) -> None:
    await pipeline.serve(exchange, format, runtime, Conversation(runtime))


class Conversation(pipeline.Conversation):
    """What came before a request, and the answer for what comes after it."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._keeps = False

    async def recall(self, call: Call) -> None:
        """Put the turns before it in front of a request that names its predecessor.

        Raises:
            BadRequest: It names none of this key's.
            StorageUnavailable: The database does not answer.
        """
        days = call.snapshot.stored_responses_days
        self._keeps = optional(call.request, "store", bool) is not False and days > 0
        previous = optional(call.request, "previous_response_id", str)
        if previous is None:
            return
        row = await _in_database(self._runtime, stored.find, previous, call.principal.id)
        if row is None:
            raise BadRequest(
                f"there is no response {previous[:200]!r} of this key",
                param="previous_response_id",
                details={"code": "previous_response_not_found"},
            )
        earlier = openai_responses.history({"input": row.input}, row.response)
        items = openai_responses.input_items(call.request, call.exchange.id)
        own = {name: told for name, told in call.request.items() if name not in REFERENCES}
        call.request = own | {"input": earlier + items}
        call.referred = {"previous_response_id": previous}
        call.body = wire.dumps(call.request)

    async def remember(self, call: Call, sent: bytes) -> None:
        """Keep the answer, whole or at the end of a stream, before the client can refer to it."""
        if not self._keeps:
            return
        answer = _ended(sent) if call.stream else wire.loads(sent)
        if answer is None:
            return
        id = str(answer.get("id"))
        if not stored.is_id(id):
            return
        items = openai_responses.input_items(call.request, id)
        if (
            call.principal.system_prompt
        ):  # the upstream may have repeated it; it is not the client's
            answer = answer | {"instructions": call.own.get("instructions")}
        try:
            await self._runtime.in_thread(stored.keep, id, call.principal.id, items, answer)
        except DatabaseError as error:
            # The answer itself is not to blame; whoever refers to it will be told.
            log.error("%s: its answer is not kept: %s", call.exchange.id, type(error).__name__)


def _ended(sent: bytes) -> JSONDict | None:
    """The whole answer, which the last event of a stream holds."""
    for event in reversed(sse.Splitter().feed(sent)):
        told = sse.data_of(event)
        if b'"response.' in told:
            value = wire.loads(told)
            if value.get("type") in ("response.completed", "response.incomplete"):
                return dict(value["response"])
    return None


async def _in_database(runtime: Runtime, deed: Callable[..., Value], *arguments: Any) -> Value:
    try:
        return await runtime.in_thread(deed, *arguments)
    except DatabaseError as error:
        log.error("stored responses cannot be read: %s", type(error).__name__)
        raise StorageUnavailable("the database does not answer") from None


# --- By their id -----------------------------------------------------------------------------


def _id(exchange: Exchange) -> str:
    return exchange.path.split("/responses/", 1)[1].removesuffix("/input_items")


async def _find(exchange: Exchange, runtime: Runtime) -> StoredResponse:
    principal = pipeline.authenticate(runtime.snapshot, exchange)
    row = await _in_database(runtime, stored.find, _id(exchange), principal.id)
    if row is None:
        raise _unknown(exchange)
    return row


def _unknown(exchange: Exchange) -> NotFound:
    return NotFound(f"there is no response {_id(exchange)[:200]!r} of this key")


async def read(exchange: Exchange, format: ClientFormat, runtime: Runtime) -> None:
    row = await _find(exchange, runtime)
    await exchange.respond(200, wire.dumps(row.response))


async def delete(exchange: Exchange, format: ClientFormat, runtime: Runtime) -> None:
    principal = pipeline.authenticate(runtime.snapshot, exchange)
    if not await _in_database(runtime, stored.delete, _id(exchange), principal.id):
        raise _unknown(exchange)
    body = {"id": _id(exchange), "object": "response", "deleted": True}
    await exchange.respond(200, wire.dumps(body))


async def read_input(exchange: Exchange, format: ClientFormat, runtime: Runtime) -> None:
    """The input items, newest first unless asked otherwise, a page at a time."""
    row = await _find(exchange, runtime)
    asked = {name: values[-1] for name, values in _query(exchange).items()}
    items: list[JSONDict] = row.input if asked.get("order") == "asc" else row.input[::-1]
    ids = [item.get("id") for item in items]
    if "after" in asked:
        if asked["after"] not in ids:
            raise BadRequest("after: no item has this id", param="after")
        items = items[ids.index(asked["after"]) + 1 :]
    limit = asked.get("limit", str(PAGE))
    if not limit.isdecimal() or len(limit) > 4 or not 1 <= int(limit) <= MAX_PAGE:
        raise BadRequest(f"limit: a number from 1 to {MAX_PAGE} is expected", param="limit")
    page = items[: int(limit)]
    body = {
        "object": "list",
        "data": page,
        "first_id": page[0].get("id") if page else None,
        "last_id": page[-1].get("id") if page else None,
        "has_more": len(items) > len(page),
    }
    await exchange.respond(200, wire.dumps(body))


def _query(exchange: Exchange) -> dict[str, list[str]]:
    return parse_qs(exchange.scope["query_string"].decode("latin-1"))
