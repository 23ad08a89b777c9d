"""One call, from the door to the bill: authenticate, admit, resolve, attempt, relay, account."""

import asyncio
import math
from collections.abc import Sequence

from accounts.keys import hash_key
from analytics.costs import format_usd
from gateway import admission, formats, routing, tokens
from gateway.attempt import Opened, attempt, hide, secrets, without
from gateway.call import Call
from gateway.errors import (
    BadRequest,
    BudgetSpent,
    GatewayError,
    KeyRejected,
    NotAllowed,
    NotSupported,
    RateLimited,
    UpstreamFailed,
    UpstreamRefused,
    UpstreamTimeout,
)
from gateway.exchange import Disconnected, Exchange, Headers
from gateway.formats import Stage, wire
from gateway.routing import Target
from gateway.runtime import Runtime
from gateway.snapshot import ANYONE, Principal, Snapshot

STREAM_HEADERS: Headers = [
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),  # nginx would hold the stream back
]
DRAIN_S = 2.0


class Conversation:
    """What a call has to do with calls before and after it: nothing, in most formats."""

    async def recall(self, call: Call) -> None:
        """Complete the request by what it refers to."""

    async def remember(self, call: Call, sent: bytes) -> None:
        """`sent` is the answer, or the end of a stream, and the client does not have it yet."""


async def serve(
    exchange: Exchange,
    format: formats.ClientFormat,
    runtime: Runtime,
    conversation: Conversation = Conversation(),  # noqa: B008  # it holds nothing
) -> None:
    """Answer one call; whatever happens, it is one row of the log."""
    call = Call(exchange, format, runtime.snapshot)
    try:
        call.principal = authenticate(call.snapshot, exchange)
        await read(call, runtime, conversation)
        candidates = routing.resolve(call.snapshot, call.principal, call.model, format.NAME)
        exchange.watch()
        await admit(call, candidates[0], runtime)
        opened = await first_answer(call, candidates, runtime)
        await answer(call, opened, runtime, conversation)
    except GatewayError as error:
        await refuse(call, error, runtime)
        error.__traceback__ = None  # it holds the call, and may be held by it
    except (asyncio.CancelledError, Disconnected):
        if not exchange.disconnected:  # the server stops, and did not wait for us
            call.account(runtime.journal, "interrupted", exchange.status or 503)
            raise
        call.account(runtime.journal, "aborted", exchange.status or 499)
    finally:
        exchange.unwatch()
        call.account(runtime.journal, "error", exchange.status or 500)


def authenticate(snapshot: Snapshot, exchange: Exchange) -> Principal:
    """Who calls.

    Raises:
        KeyRejected: No key, two keys, or one that is unknown, expired or revoked.
        NotAllowed: The key is not for this, or not from this address.
    """
    key = exchange.credential()
    principal = snapshot.keys.get(hash_key(key)) if key else None
    if principal is None:
        if not snapshot.require_api_key:
            return ANYONE
        raise KeyRejected("no API key was given" if key is None else "the API key is not valid")
    if principal.scope != "inference":
        raise NotAllowed("this API key is for the management API; models need an inference key")
    admission.check_principal(principal, exchange.client_ip, exchange.time)
    return principal


async def read(call: Call, runtime: Runtime, conversation: Conversation) -> None:
    """Take in what is asked.

    Raises:
        BadRequest: It is no JSON object, or a field is missing or wrong.
    """
    await read_json(call, runtime)
    call.format.check_request(call.request)
    await conversation.recall(call)
    call.estimated_input = tokens.estimate_body(call.request)


async def read_json(call: Call, runtime: Runtime) -> None:
    """Take in a body that is a JSON object."""
    call.raw = await call.exchange.read_body(runtime.max_body_bytes)
    try:
        request = wire.loads(call.raw)
    except ValueError as error:
        raise BadRequest(f"the body is not JSON: {error}") from None
    if not isinstance(request, dict):
        raise BadRequest("the body must be a JSON object")
    call.request = request
    call.model, call.stream = call.format.wants(call.exchange.path, request)


