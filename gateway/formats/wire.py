"""JSON as it goes over the wire.

msgspec reads and writes it; where it refuses what JSON allows (half a surrogate pair as an escape,
which upstreams produce by cutting a text in the middle of a character), the standard library does.
"""

import json
from typing import Any, NoReturn

import msgspec

from gateway.errors import BadRequest

# What msgspec raises for JSON that it cannot read, a nesting of thousands included.
UNREADABLE = (msgspec.MsgspecError, ValueError, RecursionError)

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


def loads(data: bytes | str) -> Any:
    """Parse JSON. Raises only `ValueError`, whatever the input."""
    try:
        return _decode(data)
    except UNREADABLE:
        return _loads_leniently(data)


def _loads_leniently(data: bytes | str) -> Any:
    try:
        text = data if isinstance(data, str) else data.decode()
        return json.loads(text, parse_constant=_refuse, parse_float=_finite)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except UnicodeError:
        raise ValueError("not UTF-8") from None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError("a number is out of range")
    return number


def dumps(value: Any) -> bytes:
    """Write JSON: compact, in the order of the keys.

    Raises:
        BadRequest: It is nested too deeply: what could just be read, and has grown since.
    """
    try:
        try:
            return _encode(value)
        except UnicodeEncodeError:
            return json.dumps(value, separators=(",", ":")).encode()
    except RecursionError:
        raise BadRequest("the request is nested too deeply") from None
