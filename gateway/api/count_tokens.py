"""`POST /v1/messages/count_tokens`: asked upstream where that exists, estimated elsewhere.

It costs nothing and spends no limit; agents send dozens at once.
"""

import asyncio

from yarl import URL

from gateway import pipeline, routing, tokens
from gateway.call import Call
from gateway.deadline import Deadline
from gateway.errors import GatewayError, UpstreamFailed
from gateway.exchange import Disconnected, Exchange
from gateway.formats import Format, wire
from gateway.routing import Target
from gateway.runtime import Runtime
from providers.credentials import CredentialUnreadable

TIMEOUT_S = 10.0


async def serve(exchange: Exchange, format: Format, runtime: Runtime) -> None:
    call = Call(exchange, format, runtime.snapshot)
    try:
        call.principal = pipeline.authenticate(call.snapshot, exchange)
        await pipeline.read_json(call, runtime)
        format.check_request({"max_tokens": 1} | call.request)
        candidates = routing.resolve(call.snapshot, call.principal, call.model, format.NAME)
        exchange.watch()
        count = await _count(call, candidates[0], runtime)
        call.account(runtime.journal, "ok", 200)
        await exchange.respond(200, wire.dumps({"input_tokens": count}))
    except GatewayError as error:
        await pipeline.refuse(call, error, runtime)
    except (asyncio.CancelledError, Disconnected):
        if not exchange.disconnected:
            raise
        call.account(runtime.journal, "aborted", 499)
    finally:
        exchange.unwatch()
        call.account(runtime.journal, "error", exchange.status or 500)


async def _count(call: Call, target: Target, runtime: Runtime) -> int:
    if target.format.NAME == call.format.NAME:
        try:
            return await _ask(call, target, runtime)
        except (UpstreamFailed, CredentialUnreadable):
            pass  # a compatible server may lack the address: an estimate serves the client better
    return tokens.estimate_body(call.request)


async def _ask(call: Call, target: Target, runtime: Runtime) -> int:
    limit = Deadline(TIMEOUT_S)
    body = wire.dumps(call.request | {"model": target.sent})
    url = URL(f"{target.url}/count_tokens", encoded=True)
    try:
        with limit:
            answer = await runtime.upstreams.open(target, body, url, call.passed_headers(target))
            try:
                data = await answer.read()
            finally:
                answer.close()
    finally:
        limit.stop()
    try:
        counted = wire.loads(data)["input_tokens"]
    except (ValueError, KeyError, TypeError):
        raise UpstreamFailed("no count", upstream_status=answer.status) from None
    if not isinstance(counted, int) or counted < 0:
        raise UpstreamFailed("no count", upstream_status=answer.status)
    return counted
