"""What formats share about errors: finding the row of a table, reading an upstream's words."""

import re
from typing import TypeVar

import msgspec

from gateway.errors import GatewayError, UpstreamFailed
from gateway.formats import wire

Row = TypeVar("Row")
Read = TypeVar("Read")

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
    words = _words(body)
    return _CONTROL.sub(" ", words).strip()[:MAX_WORDS] or f"the upstream answered {status}"


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


def error_words(error: object) -> str:
    """The message of an error object, whatever shape the server gave it."""
    words = error.get("message") if isinstance(error, dict) else error
    return words if isinstance(words, str) and words else "the upstream reports an error"


def read_leniently(data: bytes, kind: type[Read]) -> Read:
    """What the strict parser refused and JSON allows. Raises `UpstreamFailed` for the rest."""
    try:
        return msgspec.convert(wire.loads(data), kind)
    except (ValueError, msgspec.MsgspecError):
        raise UpstreamFailed("the upstream's answer is not JSON", upstream_status=200) from None
