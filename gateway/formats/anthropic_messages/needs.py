"""What a client's own request needs of a model; see `gateway.formats.needs`."""

from gateway.formats.needs import Needs, inner, members
from gateway.formats.types import JSONDict

_CALLS = frozenset(["tool_use", "tool_result"])
_FILE = "document"
_WRITTEN = ("text", "content")  # sources of a document that every model reads


def needs(request: JSONDict) -> Needs:
    said = _said(request)
    choice = inner(request, "tool_choice")
    called = bool(members(request, "tools")) and choice.get("type") != "none"
    wanted = inner(request, "output_config", "format") or inner(request, "output_format")
    return Needs(
        tools=called or not _CALLS.isdisjoint(said),
        parallel_tools=called and choice.get("disable_parallel_tool_use") is False,
        images="image" in said,
        files=_FILE in said,
        schema=wanted.get("type") == "json_schema",
        thinking=inner(request, "thinking").get("type") in ("enabled", "adaptive"),
    )


def _said(request: JSONDict) -> set[str]:
    """The types of all blocks, those of tools' results included."""
    found: set[str] = set()
    for message in members(request, "messages"):
        for block in _note(message.get("content"), found):
            _note(block.get("content"), found)
    return found


def _note(blocks: object, found: set[str]) -> list[JSONDict]:
    """Add the types of the blocks; returns those that are results."""
    results: list[JSONDict] = []
    if not isinstance(blocks, list):
        return results
    for block in blocks:
        kind = block.get("type") if isinstance(block, dict) else None
        if not isinstance(kind, str):
            continue
        if kind == "tool_result":
            results.append(block)
        if kind != _FILE or inner(block, "source").get("type") not in _WRITTEN:
            found.add(kind)
    return results
