"""How tools are pointed at this gateway: `clients.yaml`, filled in for an address, a key and a model."""

import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

import msgspec
from msgspec import Struct

PLACEHOLDER_KEY = "YOUR-OMNIROUTE-KEY"

KINDS = {"agents": "Coding agents", "editors": "Editors and chats", "sdks": "SDKs"}


class Part(Struct, frozen=True, forbid_unknown_fields=True):
    """A file, some lines for a shell or a program; or, where there is neither, fields to fill in."""

    title: str
    language: str = ""
    text: str = ""
    fields: dict[str, str] = {}


class Client(Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    name: str
    kind: str
    parts: tuple[Part, ...]
    note: str = ""


class Place(Struct, frozen=True):
    """What a snippet is filled in with. `url` is the gateway's address without a path."""

    url: str
    key: str
    model: str


@cache
def clients() -> tuple[Client, ...]:
    text = (Path(__file__).parent / "clients.yaml").read_bytes()
    return msgspec.yaml.decode(text, type=tuple[Client, ...])


def find(id: str) -> Client:
    """The client of that id; the first where there is none."""
    return next((client for client in clients() if client.id == id), clients()[0])


def filled(client: Client, place: Place) -> list[Part]:
    return [
        msgspec.structs.replace(
            part,
            text=_fill(part.text, place, _ESCAPES.get(part.language, _in_json)),
            fields={name: _fill(value, place, str) for name, value in part.fields.items()},
        )
        for part in client.parts
    ]


_PLACEHOLDER = re.compile(r"\{\{(url|key|model)\}\}")


def _fill(text: str, place: Place, escape: Callable[[str], str]) -> str:
    return _PLACEHOLDER.sub(lambda found: escape(getattr(place, found[1])), text)


def _in_json(value: str) -> str:
    """Within the double quotes of JSON, and of TOML, YAML, Python and TypeScript."""
    return json.dumps(value, ensure_ascii=False)[1:-1]


def _in_shell(value: str) -> str:
    """Within a shell's double quotes."""
    return re.sub(r'([\\"$`])', r"\\\1", value)


_ESCAPES: dict[str, Callable[[str], str]] = {"sh": _in_shell}