async def admit(call: Call, target: Target, runtime: Runtime) -> None:
    """Reserve what the call may cost, and write down that it begins.

    Raises:
        BudgetSpent, RateLimited: The key has nothing left.
        StorageUnavailable: The journal cannot be written.
    """
    tokens_wanted, picousd = estimate(call, target)
    call.lease = await admission.admit(runtime.state, call.principal, tokens_wanted, picousd)
    call.begin(runtime.journal, target, picousd if target.model.prices else None)


def estimate(call: Call, target: Target) -> tuple[int, int]:
    """What the call may come to at `target`, in tokens and 10⁻¹² USD."""
    at_most = call.format.max_tokens(call.request)
    return admission.estimate(call.estimated_input, at_most, target.model.prices)


async def first_answer(call: Call, candidates: Sequence[Target], runtime: Runtime) -> Opened:
    """Try the candidates in order until one answers.

    Raises:
        UpstreamFailed: None did, or one said that the request itself is wrong.
        NotSupported, BudgetSpent: None could be asked, for this reason.
    """
    failures: list[UpstreamFailed] = []
    unfit: NotSupported | BudgetSpent | None = None
    for target in candidates:
        call.trying(target)
        try:
            if call.lease is not None:  # this target may be dearer than the first one
                await call.lease.cover(estimate(call, target)[1])
            call.account_lease = await admission.take_connection(
                runtime.state, target.connection, call.estimated_input
            )
            return await attempt(call, target, runtime)
        except RateLimited as error:  # the account's own limits: it was not asked
            call.tried(None, str(error))
            failures.append(
                UpstreamRefused(str(error), upstream_status=429, retry_after_s=error.retry_after_s)
            )
        except BudgetSpent as error:
            call.tried(None, str(error))
            unfit = error
        except NotSupported as error:
            unfit = error
            call.leave_account()
        except UpstreamFailed as error:
            call.tried(error.upstream_status, str(error))
            call.leave_account()
            if isinstance(error, UpstreamRefused) and error.is_clients_fault:
                raise
            # Its traceback holds what was read of the answer, and this frame, which holds it.
            failures.append(error.with_traceback(None))
    if unfit is not None and not failures:
        raise unfit
    raise exhausted(call, failures)


def exhausted(call: Call, failures: Sequence[UpstreamFailed]) -> GatewayError:
    """What the client is told when no candidate answered; see the contract's table."""
    if all(error.upstream_status == 429 for error in failures):
        hints = [error.retry_after_s for error in failures if error.retry_after_s is not None]
        return RateLimited(
            "every account that could answer is rate-limited by its provider",
            retry_after_s=min(hints, default=5.0),
        )
    tried = [
        {"model": a.model, "connection": a.connection, "status": a.status, "error": a.error}
        for a in call.attempts
    ]
    last = call.attempts[-1]
    words = f"{last.model} at {last.connection}: {last.error}"
    if len(tried) > 1:
        words = f"all {len(tried)} attempts failed; the last, {words}"
    if all(isinstance(error, UpstreamTimeout) for error in failures):
        return UpstreamTimeout(words, details={"attempts": tried})
    return UpstreamFailed(words, details={"attempts": tried})


async def answer(call: Call, opened: Opened, runtime: Runtime, conversation: Conversation) -> None:
    """Pass the answer on. The row is in the journal before the client has the terminal bytes."""
    headers = answer_headers(call, opened)
    try:
        if opened.stage is None:
            call.finished = True
            call.tried(opened.answer.status, None)
            call.keep(opened.body)
            if (cost := call.cost(call.final_usage("ok"))) is not None:
                headers.append((b"x-omniroute-cost", format_usd(cost).encode()))
            await conversation.remember(call, opened.body)
            call.account(runtime.journal, "ok", 200, sending=len(opened.body))
            await call.exchange.respond(200, opened.body, headers)
        else:
            kind = (b"content-type", call.format.STREAM_TYPE.encode())
            await call.exchange.start(200, [kind, *STREAM_HEADERS, *headers])
            await relay(call, opened, opened.stage, runtime, conversation)
            if call.finished:
                await drain(opened)
    finally:
        opened.limit.stop()
        opened.answer.close()


