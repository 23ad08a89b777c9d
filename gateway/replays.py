"""Answers given again: from the response cache, or to a request that was made before."""

from gateway import cache, formats, idempotency
from gateway.call import Call
from gateway.exchange import Headers
from gateway.formats import wire
from gateway.kept import Kept, Recorder
from gateway.routing import Route
from gateway.runtime import Runtime

NO_BUFFERS: Headers = [
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),  # nginx would hold the stream back
]
# Features that a client asks for beside the body, and that change the answer.
BESIDE = (b"anthropic-beta", b"x-omniroute-connection")


async def find(call: Call, route: Route, runtime: Runtime) -> Kept | None:
    """The answer that the call was given before; None where it has to be made.

    Raises:
        BadRequest: A header is wrong, or the key of another request.
        IdempotencyInProgress, AnswerNotKept: The first request with the key has no answer yet, or
            had one that was too large.
    """
    headers, tenant = call.exchange.headers, call.principal.id
    key = idempotency.read_key(headers.get(b"idempotency-key"))
    wish = headers.get(b"x-omniroute-cache")
    is_cached = cache.wants_cache(call.principal.cache, route.cache, wish, call.controls.no_cache)
    if call.upload is not None and (key is not None or is_cached):
        await call.upload.take()
        call.take_form()
    if key is not None:
        # A form has another boundary each time that it is sent.
        told = wire.dumps(call.request) if call.form_type else call.raw
        same = idempotency.fingerprint(call.exchange.path, content_type(call), told)
        found = await runtime.idempotency.begin(tenant, key, same, wait_s=call.snapshot.deadline_s)
        if isinstance(found, Kept):
            call.cache = "again"
            return found
        call.first = found
    if is_cached:
        call.cache_key = cache.key(
            tenant,
            call.format.NAME,
            call.model,
            call.request | call.referred,
            content_type=content_type(call),
            beside=_beside(call),
        )
    if call.cache_key is not None:
        kept = await cache.find(runtime.state, call.cache_key)
        call.cache = "miss" if kept is None else "hit"
        if kept is not None:
            return kept
    if call.first is not None or call.cache_key is not None:
        call.exchange.recorder = Recorder()
    return None


def _beside(call: Call) -> list[str]:
    """Each with its name, and in all of its lines."""
    return [
        f"{name.decode()}: {value.decode('latin-1')}"
        for name in BESIDE
        for value in call.exchange.values(name)
    ]


def content_type(call: Call) -> str:
    """Of the answer that is wanted."""
    if call.answer_type or not call.stream:
        return call.answer_type or "application/json"
    return call.format.STREAM_TYPE if formats.is_chat(call.format) else "application/octet-stream"


async def give(call: Call, kept: Kept, runtime: Runtime) -> None:
    """Answer with what is kept, a stream as a stream."""
    exchange = call.exchange
    call.kept = kept
    if call.first is not None:  # which the cache has answered: for whoever sends the key again too
        await call.first.done(kept)
    headers = [*kept.headers, *cache_header(call)]
    if call.cache == "again":
        headers.append((b"idempotent-replayed", b"true"))
    call.account(
        runtime.journal, "ok" if kept.status < 400 else "error", kept.status, sending=len(kept.body)
    )
    if not kept.stream:
        await exchange.respond(kept.status, kept.body, headers, kept.content_type.encode())
        return
    kind = (b"content-type", kept.content_type.encode())
    await exchange.start(kept.status, [kind, *NO_BUFFERS, *headers])
    for piece in kept.pieces[:-1]:
        await exchange.write(piece)
    await exchange.finish(kept.pieces[-1])


def cache_header(call: Call) -> Headers:
    """Where a cache was consulted."""
    return [(b"x-omniroute-cache", call.cache.encode())] if call.cache in ("hit", "miss") else []


async def keep(call: Call, status: int, headers: Headers, runtime: Runtime) -> None:
    """Keep what was answered, for whoever asks the same again."""
    recorder, first = call.exchange.recorder, call.first
    if recorder is None:
        return
    recorder.end()
    kept = recorder.kept(
        status=status,
        content_type=content_type(call) if status == 200 else "application/json",
        stream=call.stream and status == 200,
        headers=headers,
        usage=call.usage,
        made_at=call.exchange.time,
    )
    if kept is not None and call.cache_key is not None:
        await cache.keep(runtime.state, call.cache_key, kept, call.snapshot.cache_ttl_s)
    if first is not None:
        await first.done(kept)
