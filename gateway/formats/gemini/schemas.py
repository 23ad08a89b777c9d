"""Google's schemas (a part of OpenAPI 3.0) and JSON schema.

Source: https://ai.google.dev/api/caching#Schema (read 2026-11)
"""

from typing import Any

from gateway.formats.types import JSONDict

# As protocol buffers number them, for clients that send enums by number.
_TYPES = ("", "string", "number", "integer", "boolean", "array", "object", "null")
_NAMES = {
    "any_of": "anyOf",
    "max_items": "maxItems",
    "min_items": "minItems",
    "max_length": "maxLength",
    "min_length": "minLength",
    "max_properties": "maxProperties",
    "min_properties": "minProperties",
    "additional_properties": "additionalProperties",
    "defs": "$defs",
    "ref": "$ref",
}
# Google's own, without a meaning elsewhere.
_OWN = frozenset(["propertyOrdering", "property_ordering", "nullable", "example"])
_COUNTS = frozenset(
    ["maxItems", "minItems", "maxLength", "minLength", "maxProperties", "minProperties"]
)
_NAMED = frozenset(["properties", "$defs"])  # objects whose keys are names and not keywords
_MAX_DEPTH = 100


def to_json_schema(schema: JSONDict, depth: int = _MAX_DEPTH) -> JSONDict:
    """Google's schema as a JSON schema: small types, `null` as a type, counts as numbers."""
    found: JSONDict = {}
    for key, value in schema.items():
        name = _NAMES.get(key, key)
        if value is None or name in _OWN:
            continue
        if name == "type":
            found["type"] = _type(value)
        elif name in _NAMED and isinstance(value, dict):
            found[name] = {inner: _schema(item, depth) for inner, item in value.items()}
        elif name in _COUNTS and isinstance(value, str) and value.isdecimal() and len(value) < 19:
            found[name] = int(value)  # 64-bit integers are strings in Google's JSON
        else:
            found[name] = (
                value if name in ("enum", "default", "required") else _schema(value, depth)
            )
    if schema.get("nullable") is True:
        _allow_null(found)
    return found


def _schema(value: Any, depth: int) -> Any:
    if depth > 0 and isinstance(value, dict):
        return to_json_schema(value, depth - 1)
    if depth > 0 and isinstance(value, list):
        return [_schema(item, depth - 1) for item in value]
    return value


def _type(value: Any) -> Any:
    if isinstance(value, int) and 0 < value < len(_TYPES):
        return _TYPES[value]
    return value.lower() if isinstance(value, str) else value


def _allow_null(schema: JSONDict) -> None:
    if isinstance(schema.get("type"), str):
        schema["type"] = [schema["type"], "null"]
    if isinstance(schema.get("enum"), list):
        schema["enum"] = [*schema["enum"], None]
    if isinstance(schema.get("anyOf"), list):
        schema["anyOf"] = [*schema["anyOf"], {"type": "null"}]


def accepted(schema: JSONDict) -> JSONDict:
    """A JSON schema as Google takes it: it refuses to be told which edition it is."""
    return {name: value for name, value in schema.items() if name != "$schema"}
