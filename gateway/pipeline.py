"""One call, from the door to the bill: authenticate, admit, resolve, attempt, relay, account."""

import asyncio
import math
from time import monotonic, time
from typing import cast

from accounts.keys import hash_key
from analytics.costs import format_usd
from gateway import admission, controls, cooling, formats, replays, routing, soft_budgets, tokens
from gateway.attempt import Opened, hide, secrets, without
from gateway.call import Call
from gateway.choice import Ask, Choice
from gateway.controls import Controls
from gateway.errors import (
    BadRequest,
    BudgetSpent,
    GatewayError,
    KeyRejected,
    NotAllowed,
    UpstreamFailed,
    UpstreamRefused,
)
from gateway.exchange import Disconnected, Exchange, Headers
from gateway.fallback import Fallback
from gateway.formats import Stage, kinds, multipart, wire
from gateway.formats.kinds import AnyClient, KindClient
from gateway.formats.needs import Needs
from gateway.formats.types import JSONDict
from gateway.routing import Route, Target
from gateway.runtime import Runtime
from gateway.selection import Chooser, undisturbed
from gateway.snapshot import Principal, Snapshot
from gateway.upload import FIELDS_BYTES, Upload
from gateway.verdict import Verdict

DRAIN_S = 2.0


class Conversation:
    """What a call has to do with calls before and after it: nothing, in most formats."""

    async def recall(self, call: Call) -> None:
        """Complete the request by what it refers to."""

    async def remember(self, call: Call, sent: bytes) -> None:
        """`sent` is the answer, or the end of a stream, and the client does not have it yet."""


async def serve(
    exchange: Exchange,
    format: AnyClient,
    runtime: Runtime,
    conversation: Conversation = Conversation(),  # noqa: B008  # it holds nothing
) -> None:
    """Answer one call; whatever happens, it is one row of the log."""
    call = Call(exchange, format, runtime.snapshot)
    try:
        call.principal = authenticate(call.snapshot, exchange)
        call.paying = soft_budgets.payers(call.principal, call.snapshot.budgets)
        call.controls = controls.read(exchange.scope["headers"], call.principal.controls)
        await read(call, runtime, conversation)
        route = routing.resolve(call.snapshot, call.principal, call.model, format.NAME)
        call.combo = route.combo
        exchange.watch()
        kept = await replays.find(call, route, runtime)
        if kept is not None:
            await replays.give(call, kept, runtime)
            return
        choice = await choose(call, route, runtime)
        await admit(call, choice, runtime)
        opened = await Fallback(call, choice, runtime, route.hedge_after).first_answer()
        call.take(opened)
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
        if call.upload is not None:
            call.upload.close()
        if call.first is not None:
            await call.first.failed()


def authenticate(snapshot: Snapshot, exchange: Exchange) -> Principal:
    """Who calls.

    Raises:
        KeyRejected: No key, two keys, or one that is unknown, expired or revoked.
        NotAllowed: The key is not for this, or not from this address.
    """
    key = exchange.credential()
    digest = exchange.granted or (hash_key(key) if key else "")
    admission.check_address(snapshot.networks, exchange.client_ip)
    principal = snapshot.keys.get(digest)
    if principal is None:
        if not snapshot.require_api_key:
            return snapshot.anyone
        raise KeyRejected("the API key is not valid" if digest else "no API key was given")
    if principal.scope != "inference":
        raise NotAllowed("this API key is for the management API; models need an inference key")
    admission.check_principal(principal, exchange.client_ip, exchange.time)
    return principal


async def read(call: Call, runtime: Runtime, conversation: Conversation) -> None:
    """Take in what is asked.

    Raises:
        BadRequest: It is no JSON object, or a field is missing or wrong.
    """
    if streamed := kinds.STREAMED_FILES.get(call.format.NAME):
        await read_form(call, streamed, runtime)
    else:
        await read_json(call, runtime)
        call.format.check_request(call.request)
    await conversation.recall(call)
    say(call)
    call.estimated_input = tokens.estimate_body(call.request)
    call.max_tokens = call.format.max_tokens(call.request)
    call.units = units(call.format, call.request)
    call.measure()


def units(format: AnyClient, request: JSONDict) -> dict[str, int]:
    """What a request is going to use that is not counted in tokens; of a chat, nothing."""
    if formats.is_chat(format):
        return {}
    return {"requests": 1} | cast(KindClient, format).units(request)


def say(call: Call) -> None:
    """Put in what the operator has to say to a chat model, and about its thinking."""
    principal, request, format = call.principal, call.request, call.format
    call.own = request
    if not formats.is_chat(format):
        return
    if principal.system_prompt:
        call.request = format.with_system(call.request, principal.system_prompt)
    call.undecided = call.request
    if principal.thinking is not None:
        call.request = format.with_thinking(call.request, principal.thinking)
    if call.request is not request:
        call.body = wire.dumps(call.request)


