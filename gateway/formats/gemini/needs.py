"""What a client's own request needs of a model; see `gateway.formats.needs`."""

from collections.abc import Iterator
from typing import Any

from gateway.formats.gemini.spelling import spelled
from gateway.formats.needs import Needs
from gateway.formats.types import JSONDict

# What a part is, by the field that it has, in either spelling.
_CALLS = frozenset(["functionCall", "function_call"])
_RESULTS = frozenset(["functionResponse", "function_response"])
_MEDIA = frozenset(["inlineData", "inline_data", "fileData", "file_data"])
_PARTS = _CALLS | _RESULTS | _MEDIA
_TOOL = "tool"  # beside the kinds of media: image, audio, text, application, video
_WRITTEN = frozenset([_TOOL, "image", "audio", "text"])
_NO_CALLS = ("NONE", 3)  # the mode by name and by number
_UNSPECIFIED = ("", "THINKING_LEVEL_UNSPECIFIED")


def needs(request: JSONDict) -> Needs:
    """Any JSON mode is no schema: many more models have that. Parallel calls are never asked for,
    since this format has no word for them."""
    said = set(_said(request))
    config = _inner(request, "generationConfig")
    modalities = _told(config, "responseModalities")
    return Needs(
        tools=_offers(request) or _TOOL in said,
        images="image" in said,
        audio="audio" in said or (isinstance(modalities, list) and "AUDIO" in modalities),
        files=not said <= _WRITTEN,
        schema=any(_told(config, name) for name in ("responseSchema", "responseJsonSchema")),
        thinking=_thinks(_inner(config, "thinkingConfig")),
    )


def _thinks(thinking: JSONDict) -> bool:
    budget, level = _told(thinking, "thinkingBudget"), _told(thinking, "thinkingLevel")
    if isinstance(budget, int):
        return budget != 0
    leveled = isinstance(level, str) and level.upper() not in _UNSPECIFIED
    return leveled or _told(thinking, "includeThoughts") is True


def _offers(request: JSONDict) -> bool:
    calling = _inner(_inner(request, "toolConfig"), "functionCallingConfig")
    mode = _told(calling, "mode")
    if (mode.upper() if isinstance(mode, str) else mode) in _NO_CALLS:
        return False
    return any(
        value is not None and value != []
        for tool in _objects(request.get("tools"))
        for value in tool.values()
    )


def _said(request: JSONDict) -> Iterator[str]:
    for content in _objects(request.get("contents")):
        for part in _objects(content.get("parts")):
            if _PARTS.isdisjoint(part):  # a text
                continue
            for name in _PARTS.intersection(part):
                if name in _MEDIA:
                    yield _medium(part[name])
                    continue
                yield _TOOL
                if name in _RESULTS and isinstance(part[name], dict):
                    yield from _shown(part[name])


def _shown(result: JSONDict) -> Iterator[str]:
    for part in _objects(result.get("parts")):
        for name in _MEDIA.intersection(part):
            yield _medium(part[name])


def _medium(blob: object) -> str:
    """The first half of its media type; of an unknown one, that of any file."""
    kind = None
    if isinstance(blob, dict):
        kind = blob.get("mimeType") or blob.get("mime_type")
    return kind.partition("/")[0] if isinstance(kind, str) else "application"


def _objects(value: object) -> list[JSONDict]:
    """The objects of a list; one alone is a list of one, as at Google."""
    if isinstance(value, dict):
        return [value]
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _told(fields: JSONDict, name: str) -> Any:
    return fields.get(spelled(fields, name))


def _inner(fields: JSONDict, name: str) -> JSONDict:
    value = _told(fields, name)
    return value if isinstance(value, dict) else {}
