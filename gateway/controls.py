"""What a client says of its one request by header: `x-omniroute-…`, each as its key allows.

A header of that prefix that is none of these is somebody else's and is left alone.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import unquote

from msgspec import Struct

from analytics.costs import PICO
from gateway.errors import BadRequest, NotAllowed

PREFIX = b"x-omniroute-"
MAX_TAGS = 10
MAX_NAME_CHARS = 200

_YES, _NO = (b"true", b"1"), (b"false", b"0")
_USD_PICO = int(10**PICO)
_USD = re.compile(rb"(\d{1,9})(?:\.(\d{1,12}))?")
_TAG = re.compile(r"[A-Za-z0-9._:/-]{1,50}")


class Controls(Struct, frozen=True):
    """`no_fallback`: one target and no other. `no_cache`: neither read it nor write to it.
    `connection` is to be used, `session` kept together, `tags` are for the log."""

    no_fallback: bool = False
    no_cache: bool = False
    max_cost_picousd: int | None = None
    connection: str | None = None
    session: str | None = None
    tags: tuple[str, ...] = ()


NONE = Controls()


def read(headers: Iterable[tuple[bytes, bytes]], allowed: frozenset[str]) -> Controls:
    """What the headers, with names in lower case, ask for. Lines of one name are one list.

    Args:
        allowed: Those of `CONTROLS` that the key may use. A `false` uses nothing.

    Raises:
        BadRequest: A value is wrong; its header is named.
        NotAllowed: The key may not use one of them; it is named.
    """
    found: dict[bytes, bytes] = {}
    for header, value in headers:
        if header.startswith(PREFIX):
            found[header] = b"%b,%b" % (found[header], value) if header in found else value
    return _said(found, allowed) if found else NONE


def _said(found: Mapping[bytes, bytes], allowed: frozenset[str]) -> Controls:
    said: dict[str, Any] = {}
    for header, text in found.items():
        name = header[len(PREFIX) :].decode("latin-1")
        if name not in _READERS:
            continue
        told = header.decode()
        field, reader = _READERS[name]
        value = reader(told, text.strip())
        if value is False:
            continue
        if name not in allowed:
            raise NotAllowed(f"{told}: this API key may not use it", param=told)
        said[field] = value
    return Controls(**said) if said else NONE


def _wrong(header: str, expected: str) -> BadRequest:
    return BadRequest(f"{header}: {expected} is expected", param=header)


def _flag(header: str, value: bytes) -> bool:
    value = value.lower()
    if value not in _YES + _NO:
        raise _wrong(header, "true or false")
    return value in _YES


def _picousd(header: str, value: bytes) -> int:
    """Neither a sign nor an exponent, and never rounded: a finer limit than can be kept is wrong."""
    found = _USD.fullmatch(value)
    if found is None:
        raise _wrong(header, "an amount of USD, such as 0.05")
    whole, part = int(found[1]), int((found[2] or b"").ljust(PICO, b"0"))
    return whole * _USD_PICO + part


def _name(header: str, value: bytes) -> str:
    """As answers tell a connection's name: what is not printable ASCII is percent-encoded."""
    text = value.decode("latin-1")
    if text.isascii() and text.isprintable():
        text = unquote(text)
        if 0 < len(text) <= MAX_NAME_CHARS and text.isprintable():
            return text
    raise _wrong(header, f"up to {MAX_NAME_CHARS} printable characters, percent-encoded")


def _tags(header: str, value: bytes) -> tuple[str, ...]:
    tags = [tag.strip() for tag in value.decode("latin-1").split(",")]
    if len(tags) > MAX_TAGS or not all(map(_TAG.fullmatch, tags)):
        raise _wrong(
            header,
            f"up to {MAX_TAGS} tags of up to 50 letters, digits and ._:/-, with commas between",
        )
    return tuple(dict.fromkeys(tags))


_READERS: dict[str, tuple[str, Callable[[str, bytes], Any]]] = {
    "no-fallback": ("no_fallback", _flag),
    "no-cache": ("no_cache", _flag),
    "max-cost": ("max_cost_picousd", _picousd),
    "connection": ("connection", _name),
    "session": ("session", _name),
    "tags": ("tags", _tags),
}
CONTROLS = tuple(_READERS)
