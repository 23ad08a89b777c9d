"""What a request needs of a model, read off its body without decoding it.

Each format's `needs` looks at every call, so it asks little of each part; and it is no check: of
what is malformed it says nothing, which is refused where it is read.
"""

from typing import Any

from msgspec import Struct

from gateway.formats.types import JSONDict


class Needs(Struct, frozen=True):
    """`tools`: some are offered, or calls stand in the conversation. `parallel_tools`: several at
    once are asked for. `audio` is heard or to be spoken. `schema`: the answer is to keep to one."""

    tools: bool = False
    parallel_tools: bool = False
    images: bool = False
    audio: bool = False
    files: bool = False
    schema: bool = False
    thinking: bool = False

    @property
    def names(self) -> frozenset[str]:
        return frozenset(name for name in self.__struct_fields__ if getattr(self, name))


def members(holder: JSONDict, name: str) -> list[JSONDict]:
    """The objects of a list; of a field that is none, none."""
    value = holder.get(name)
    if not isinstance(value, list):
        return []
    return [item for item in value if isinstance(item, dict)]


def inner(holder: JSONDict, *names: str) -> JSONDict:
    """An object within objects; empty where one of them is none."""
    value: Any = holder
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def note_kinds(parts: object, found: set[str]) -> None:
    """Add the types of those parts that have one."""
    if isinstance(parts, list):
        for part in parts:
            kind = part.get("type") if isinstance(part, dict) else None
            if isinstance(kind, str):
                found.add(kind)


def is_effort(value: object) -> bool:
    """Is it a word for how much to think, and not for not at all?"""
    return isinstance(value, str) and value not in ("", "none")
