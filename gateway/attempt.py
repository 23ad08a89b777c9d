"""One try at one target: translate, call, and wait until there is something to pass on."""

import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from time import monotonic
from typing import Any, cast

from msgspec import Struct, structs
from yarl import URL

from gateway import formats, hints, media, pictures, tasks, tokens
from gateway.bearers import Bearer
from gateway.call import Call
from gateway.deadline import Deadline
from gateway.errors import UpstreamFailed, UpstreamRefused
from gateway.formats import Format, Stage, multipart, wire
from gateway.formats.fold import fold
from gateway.formats.images import openai as openai_images
from gateway.formats.images.types import Images
from gateway.formats.kinds import (
    Answered,
    Answering,
    Relayed,
    RelayedWhole,
    Uploading,
    is_slow,
)
from gateway.formats.passage import Passage
from gateway.formats.types import JSONDict, Prompt, Reply, Usage
from gateway.routing import Target, whole_url
from gateway.runtime import Runtime
from gateway.state import Lease
from gateway.translation import Translation
from gateway.upload import Sending, Upload
from gateway.upstream import Answer
from providers.credentials import CredentialUnreadable, resolve

MAX_RETRY_AFTER_S = 3600.0
JSON = "application/json"


class Opened(Struct, kw_only=True):
    """A target that answers. `body` is the whole answer, or the first of what `stage` let pass.

    `usage` and `text_chars` are those of a whole answer; of a stream, `stage` knows them. `lease`
    is of the account's own limits.
    """

    target: Target
    answer: Answer
    limit: Deadline
    began: float  # monotonic
    body: bytes
    stage: Stage | None
    dropped: tuple[str, ...]
    usage: Usage | None = None
    text_chars: int = 0
    lease: Lease | None = None
    content_type: str = ""  # of a whole answer that is no JSON
    content_at: float = 0.0  # monotonic, when there was something to pass on

    def close(self) -> None:
        self.limit.stop()
        self.answer.close()


class _Prepared(Struct, frozen=True):
    """The body to send, and for a stream what its answer passes through."""

    body: bytes | Sending
    stage: Stage | None
    dropped: tuple[str, ...]
    url: URL
    content_type: str = "application/json"
    headers: Mapping[str, str] = {}


async def attempt(call: Call, target: Target, runtime: Runtime, left_s: float) -> Opened:
    """Call `target`; returns when the first content, or the whole of a plain answer, is there.

    Nothing of the call is changed: several attempts may run at once. `left_s` bounds it beside its
    connection's own limits.

    Raises:
        UpstreamFailed: The target cannot be reached, refuses, or answers nonsense.
        NotSupported: The request cannot be expressed in the target's format, or a file that it
            names by URL cannot be fetched.
    """
    times = target.connection.timeouts
    limit = Deadline(min(times.total, left_s))
    began = monotonic()
    answer: Answer | None = None
    try:
        with limit:
            limit.expect(_first_byte_s(call, target), "response")
            prepared, answer = await _ask(call, target, runtime, limit)
            runtime.quotas.hear(target, answer.headers, monotonic(), time.time())
            if answer.status >= 400:
                raise await _refused(target, answer)
            opened = Opened(
                target=target, answer=answer, limit=limit, began=began, body=b"",
                stage=prepared.stage, dropped=prepared.dropped,
            )  # fmt: skip
            if _is_whole_all_the_same(call, answer):
                opened.stage = None
            if opened.stage is None:
                limit.expect(times.total, "end of the answer")
                data = await answer.read()
                if not formats.is_chat(call.format):
                    data = await _follow(call, target, data, runtime)
                await _take_whole(call, opened, data, runtime)
            else:
                limit.expect(times.first_content, "content")
                opened.body = await _first_content(target, answer, opened.stage)
                limit.expect(times.idle, "further content")
            opened.content_at = monotonic()
            return opened
    except BaseException as error:
        limit.stop()
        if answer is not None:
            answer.close()
        if isinstance(error, UpstreamFailed):
            if call.upload is not None and call.upload.failed is not None:
                raise call.upload.failed from None
            hide(secrets(target), error)
        raise


async def _ask(
    call: Call, target: Target, runtime: Runtime, limit: Deadline
) -> tuple[_Prepared, Answer]:
    """Where fields follow a file that is passed on as it comes, the request is another one than
    was sent, and is sent again. The upstream has not had the end of the first, and did nothing."""
    known = call.upload.parts if call.upload is not None else 0
    prepared = await _prepare(call, target, runtime, limit)
    try:
        return prepared, await _open(call, target, prepared, runtime)
    except UpstreamFailed:
        if call.upload is None or call.upload.parts == known or call.upload.failed is not None:
            raise
    await call.upload.take()
    call.take_form()
    prepared = await _prepare(call, target, runtime, limit)
    return prepared, await _open(call, target, prepared, runtime)