async def read_json(call: Call, runtime: Runtime) -> None:
    """Take in a body that is a JSON object, or a form where the format takes these."""
    call.raw = call.body = await call.exchange.read_body(runtime.max_body_bytes)
    kind = call.exchange.headers.get(b"content-type", b"").decode("latin-1")
    if multipart.is_form(kind) and getattr(call.format, "TAKES_FORMS", False):
        call.form_type = kind
    try:
        request = multipart.parse(kind, call.raw) if call.form_type else wire.loads(call.raw)
    except ValueError as error:
        raise BadRequest(f"the body is not JSON: {error}") from None
    if not isinstance(request, dict):
        raise BadRequest("the body must be a JSON object")
    call.request = request
    call.model, call.stream = call.format.wants(call.exchange.path, request)


async def read_form(call: Call, streamed: str, runtime: Runtime) -> None:
    """Take in a form up to its file, which is read when it is sent on; all of it where what comes
    after the file has to be known now."""
    kind = call.exchange.headers.get(b"content-type", b"").decode("latin-1")
    if not multipart.is_form(kind):
        raise BadRequest("the body must be a form (multipart/form-data)")
    form = multipart.Form(kind, streamed, FIELDS_BYTES)
    call.form_type, call.upload = kind, Upload(call.exchange, form, runtime.max_body_bytes)
    await call.upload.begin("model")
    call.take_form()


async def admit(call: Call, choice: Choice, runtime: Runtime) -> None:
    """Reserve what the call may cost, and write down that it begins.

    Where there is not enough for the first target, for the cheapest one: those that are dearer are
    passed over when their turn comes.

    Raises:
        BudgetSpent, RateLimited: The key has nothing left.
        StorageUnavailable: The journal cannot be written.
    """
    target = choice.order[0]
    try:
        picousd = await reserve(call, target, runtime)
    except BudgetSpent:
        # Another may be cheap enough, or free: this one is then passed over in its turn.
        cheapest = min(choice.order, key=lambda each: call.estimate(each)[1])
        if call.estimate(cheapest)[1] >= call.estimate(target)[1]:
            raise
        target, picousd = cheapest, await reserve(call, cheapest, runtime)
    call.begin(runtime.journal, target, picousd if target.model.prices else None)


async def reserve(call: Call, target: Target, runtime: Runtime) -> int:
    """Take from the key's limits and budgets; what the call may cost in 10⁻¹² USD."""
    wanted, picousd = call.estimate(target)
    claim = admission.of_key(call.principal, call.paying, wanted, picousd)
    if claim is not None:
        call.lease = await runtime.lines.claim(claim, call.principal.name)
    return picousd


async def choose(call: Call, route: Route, runtime: Runtime) -> Choice:
    """Who is asked, in which order.

    Raises:
        BadRequest: No candidate can do what the request needs, or asks for.
        RateLimited, Unavailable: All that could are cooling down.
    """
    runtime.retries.earn()
    runtime.health.policy = call.snapshot.policy
    ask = wishes(
        route,
        call.principal,
        call.format,
        call.request,
        call.controls,
        call.estimated_input,
        call.max_tokens,
        call.units,
    )
    choice = undisturbed(route, ask, runtime.health) or await weigh(ask, route, runtime)
    if call.controls.no_fallback:
        choice = choice.first_only()
    call.trace = choice.trace(route.named)
    if not choice.order:
        raise choice.refusal(ask)
    return choice


async def weigh(ask: Ask, route: Route, runtime: Runtime) -> Choice:
    """Of the candidates those that fit, in the strategies' order; where all that do are limited for
    a moment, after that."""
    turns = await runtime.state.turn(route.turns) if route.turns else ()
    named = dict(zip(route.turns, turns, strict=True))
    until = monotonic() + cooling.WAIT_S
    while not (choice := chooser(ask, runtime, named).choose(route)).order:
        if await cooling.first_back(choice.cooling, runtime, until) is None:
            break
    return choice


def wishes(
    route: Route,
    principal: Principal,
    format: AnyClient,
    request: JSONDict,
    controls: Controls,
    prompt_tokens: int,
    max_tokens: int | None,
    units: dict[str, int],
) -> Ask:
    """What a request wants of a candidate."""
    return Ask(
        principal=principal,
        # Looking through a long conversation takes its time: only where somebody lacks something.
        needs=format.needs(request) if route.is_picky and formats.is_chat(format) else Needs(),
        prompt_tokens=prompt_tokens,
        max_tokens=max_tokens,
        output_tokens=admission.output_tokens(max_tokens),
        controls=controls,
        units=units,
    )


def chooser(ask: Ask, runtime: Runtime, turns: dict[str, int]) -> Chooser:
    return Chooser(
        ask,
        runtime.health,
        runtime.observed,
        turns=turns,
        rng=runtime.rng,
        now=monotonic(),
        wall=time(),
    )


