"""Ids of function calls, which are optional here and needed everywhere else."""

import re

from gateway.formats import wire
from gateway.formats.types import JSONDict, ToolCall

_PREFIX = "call_gemini_"
_ODD = re.compile(r"[^A-Za-z0-9_-]")
MAX_SEED_CHARS = 32  # ids of over 64 characters are refused by some


class Ids:
    """Gives calls that have no id one, and pairs results with them: by name, in order.

    Args:
        seed: What tells this answer's calls from those of other turns: its id.
    """

    def __init__(self, seed: str = "") -> None:
        seed = _ODD.sub("", seed)[:MAX_SEED_CHARS]
        self._prefix = _PREFIX + (seed and seed + "_")
        self._number = 0
        self._unanswered: dict[str, str] = {}  # by id, the name; in the order of the calls

    def call(self, given: str | None, name: str) -> str:
        id = given or self._invent()
        self._unanswered[id] = name
        return id

    def result(self, given: str | None, name: str) -> str:
        """The id of the call that a result answers."""
        if given and self._unanswered.pop(given, None) is not None:
            return given
        for id, called in self._unanswered.items():
            if called == name and (not given or is_invented(id)):
                del self._unanswered[id]
                return id
        return given or self._invent()

    def _invent(self) -> str:
        self._number += 1
        return f"{self._prefix}{self._number - 1}"


def is_invented(id: str) -> bool:
    """Did `Ids` make it up? Such an id means nothing to Google."""
    return id.startswith(_PREFIX)


def arguments_of(call: ToolCall) -> JSONDict:
    """Arguments as the object that this format wants; what does not parse is kept as text."""
    if call.custom:
        return {"input": call.arguments}
    try:
        value = wire.loads(call.arguments or "{}")
    except ValueError:
        return {"_unparsed": call.arguments}
    return value if isinstance(value, dict) else {"_unparsed": call.arguments}


def write_call(call: ToolCall) -> JSONDict:
    told: JSONDict = {} if is_invented(call.id) else {"id": call.id}
    return {"functionCall": told | {"name": call.name, "args": arguments_of(call)}}
