"""What formats share about errors: finding the row of a table, reading an upstream's words."""

import re
from typing import TypeVar

import msgspec

from gateway.errors import GatewayError, UpstreamFailed
from gateway.formats import wire

Row = TypeVar("Row")
Read = TypeVar("Read", bound=msgspec.Struct)

MAX_WORDS = 500
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")
_TAG = re.compile(r"<[^>]*>")
_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)


class NotAnEvent(UpstreamFailed):
    """What stands in a stream is nothing that its format knows; at its end, half of an event."""


def row_of(table: dict[type[GatewayError], Row], error: GatewayError) -> Row:
    """The nearest ancestor's row: a new class of error has a body from its first day."""
    return next(table[kind] for kind in type(error).__mro__ if kind in table)


def decode_error(status: int, body: bytes) -> str:
    """What an upstream's error body says, whatever it is; at most MAX_WORDS characters."""
    return clean(_words(body)) or f"the upstream answered {status}"


def _words(body: bytes) -> str:
    text = body.decode(errors="replace")
    try:
        value = wire.loads(text)
    except ValueError:
        title = _TITLE.search(text)
        return (title[1] if title else _TAG.sub(" ", text)).strip()
    if isinstance(value, list) and value:  # Google wraps its errors in an array
        value = value[0]
    for name in ("error", "message", "detail"):
        found = value.get(name) if isinstance(value, dict) else None
        if isinstance(found, dict):
            found = found.get("message")
        if isinstance(found, str):
            return found
    return text


# Statuses behind errors that come inside a 200: some servers have sent it before they know.
_STATUSES = {
    "authentication_error": 401,
    "permission_error": 403,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "overloaded_error": 529,
}


def reported(error: object) -> UpstreamFailed:
    """The failure that an error object inside a 200 stands for, whatever its shape."""
    if not isinstance(error, dict):
        return UpstreamFailed(_told(error), upstream_status=200)
    status = 200
    for name in ("code", "status", "type"):
        told = error.get(name)
        if isinstance(told, int) and 400 <= told < 600:
            status = told
        elif isinstance(told, str) and told in _STATUSES:
            status = _STATUSES[told]
    return UpstreamFailed(_told(error.get("message")), upstream_status=status)


def _told(words: object) -> str:
    told = clean(words) if isinstance(words, str) else ""
    return told or "the upstream reports an error"


def clean(words: str) -> str:
    """An upstream's words as they may stand in a message, a log and a database."""
    # encode: half a surrogate pair is no text
    words = _CONTROL.sub(" ", words[: 2 * MAX_WORDS]).encode(errors="replace").decode()
    return words.strip()[:MAX_WORDS]


def read_leniently(data: bytes, kind: type[Read]) -> Read:
    """What the strict parser refused and JSON allows; the fields' types are not checked.

    Raises:
        UpstreamFailed: It is no JSON object.
    """
    try:
        told = wire.loads(data)
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise UpstreamFailed("the upstream's answer is not JSON", upstream_status=200)
    return kind(**{name: told[name] for name in kind.__struct_fields__ if name in told})
