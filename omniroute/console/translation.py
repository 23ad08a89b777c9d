"""What the gateway would make of a request, an answer or a stream. Nothing is sent, nothing kept.

The same functions in the same order as in `gateway/attempt.py` and `gateway/pipeline.py`.
"""

import base64
import binascii
from typing import Any

import msgspec
from msgspec import Struct

from gateway.errors import BadRequest, GatewayError, UpstreamFailed
from gateway.formats import Format, Stage, StreamDecoder, wire
from gateway.formats.types import Asked, Event, JSONDict, Prompt, Quirks, Reply, Started
from gateway.translation import Translation
from omniroute.console.readable import legible, listed, pretty

# Stands where a call's own id would.
REQUEST_ID = "req_00000000000000000000000000"


class Upstream(Struct, frozen=True):
    """Who would get the request, and at which address. `model` is its name there."""

    format: Format
    model: str
    url: str
    stream_url: str
    quirks: Quirks = Quirks()

    def address(self, stream: bool) -> str:
        return self.stream_url if stream else self.url


class Failure(Struct, frozen=True):
    """What the client would get instead. `status` is null inside a stream that has begun."""

    message: str
    status: int | None
    body: str


class Explained(Struct, frozen=True, kw_only=True):
    """Of each text what is too long is cut; `size` is that of what goes on, in bytes.

    `neutral` is empty where it could not be read; `unread` says why, if it is relayed all the
    same. `relayed`: both ends speak one format, so the neutral form is only for the reader.
    """

    neutral: str = ""
    unread: str = ""
    relayed: bool = False
    address: str = ""
    body: str = ""
    size: int = 0
    dropped: tuple[str, ...] = ()
    events: int = 0
    is_binary: bool = False  # `body` is base64
    failure: Failure | None = None


def is_binary(format: Format) -> bool:
    """Are its streams no text, so that they can be pasted as base64 only?"""
    return not format.STREAM_TYPE.startswith(("text/", "application/x-ndjson", "application/json"))


def stream_bytes(format: Format, text: str) -> bytes:
    """A pasted stream as it came over the wire. Raises `ValueError` where base64 is expected."""
    if not is_binary(format):
        return text.encode(errors="replace")
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"a stream of {format.NAME} is binary; paste it as base64") from error


def stream_text(format: Format, data: bytes) -> str:
    """The opposite of `stream_bytes`."""
    if is_binary(format):
        return base64.encodebytes(data).decode()
    return data.decode(errors="replace")


# --- Requests --------------------------------------------------------------------------------


def explain_request(
    client: Format, text: str, upstream: Upstream, *, stream: bool = False
) -> Explained:
    """A request on its way to `upstream`.

    Args:
        stream: Streaming is asked for outside of the body, as Gemini's address does.
    """
    try:
        body = _object(text)
        client.check_request(body)
        if upstream.format.NAME == client.NAME:
            return _relayed_request(client, text, body, upstream, stream)
        prompt = _with_address(client.decode_request(body), upstream, stream)
    except GatewayError as error:
        return Explained(failure=_failure(client, error))
    return _translated_request(client, prompt, upstream)


def _object(text: str) -> JSONDict:
    try:
        body = wire.loads(text)
    except ValueError as error:
        raise BadRequest(f"the body is not JSON: {error}") from None
    if not isinstance(body, dict):
        raise BadRequest("the body must be a JSON object")
    return body


def _with_address(prompt: Prompt, upstream: Upstream, stream: bool) -> Prompt:
    """With what an address tells where the body does not."""
    return msgspec.structs.replace(
        prompt, model=prompt.model or upstream.model, stream=prompt.stream or stream
    )


def _relayed_request(
    client: Format, text: str, body: JSONDict, upstream: Upstream, stream: bool
) -> Explained:
    sent, _, dropped = client.readdress(body, upstream.model, upstream.quirks)
    neutral = unread = ""
    try:
        prompt = _with_address(client.decode_request(body), upstream, stream)
        neutral, stream = pretty(prompt), prompt.stream
    except GatewayError as error:  # nobody but this page reads it
        unread, stream = str(error), stream or client.wants("", body)[1]
    return Explained(
        neutral=neutral,
        unread=unread,
        relayed=True,
        address=upstream.address(stream),
        body=pretty(sent),
        size=len(text.encode(errors="replace") if sent is body else wire.dumps(sent)),
        dropped=dropped,
    )


def _translated_request(client: Format, prompt: Prompt, upstream: Upstream) -> Explained:
    neutral = pretty(prompt)
    try:
        encoded = upstream.format.encode_request(prompt, upstream.model, upstream.quirks)
        size = len(wire.dumps(encoded.body))
    except GatewayError as error:
        return Explained(neutral=neutral, failure=_failure(client, error))
    return Explained(
        neutral=neutral,
        address=upstream.address(prompt.stream),
        body=pretty(encoded.body),
        size=size,
        dropped=encoded.dropped,
    )


