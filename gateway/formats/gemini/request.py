"""Requests: Google's JSON to the neutral form. The model and streaming stand in the path.

Source: https://ai.google.dev/api/generate-content (read 2026-11)
"""

import re
from urllib.parse import unquote

from gateway.errors import BadRequest
from gateway.formats import sse
from gateway.formats.gemini import config, tools
from gateway.formats.gemini.calls import Ids
from gateway.formats.gemini.parts import joined, read_part
from gateway.formats.gemini.signing import NAME
from gateway.formats.gemini.spelling import camel
from gateway.formats.reading import limit_of, objects, one_of, optional, others, required
from gateway.formats.types import JSONDict, Message, Part, Prompt, Role

STREAM_TYPE = sse.CONTENT_TYPE
# Google fetches addresses only for some models and some kinds of files.
TAKES_URLS: tuple[type[Part], ...] = ()

_KNOWN = frozenset(
    [
        "contents",
        "systemInstruction",
        "tools",
        "toolConfig",
        "generationConfig",
        "model",
    ]
)
_CONTENT = frozenset(["role", "parts"])
_ROLES: dict[str, Role] = {
    "user": "user",
    "model": "assistant",
    "function": "user",  # the first version's role for results
    "system": "system",
}
_PATH = re.compile(
    r"/?(?:v\d+[a-z0-9]*/)*"
    r"(?:projects/[^/]+/locations/[^/]+/)?(?:publishers/google/)?"
    r"(models|tunedModels)/(.+):(\w+)"
)


def wants(path: str, body: JSONDict) -> tuple[str, bool]:
    """The model, and whether its answer is to be streamed: `…/models/{model}:{method}`.

    A model's name may hold slashes and colons, and may come percent-encoded.
    """
    found = _PATH.fullmatch(path)
    if found is None:
        return "", False
    model = unquote(found[2])
    tuned = found[1] == "tunedModels"
    return (f"tunedModels/{model}" if tuned else model), found[3] == "streamGenerateContent"


_LIMITS = (
    ("generationConfig", "maxOutputTokens"),
    ("generation_config", "max_output_tokens"),
)


def max_tokens(body: JSONDict) -> int | None:
    """How much the answer may be at most, as far as the request says so."""
    return limit_of(body, *_LIMITS)


def check_request(body: JSONDict) -> None:
    """What must be right before a body is relayed as it is.

    Raises:
        BadRequest: A field is missing or of the wrong type; it is named.
    """
    contents = body.get("contents")
    if isinstance(contents, list) and not contents:
        raise BadRequest("contents: at least one content is needed", param="contents")
    if not isinstance(contents, dict):
        required(body, "contents", list)
        objects(body, "contents")
    for name, kind in (("tools", list), ("generationConfig", dict), ("generation_config", dict)):
        optional(body, name, kind)


def decode_request(body: JSONDict) -> Prompt:
    """Read a request; its model and whether it streams are not in it.

    Raises:
        BadRequest: A field is missing or of the wrong type; it is named.
    """
    check_request(body)
    body = camel(body)
    generation = optional(body, "generationConfig", dict) or {}
    messages = _messages(body)
    extras = others(body, _KNOWN) | config.rest(generation) | tools.rest(body)
    return Prompt(
        format=NAME,
        model="",
        messages=messages,
        include_usage=True,  # this format always tells
        tools=tools.read(body),
        tool_choice=tools.read_choice(body),
        extras=extras,
        **config.read(generation),
    )


def _messages(body: JSONDict) -> tuple[Message, ...]:
    ids = Ids()
    found = [_message(content, at, ids) for at, content in _objects(body, "contents", "")]
    system = body.get("systemInstruction")
    if isinstance(system, str):
        system = {"parts": [{"text": system}]}
    if system is not None:
        system = required({"systemInstruction": system}, "systemInstruction", dict)
        parts = _parts(system, "systemInstruction.", ids)
        if parts:
            found.insert(0, Message("system", parts))
    return tuple(found)


def _message(content: JSONDict, at: str, ids: Ids) -> Message:
    role = optional(content, "role", str, at) or "user"
    one_of(role, _ROLES, at + "role")
    return Message(_ROLES[role], _parts(content, at, ids), None, others(content, _CONTENT))


def _parts(content: JSONDict, at: str, ids: Ids) -> tuple[Part, ...]:
    found: list[Part] = []
    for where, part in _objects(content, "parts", at):
        found += read_part(part, where, ids)
    return joined(found)


def _objects(body: JSONDict, name: str, at: str) -> list[tuple[str, JSONDict]]:
    """A list of objects; one alone is a list of one, and a text is a part, as at Google."""
    value = body.get(name)
    if isinstance(value, dict):
        return objects({name: [value]}, name, at)
    if isinstance(value, str):
        return objects({name: [{"text": value}]}, name, at)
    return objects(body, name, at)
