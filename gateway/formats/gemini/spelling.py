"""One spelling: every field may come as `camelCase` or as `snake_case` (litellm sends that).

Source: https://protobuf.dev/programming-guides/json/ (read 2026-11): parsers take both, and a null
is a field that is not set.
"""

import re
from typing import Any

from gateway.formats.types import JSONDict

# What stands in these is the user's, or in another language: its names are no fields.
_FOREIGN = frozenset(
    [
        "args",
        "response",
        "parameters",
        "parametersJsonSchema",
        "responseJsonSchema",
        "responseSchema",
        "labels",
        "partMetadata",
        "modelArmorConfig",
    ]
)
_LOWER = re.compile(r"_([a-z0-9])")
MAX_DEPTH = 24  # of the format's own fields; what is deeper stays as it is


def camel(body: JSONDict) -> JSONDict:
    """The request with its fields in camel case, and without nulls."""
    return _object(body, MAX_DEPTH)


def spelled(fields: JSONDict, name: str) -> str:
    """How the request spells a field that is `name` in camel case; where it is twice, the last
    one counts, and where it is not, any spelling is as good."""
    told = [own for own, value in fields.items() if value is not None and _camel(own) == name]
    return told[-1] if told else name


def _camel(name: str) -> str:
    return _LOWER.sub(lambda match: match[1].upper(), name)


def _object(fields: JSONDict, depth: int) -> JSONDict:
    found: JSONDict = {}
    for name, value in fields.items():
        if value is None:
            continue
        if "_" in name:
            name = _camel(name)
        found[name] = value if name in _FOREIGN else _value(value, depth - 1)
    return found


def _value(value: Any, depth: int) -> Any:
    if depth > 0 and isinstance(value, dict):
        return _object(value, depth)
    if depth > 0 and isinstance(value, list):
        return [_value(item, depth - 1) for item in value]
    return value
