"""How many tokens a prompt has: asked upstream where that exists, estimated and marked so elsewhere.

It costs nothing and spends no limit; agents send dozens at once.
"""

import asyncio
from types import ModuleType

from yarl import URL

from gateway import pipeline, routing, tokens
from gateway.call import Call
from gateway.deadline import Deadline
from gateway.errors import GatewayError, UpstreamFailed
from gateway.exchange import Disconnected, Exchange
from gateway.formats import ClientFormat, wire
from gateway.formats.anthropic_messages import counting as anthropic_messages
from gateway.formats.gemini import counting as gemini
from gateway.routing import Target
from gateway.runtime import Runtime

TIMEOUT_S = 10.0

# The formats that have words for it.
COUNTING: dict[str, ModuleType] = {"anthropic_messages": anthropic_messages, "gemini": gemini}


async def serve(exchange: Exchange, format: ClientFormat, runtime: Runtime) -> None:
    call = Call(exchange, format, runtime.snapshot)
    words = COUNTING[format.NAME]
    try:
        call.principal = pipeline.authenticate(call.snapshot, exchange)
        await pipeline.read_json(call, runtime)
        call.request = words.decode_count_request(call.request)
        format.check_request(call.request)
        route = routing.resolve(call.snapshot, call.principal, call.model, format.NAME)
        exchange.watch()
        target = route.first_for(call.principal)
        count = await _count(call, target, runtime) if target is not None else None
        source = b"estimated" if count is None else b"reported"
        if count is None:
            count = tokens.estimate_body(call.request)
        call.account(runtime.journal, "ok", 200)
        body = wire.dumps(words.encode_count(count))
        await exchange.respond(200, body, [(b"x-omniroute-usage", source)])
    except GatewayError as error:
        await pipeline.refuse(call, error, runtime)
    except (asyncio.CancelledError, Disconnected):
        if not exchange.disconnected:
            raise
        call.account(runtime.journal, "aborted", 499)
    finally:
        exchange.unwatch()
        call.account(runtime.journal, "error", exchange.status or 500)


async def _count(call: Call, target: Target, runtime: Runtime) -> int | None:
    """The provider's own count; None where it has none to give."""
    theirs = COUNTING.get(target.format.NAME)
    if theirs is None:
        return None
    try:
        if target.format.NAME == call.format.NAME:
            prompt = call.request
        else:
            prompt = target.format.encode_request(
                call.prompt, target.sent, target.model.quirks
            ).body
        asked = theirs.encode_count_request(prompt, target.sent)
        answer = await _ask(call, target, runtime, theirs.count_address(target.sent), asked)
        count: int | None = theirs.decode_count(answer)
    except UpstreamFailed:
        # A compatible server may lack the address: an estimate serves the client better.
        return None
    return count


async def _ask(
    call: Call, target: Target, runtime: Runtime, address: str, asked: dict[str, object]
) -> dict[str, object]:
    limit = Deadline(TIMEOUT_S)
    url = URL(target.base_url + address, encoded=True)
    try:
        with limit:
            answer = await runtime.upstreams.open(
                target, wire.dumps(asked), url, call.passed_headers(target)
            )
            try:
                data = await answer.read()
            finally:
                answer.close()
    finally:
        limit.stop()
    try:
        told = wire.loads(data)
    except ValueError:
        told = None
    if answer.status != 200 or not isinstance(told, dict):
        raise UpstreamFailed("no count", upstream_status=answer.status)
    return told
