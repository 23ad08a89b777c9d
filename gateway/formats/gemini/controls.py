"""What an operator has to say about a client's own request."""

from typing import Any

from gateway.formats import system
from gateway.formats.gemini.spelling import spelled
from gateway.formats.reading import required
from gateway.formats.types import JSONDict

_SYSTEM = "systemInstruction"


def with_system(request: JSONDict, text: str) -> JSONDict:
    """The request with `text` first of all that is said to the model.

    Raises:
        BadRequest: Its `systemInstruction` is neither a text nor an object.
    """
    name = spelled(request, _SYSTEM)
    told = request.get(name)
    if isinstance(told, str):
        return request | {name: system.before(text, told)}
    told = {} if told is None else required({_SYSTEM: told}, _SYSTEM, dict)
    parts = [{"text": text}, *_parts(told.get("parts"))]
    return request | {name: told | {"parts": parts}}


def _parts(parts: Any) -> list[Any]:
    """One part alone is a list of one, and a text is a part, as at Google."""
    if isinstance(parts, str):
        return [{"text": parts}]
    return parts if isinstance(parts, list) else [] if parts is None else [parts]