async def relay(
    call: Call, opened: Opened, stage: Stage, runtime: Runtime, conversation: Conversation
) -> None:
    """Bytes as they arrive. A stream that breaks ends with an error, never with a clean end."""
    exchange, limit, piece = call.exchange, opened.limit, opened.answer.piece
    idle = opened.target.connection.timeouts.idle
    data = opened.body
    try:
        while not stage.finished:
            if stage.failed is not None:
                raise stage.failed
            if data:
                call.keep(data)
                await exchange.write(data)
            with limit:
                limit.renew(idle)  # a client that reads slowly is not the upstream's silence
                received = await piece()
            data = stage.feed(received) if received else stage.close()
    except UpstreamFailed as error:
        hidden = secrets(opened.target)
        hide(hidden, error)
        call.note(stage)
        call.tried(200, str(error))
        # What the upstream itself said of its failure has the client's format already.
        if error is stage.failed:
            end = without(hidden, data)
        else:
            end = stage.fail(error) or call.format.encode_stream_error(error, exchange.id)
        call.account(runtime.journal, "truncated", 200, error, sending=len(end))
        error.__traceback__ = None  # it holds the call, and `stage` holds the error
        await exchange.finish(end)
        return
    except asyncio.CancelledError:
        call.note(stage)
        call.tried(200, "the client left" if exchange.disconnected else "the gateway stopped")
        raise
    call.finished = True
    call.note(stage)
    call.tried(200, None)
    call.keep(data)
    await conversation.remember(call, data)
    call.account(runtime.journal, "ok", 200, sending=len(data))
    await exchange.finish(data)


async def drain(opened: Opened) -> None:
    """Read an answer to its very end, so that its connection can serve another call."""
    try:
        with opened.limit:
            opened.limit.expect(DRAIN_S, "end of the connection's answer")
            while await opened.answer.piece():
                pass
    except UpstreamFailed:
        return  # the answer was complete; its connection is closed instead


def answer_headers(call: Call, opened: Opened) -> Headers:
    headers = [
        *opened.target.headers,
        (b"x-omniroute-attempts", b"%d" % (len(call.attempts) + 1)),
    ]
    if call.dropped:
        headers.append((b"x-omniroute-dropped", ", ".join(call.dropped).encode()))
    return headers + (admission.rate_headers(call.lease.rooms()) if call.lease else [])


async def refuse(call: Call, error: GatewayError, runtime: Runtime) -> None:
    """Answer with an error in the client's format, and write the row."""
    body = refusal(call.format, error, call.exchange.id)
    if (
        isinstance(error, UpstreamRefused)
        and call.target is not None
        and call.target.format.NAME == call.format.NAME
        and error.body
    ):
        body = error.body  # as the upstream said it: some clients negotiate on the exact words
    call.account(runtime.journal, "error", error.status, error, sending=len(body))
    # A limit of the key's that refuses the call leaves no lease, and says itself how it stands.
    rooms = call.lease.rooms() if call.lease else getattr(error, "rooms", {})
    headers = refusal_headers(error) + admission.rate_headers(rooms)
    if call.attempts:
        headers.append((b"x-omniroute-attempts", b"%d" % len(call.attempts)))
    await call.exchange.respond(error.status, body, headers)


def refusal(format: formats.ClientFormat, error: GatewayError, request_id: str) -> bytes:
    return wire.dumps(format.encode_error(error, request_id))


def refusal_headers(error: GatewayError) -> Headers:
    """`retry-after`, in whole seconds and at least 1, with every 429 and 503."""
    seconds = error.come_back_s
    return [] if seconds is None else [(b"retry-after", b"%d" % max(1, math.ceil(seconds)))]
