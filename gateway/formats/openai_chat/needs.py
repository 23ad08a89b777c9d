"""What a client's own request needs of a model; see `gateway.formats.needs`."""

from gateway.formats.needs import Needs, inner, members, note_kinds
from gateway.formats.openai_chat import dialects
from gateway.formats.types import JSONDict

_CALLS = "tool_calls"  # beside the types of parts
_FILES = frozenset(["file", "document_url"])


def needs(request: JSONDict) -> Needs:
    """Any JSON mode is no schema: many more models have that."""
    said = _said(request)
    offered = bool(members(request, "tools") or members(request, "functions"))
    choice = request.get("tool_choice", request.get("function_call"))
    called = offered and choice != "none"
    modalities = request.get("modalities")
    return Needs(
        tools=called or _CALLS in said,
        parallel_tools=called and request.get("parallel_tool_calls") is True,
        images="image_url" in said,
        audio="input_audio" in said or (isinstance(modalities, list) and "audio" in modalities),
        files=not _FILES.isdisjoint(said),
        schema=inner(request, "response_format").get("type") == "json_schema",
        thinking=dialects.asks(request),
    )


def _said(request: JSONDict) -> set[str]:
    """The types of all parts, and whether there are calls."""
    found: set[str] = set()
    for message in members(request, "messages"):
        note_kinds(message.get("content"), found)
        if message.get("role") in ("tool", "function") or (
            message.get("tool_calls") or message.get("function_call")
        ):
            found.add(_CALLS)
    return found
