"""Providers that take a task and do it later: it is looked at until it is done."""

import asyncio
from typing import Any

from yarl import URL

from gateway.errors import UpstreamFailed
from gateway.formats import wire
from gateway.formats.kinds import Lasting, Uploaded
from gateway.formats.types import JSONDict
from gateway.routing import Target, whole_url
from gateway.upstream import Upstreams

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 5.0


async def follow(target: Target, uploaded: bytes, prompt: Any, upstreams: Upstreams) -> bytes:
    """What is answered to the request that refers to a file that was sent before.

    Raises:
        UpstreamFailed: It is refused, or there is nothing to refer to.
    """
    format: Uploaded = target.format  # type: ignore[assignment]  # its caller has looked
    encoded = format.encode_following(_read(uploaded), prompt, target.sent)
    url = whole_url(target.base_url, encoded.address)
    return await _ask(target, url, upstreams, wire.dumps(encoded.body))


async def outcome(target: Target, answer: bytes, upstreams: Upstreams) -> bytes:
    """What became of the task that `answer` tells of. The attempt's time limit is the only one.

    Raises:
        UpstreamFailed: It cannot be looked at, or its place is not the provider's.
    """
    format: Lasting = target.format  # type: ignore[assignment]  # its caller has looked
    pause_s, place = FIRST_PAUSE_S, ""
    while True:
        waits, told = format.pending(_read(answer))
        if not waits:
            return answer
        place = told or place
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 1.5, LONGEST_PAUSE_S)
        answer = await _ask(target, _checked(target, place), upstreams)


def _read(answer: bytes) -> JSONDict:
    try:
        told = wire.loads(answer)
    except ValueError:
        told = None
    return told if isinstance(told, dict) else {}


def _checked(target: Target, place: str) -> URL:
    """The credential goes there, so it must be the provider's: its host, or one beside it."""
    if place.startswith("/") and not place.startswith("//"):
        return whole_url(target.base_url, place)
    try:
        url, base = URL(place), URL(target.base_url)
    except ValueError:
        url = base = URL()
    if not url.host or url.scheme != base.scheme or _site(url) != _site(base):
        raise UpstreamFailed("the task is at an address that is not its provider's")
    return url


def _site(url: URL) -> tuple[str, int | None]:
    """`eu.api.example.com` and `api.example.com` are of one site; an IP address is its own."""
    host = url.host or ""
    numeric = ":" in host or host.replace(".", "").isdigit()
    return host if numeric else ".".join(host.split(".")[-2:]), url.port


async def _ask(target: Target, url: URL, upstreams: Upstreams, body: bytes = b"") -> bytes:
    kind, method = ("application/json", "POST") if body else ("", "GET")
    answer = await upstreams.open(target, body, url, content_type=kind, method=method)
    try:
        data = await answer.read()
    finally:
        answer.close()
    if answer.status >= 400:
        words = target.format.decode_error(answer.status, data)
        raise UpstreamFailed(words, upstream_status=answer.status)
    return data