async def _follow(call: Call, target: Target, data: bytes, runtime: Runtime) -> bytes:
    """The answer of a model that works in several steps, or as a task that is asked about."""
    if hasattr(target.format, "encode_following"):
        data = await tasks.follow(target, data, call.prompt, runtime.upstreams)
    if hasattr(target.format, "pending"):
        data = await tasks.outcome(target, data, runtime.upstreams)
    return data


def _is_whole_all_the_same(call: Call, answer: Answer) -> bool:
    """Some models answer to a request for events as if they were not asked for these."""
    return call.upload is not None and "json" in answer.header("content-type")


def _first_byte_s(call: Call, target: Target) -> float:
    times = target.connection.timeouts
    if call.upload is not None:  # which the client sends meanwhile
        return times.total
    return times.total if is_slow(call.format.NAME) and not call.stream else times.first_byte


def _open(call: Call, target: Target, prepared: _Prepared, runtime: Runtime) -> Awaitable[Answer]:
    headers = {**call.passed_headers(target), **prepared.headers}
    send = partial(
        runtime.upstreams.open,
        target,
        prepared.body,
        prepared.url,
        headers,
        prepared.content_type,
    )
    bearer = target.connection.bearer
    return send() if bearer is None else _open_with(bearer, send, runtime)


async def _open_with(
    bearer: Bearer, send: Callable[[], Awaitable[Answer]], runtime: Runtime
) -> Answer:
    """With a token that may have to be renewed."""
    if not bearer.is_usable(time.time()):
        await runtime.renewals.renew(bearer)
    sent = bearer.version
    answer = await send()
    if answer.status == 401 and await runtime.renewals.after_refusal(bearer, sent):
        answer.close()
        answer = await send()
    return answer


async def _prepare(call: Call, target: Target, runtime: Runtime, limit: Deadline) -> _Prepared:
    theirs = target.format
    url = target.stream_url if call.stream or _is_folded(call, target) else target.url
    if _is_passed(call, target):
        quirks = target.model.quirks
        request, strip_usage, dropped = cast(Relayed, theirs).readdress(
            call.said_to(quirks), target.sent, quirks
        )
        body: bytes | Sending
        if request is call.request and call.upload is None:
            body, kind = call.body, call.form_type or JSON
        else:
            body, kind = _written(request, bool(call.form_type), call.upload)
        # The client's own, which may frame the stream in another way. It has one: a name that is
        # an upstream's is that of a whole format.
        relay: Stage | None = None
        if call.stream:
            ours = cast(Format, call.format)
            relay = ours.Relay(strip_usage) if formats.is_chat(call.format) else _passage(call)
        return _Prepared(body, relay, dropped, url, kind)
    prompt = call.prompt
    stage: Stage | None = _passage(call) if call.stream and call.upload is None else None
    if formats.is_chat_upstream(theirs):
        prompt = await _with_bytes(call, target, theirs.TAKES_URLS, runtime, limit)
        if _is_folded(call, target):
            prompt = structs.replace(prompt, stream=True)
        elif call.stream:
            ours = cast(Format, call.format)
            stage = Translation(theirs.StreamDecoder(), ours.StreamEncoder(call.asked))
    encoded = theirs.encode_request(prompt, target.sent, target.model.quirks)
    if encoded.address:
        url = whole_url(target.base_url, encoded.address)
    if encoded.file:
        kind = encoded.body[encoded.file].content_type
        upload = cast(Upload, call.upload)
        body = Sending(upload, upload.parts)
    else:
        body, kind = _written(encoded.body, encoded.form, call.upload)
    return _Prepared(body, stage, encoded.dropped, url, kind, encoded.headers)


def _is_passed(call: Call, target: Target) -> bool:
    """Does the request go as it is?"""
    if target.format.NAME != call.format.NAME or _is_folded(call, target):
        return False
    return call.upload is None or cast(Uploading, call.format).is_passed(call.request)


def _is_folded(call: Call, target: Target) -> bool:
    """Is what comes a stream, of which one answer is made for the client?"""
    return target.model.quirks.streams_only and not call.stream and formats.is_chat(call.format)


def _passage(call: Call) -> Stage:
    """Bytes as they come, of which events tell what was used."""
    told: Callable[[JSONDict], Stage] | None = getattr(call.format, "passage", None)
    return Passage() if told is None else told(call.request)


def _written(request: JSONDict, form: bool, upload: Upload | None) -> tuple[bytes | Sending, str]:
    """A body, and its content type."""
    if not form:
        return wire.dumps(request), JSON
    if upload is None:
        return multipart.write(request)
    before, after, kind = multipart.around(request)
    return Sending(upload, upload.parts, before, after), kind


