"""Values as a person reads them: types named, defaults left out, what is long cut visibly."""

import functools
import json
import re
from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import Struct

from gateway.formats.types import Event

MAX_CHARS = 200_000  # of one block of the page
MAX_DEPTH = 60

# Images and signatures: nobody reads them, and one of them fills the page.
_BASE64 = re.compile(r"[A-Za-z0-9+/=_-]{200,}")
_KEPT = 48
# What a terminal obeys, what turns the direction of text, and what has no width at all. Not the
# joiners, which emoji and some scripts are written with.
_HIDDEN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)


def pretty(value: Any) -> str:
    """JSON with an indent. A `Struct` is an object whose `type` is its class."""
    return _bounded(_INDENTED.iterencode(plain(value)))


def listed(events: Iterable[Event]) -> str:
    """A line an event: its class, and what it says."""
    return _bounded(f"{type(event).__name__:<15}  {_fields(event)}\n" for event in events)


def legible(text: str) -> str:
    """Text as it is, but for what is cut."""
    return _bounded([_shortened(text)])


def visible(text: str) -> str:
    """Text that does nothing to what stands beside it: each character that nobody sees is named."""
    return _HIDDEN.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", text)


_INDENTED = json.JSONEncoder(ensure_ascii=False, indent=2)
_COMPACT = json.JSONEncoder(ensure_ascii=False)


def _fields(event: Event) -> str:
    told = plain(event)
    del told["type"]
    return _COMPACT.encode(told)


def _bounded(pieces: Iterable[str]) -> str:
    """Joined up to MAX_CHARS: a megabyte of brackets would be a hundred with its indents."""
    shown, room = [], MAX_CHARS
    for piece in pieces:
        shown.append(piece[:room])
        room -= len(piece)
        if room < 0:
            shown.append("\n… [the rest is cut from this page]")
            break
    # Half a surrogate pair is no text; JSON has an escape for it.
    return "".join(shown).encode(errors="backslashreplace").decode()


def plain(value: Any, depth: int = 0) -> Any:
    """What JSON can say of it."""
    if isinstance(value, str):
        return _shortened(value)
    if not isinstance(value, Struct | dict | list | tuple):
        return value
    if depth > MAX_DEPTH:
        return "… [nested more deeply]"
    if isinstance(value, Struct):
        told = {name: getattr(value, name) for name in value.__struct_fields__}
        defaults = _defaults(type(value))
        shown = {n: v for n, v in told.items() if n not in defaults or v != defaults[n]}
        return {"type": type(value).__name__} | {n: plain(v, depth + 1) for n, v in shown.items()}
    if isinstance(value, dict):
        return {_shortened(str(name)): plain(v, depth + 1) for name, v in value.items()}
    return [plain(item, depth + 1) for item in value]


@functools.cache
def _defaults(kind: type[Struct]) -> dict[str, Any]:
    return {
        field.name: field.default_factory() if field.default is msgspec.NODEFAULT else field.default
        for field in msgspec.structs.fields(kind)
        if not field.required
    }


def _shortened(text: str) -> str:
    return _BASE64.sub(lambda run: f"{run[0][:_KEPT]}… [{len(run[0]):,} characters]", text)