# --- Answers ---------------------------------------------------------------------------------


def explain_response(
    upstream: Format, text: str, client: Format, *, model: str = "", now: int = 0
) -> Explained:
    """A whole answer on its way to a client.

    Args:
        model: What the client called; empty: what the answer says.
        now: Unix seconds, for an answer that tells no time.
    """
    data = text.encode(errors="replace")
    reply: Reply | None = None
    unread = ""
    try:
        reply = upstream.decode_response(_answer(data))
    except UpstreamFailed as error:
        unread = str(error)
        if upstream.NAME != client.NAME or not _has_usage(upstream, data):
            return Explained(failure=_failure(client, error))
    if reply is None or upstream.NAME == client.NAME:
        neutral = pretty(reply) if reply else ""
        return Explained(
            neutral=neutral, unread=unread, relayed=True, body=legible(text), size=len(data)
        )
    try:
        body = client.encode_response(reply, _asked(model or reply.model, now))
        size = len(wire.dumps(body))
    except GatewayError as error:
        return Explained(neutral=pretty(reply), failure=_failure(client, error))
    return Explained(neutral=pretty(reply), body=pretty(body), size=size)


def _answer(data: bytes) -> JSONDict:
    try:
        value = wire.loads(data)
    except ValueError:
        raise UpstreamFailed("the upstream's answer is not JSON", upstream_status=200) from None
    if not isinstance(value, dict):
        raise UpstreamFailed("the upstream's answer is no JSON object", upstream_status=200)
    return value


def _has_usage(upstream: Format, data: bytes) -> bool:
    """Where an answer is relayed and tells its usage, nothing else of it is read."""
    try:
        return upstream.sniff_response(data) is not None
    except UpstreamFailed:
        return False


def _asked(model: str, now: int) -> Asked:
    return Asked(model=model, id=REQUEST_ID, created=now, include_usage=True)


# --- Streams ---------------------------------------------------------------------------------


def explain_stream(
    upstream: Format, data: bytes, client: Format, *, model: str = "", now: int = 0
) -> Explained:
    """A stream on its way to a client. Arguments as of `explain_response`."""
    pieces = _pieces(upstream, data)
    events, unread = _events(upstream.StreamDecoder(), pieces)
    started = next((event for event in events if isinstance(event, Started)), None)
    relayed = upstream.NAME == client.NAME
    stage: Stage = (
        upstream.Relay(False)
        if relayed
        else Translation(
            upstream.StreamDecoder(),
            client.StreamEncoder(_asked(model or (started.model if started else ""), now)),
        )
    )
    sent, error = _through(stage, pieces)
    failure = None
    if error is not None and not stage.started:
        failure, sent = _failure(client, error), b""
    elif error is not None:
        end = b"" if error is stage.failed else client.encode_stream_error(error, REQUEST_ID)
        sent += end
        failure = Failure(str(error), None, legible(stream_text(client, end)))
    return Explained(
        neutral=listed(events),
        events=len(events),
        unread=unread if relayed and failure is None else "",
        relayed=relayed,
        body=legible(stream_text(client, sent)),
        size=len(sent),
        is_binary=is_binary(client),
        failure=failure,
    )


def _pieces(upstream: Format, data: bytes) -> list[bytes]:
    """So small that none ends two events: what comes before a failure is to be seen.

    A line each; of what is binary 16 bytes, the least that a frame of AWS's takes.
    """
    if is_binary(upstream):
        return [data[at : at + 16] for at in range(0, len(data), 16)]
    return data.splitlines(keepends=True)


def _events(decoder: StreamDecoder, pieces: list[bytes]) -> tuple[list[Event], str]:
    """All that can be read, and why there is no more."""
    events: list[Event] = []
    try:
        for piece in pieces:
            events += decoder.feed(piece)
        events += decoder.close()
    except UpstreamFailed as error:
        return events, str(error)
    return events, ""


def _through(stage: Stage, pieces: list[bytes]) -> tuple[bytes, UpstreamFailed | None]:
    """What the client gets, and the failure that ends it."""
    sent = bytearray()
    try:
        for piece in pieces:
            sent += stage.feed(piece)
            if stage.finished or stage.failed is not None:
                return bytes(sent), stage.failed
        sent += stage.close()
    except UpstreamFailed as error:
        return bytes(sent), error
    return bytes(sent), stage.failed


# --- Errors ----------------------------------------------------------------------------------


def _failure(client: Format, error: GatewayError) -> Failure:
    body: Any = client.encode_error(error, REQUEST_ID)
    return Failure(str(error), error.status, pretty(body))