async def _with_bytes(
    call: Call, target: Target, takes_urls: media.Types, runtime: Runtime, limit: Deadline
) -> Prompt:
    """The prompt, with the bytes of what its target would not fetch by itself."""
    prompt: Prompt = call.prompt
    if not media.is_needed(prompt, takes_urls):
        return prompt
    times = target.connection.timeouts
    limit.expect(times.total, "file that the request names")
    prompt = await media.inline(prompt, takes_urls, runtime.fetcher, call.fetched)
    limit.expect(_first_byte_s(call, target), "response")  # the upstream's time begins here
    return prompt


async def _take_whole(call: Call, opened: Opened, data: bytes, runtime: Runtime) -> None:
    """A plain answer as the client gets it, and what it used."""
    theirs = cast(Answered, opened.target.format)
    if _is_passed(call, opened.target) and not (call.upload is not None and call.stream):
        opened.body, opened.usage = data, cast(RelayedWhole, theirs).sniff_response(data)
        if opened.usage is None and formats.is_chat_upstream(theirs):
            opened.text_chars = tokens.reply_chars(theirs.decode_response(wire.loads(data)))
        return
    reply: Any
    if _is_folded(call, opened.target) and "json" not in opened.answer.header("content-type"):
        decoder = cast(Format, opened.target.format).StreamDecoder()
        reply = fold([*decoder.feed(data), *decoder.close()])
    else:
        reply = theirs.decode_response(_json(data))
    opened.usage = reply.usage
    if isinstance(reply, Reply):
        opened.text_chars = tokens.reply_chars(reply)
    elif isinstance(reply, Images) and openai_images.wants_bytes(call.request):
        reply = await pictures.inline(reply, runtime.fetcher)
    if call.upload is not None:
        uploading = cast(Uploading, call.format)
        opened.body, opened.content_type = uploading.encode_answer(reply, call.asked)
        return
    ours = cast(Answering, call.format)
    opened.body = wire.dumps(ours.encode_response(reply, call.asked))


def _json(data: bytes) -> dict[str, object]:
    try:
        value = wire.loads(data)
    except ValueError:
        raise UpstreamFailed("the upstream's answer is not JSON", upstream_status=200) from None
    if not isinstance(value, dict):
        raise UpstreamFailed("the upstream's answer is no JSON object", upstream_status=200)
    return value


async def _first_content(target: Target, answer: Answer, stage: Stage) -> bytes:
    """Read until there is content to pass on: until then another target can be tried."""
    kind = answer.header("content-type")
    if kind and not _is_wanted(target, kind):
        data = await answer.read()
        if "json" in kind and formats.is_chat_upstream(target.format):
            stage.feed(b"data: " + data.replace(b"\n", b" ") + b"\n\n")  # an error object raises
        raise UpstreamFailed(
            f"the upstream answered {kind.partition(';')[0][:60]} to a streaming request",
            upstream_status=answer.status,
        )
    held = b""
    while not stage.started:
        piece = await answer.piece()
        held += stage.feed(piece) if piece else stage.close()
        if not piece:
            break
    return held


def _is_wanted(target: Target, kind: str) -> bool:
    """Is this the content type of a stream, or of an error and its like?"""
    if formats.is_chat_upstream(target.format):
        return target.format.STREAM_TYPE.partition(";")[0] in kind
    return not any(word in kind for word in ("json", "text/html", "text/plain"))


async def _refused(target: Target, answer: Answer) -> UpstreamRefused:
    """An error status as an error of ours."""
    data = without(secrets(target), await answer.read())
    words = target.format.decode_error(answer.status, data)
    return UpstreamRefused(
        words,
        upstream_status=answer.status,
        format=target.format.NAME,
        body=data if _is_object(data) else b"",  # a page of HTML is in nobody's format
        retry_after_s=_hint(answer, data),
    )


def _hint(answer: Answer, data: bytes) -> float | None:
    told = hints.retry_after(answer.header, data, time.time())
    return None if told is None else min(told, MAX_RETRY_AFTER_S)


def _is_object(data: bytes) -> bool:
    try:
        return isinstance(wire.loads(data), dict)
    except ValueError:
        return False


# --- An upstream may echo the key in what it says of a failure; it stays here ----------------


_SECRETS = ("api_key", "access_token", "secret_access_key", "session_token")


def secrets(target: Target) -> tuple[str, ...]:
    """What a call to `target` left with, or is signed by, and nobody else may see."""
    return tuple(filter(None, (_secret(target, name) for name in _SECRETS)))


def _secret(target: Target, name: str) -> str:
    bearer = target.connection.bearer
    auth = target.connection.auth if bearer is None else bearer.auth
    try:
        return resolve(auth.get(name, ""))
    except CredentialUnreadable:
        return ""


def without(hidden: Iterable[str], data: bytes) -> bytes:
    for secret in hidden:
        data = data.replace(secret.encode(), b"[key]")
    return data


def hide(hidden: Iterable[str], error: UpstreamFailed) -> None:
    """Take secrets out of an error's message."""
    for secret in hidden:
        if secret in str(error):
            error.args = (str(error).replace(secret, "[key]"),)