async def answer(call: Call, opened: Opened, runtime: Runtime, conversation: Conversation) -> None:
    """Pass the answer on. The row is in the journal before the client has the terminal bytes."""
    kept = kept_headers(call, opened)
    headers = kept + answer_headers(call, runtime)
    try:
        if opened.stage is None:
            call.finished = True
            call.tried(opened.target, opened.began, opened.answer.status, None)
            call.keep(opened.body)
            await conversation.remember(call, opened.body)
            cost = call.account(runtime.journal, "ok", 200, sending=len(opened.body))
            if cost is not None:
                headers.append((b"x-omniroute-cost", format_usd(cost).encode()))
            kind = replays.content_type(call).encode("latin-1", "replace")
            await call.exchange.respond(200, opened.body, headers, kind)
            await replays.keep(call, 200, kept, runtime)
        else:
            kind = replays.content_type(call).encode("latin-1", "replace")
            await call.exchange.start(200, [(b"content-type", kind), *replays.NO_BUFFERS, *headers])
            await relay(call, opened, opened.stage, runtime, conversation)
            if call.finished:
                await replays.keep(call, 200, kept, runtime)
                await drain(opened)
    finally:
        opened.close()
        observe(call, opened, runtime)


def observe(call: Call, opened: Opened, runtime: Runtime) -> None:
    """Tell what the call was like, for those that follow."""
    now, usage, key = monotonic(), call.final_usage("ok"), opened.target.key
    if call.finished:
        runtime.health.succeeded(*key, now, began=opened.began)
    runtime.observed.ended(
        key,
        tokens=usage.input_tokens + usage.output_tokens,
        output_tokens=max(usage.output_tokens - usage.reasoning_tokens, 0),
        seconds_streaming=now - opened.content_at if opened.stage is not None else 0.0,
        now=now,
    )


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
        call.tried(opened.target, opened.began, 200, str(error))
        broke = Verdict("stop", "server", scope="model", cause=f"a stream broke: {error}")
        runtime.health.failed(*opened.target.key, broke, monotonic())
        # What the upstream itself said of its failure has the client's format already.
        if error is stage.failed:
            end = without(hidden, data)
        else:
            end = stage.fail(error) or ending(call, error)
        call.account(runtime.journal, "truncated", 200, error, sending=len(end))
        error.__traceback__ = None  # it holds the call, and `stage` holds the error
        if formats.is_chat(call.format):
            await exchange.finish(end)
        else:
            if end:
                await exchange.write(end)
            await exchange.break_off()
        return
    except asyncio.CancelledError:
        call.note(stage)
        call.tried(opened.target, opened.began, 200, call.why_it_ends)
        raise
    call.finished = True
    call.note(stage)
    call.tried(opened.target, opened.began, 200, None)
    call.keep(data)
    await conversation.remember(call, data)
    call.account(runtime.journal, "ok", 200, sending=len(data))
    await exchange.finish(data)


def ending(call: Call, error: GatewayError) -> bytes:
    """What ends a broken stream; one that is no text cannot say so."""
    if formats.is_chat(call.format):
        return call.format.encode_stream_error(error, call.exchange.id)
    return b""


async def drain(opened: Opened) -> None:
    """Read an answer to its very end, so that its connection can serve another call."""
    try:
        with opened.limit:
            opened.limit.expect(DRAIN_S, "end of the connection's answer")
            while await opened.answer.piece():
                pass
    except UpstreamFailed:
        return  # the answer was complete; its connection is closed instead


def kept_headers(call: Call, opened: Opened) -> Headers:
    """Those that stay true when the answer is given again."""
    headers = [*opened.target.headers]
    if call.dropped:
        headers.append((b"x-omniroute-dropped", ", ".join(call.dropped).encode()))
    return headers


def answer_headers(call: Call, runtime: Runtime) -> Headers:
    """Those that are true of this answer only."""
    headers = [(b"x-omniroute-attempts", b"%d" % (len(call.attempts) + 1))]
    headers += replays.cache_header(call)
    if passed := soft_budgets.passed(call.paying, runtime.logged):
        words = "; ".join(each.words for each in passed)
        headers.append((b"x-omniroute-warning", words.encode()))
    return headers + (admission.rate_headers(call.lease.rooms()) if call.lease else [])


async def refuse(call: Call, error: GatewayError, runtime: Runtime) -> None:
    """Answer with an error in the client's format, and write the row."""
    body = refusal(call.format, error, call.exchange.id)
    if isinstance(error, UpstreamRefused) and error.format == call.format.NAME and error.body:
        body = error.body  # as the upstream said it: some clients negotiate on the exact words
    call.account(runtime.journal, "error", error.status, error, sending=len(body))
    # A limit of the key's that refuses the call leaves no lease, and says itself how it stands.
    rooms = call.lease.rooms() if call.lease else getattr(error, "rooms", {})
    headers = refusal_headers(error) + admission.rate_headers(rooms) + replays.cache_header(call)
    if call.attempts:
        headers.append((b"x-omniroute-attempts", b"%d" % len(call.attempts)))
    await call.exchange.respond(error.status, body, headers)
    await replays.keep(call, error.status, [], runtime)


def refusal(format: AnyClient, error: GatewayError, request_id: str) -> bytes:
    return wire.dumps(format.encode_error(error, request_id))


def refusal_headers(error: GatewayError) -> Headers:
    """`retry-after`, in whole seconds and at least 1, with every 429 and 503."""
    seconds = error.come_back_s
    return [] if seconds is None else [(b"retry-after", b"%d" % max(1, math.ceil(seconds)))]
