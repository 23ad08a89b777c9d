"""What a client's own request needs of a model; see `gateway.formats.needs`."""

from gateway.formats.needs import Needs, inner, is_effort, members, note_kinds
from gateway.formats.openai_responses.tools import TOOL_ITEMS
from gateway.formats.types import JSONDict

_CALLS = frozenset(
    [
        "function_call",
        "function_call_output",
        "custom_tool_call",
        "custom_tool_call_output",
        *TOOL_ITEMS,
    ]
)
_IMAGES = frozenset(["input_image", "image_generation_call"])


def needs(request: JSONDict) -> Needs:
    """Any JSON mode is no schema: many more models have that."""
    said = _said(request)
    called = bool(members(request, "tools")) and request.get("tool_choice") != "none"
    return Needs(
        tools=called or not _CALLS.isdisjoint(said),
        parallel_tools=called and request.get("parallel_tool_calls") is True,
        images=not _IMAGES.isdisjoint(said),
        audio="input_audio" in said,
        files="input_file" in said,
        schema=inner(request, "text", "format").get("type") == "json_schema",
        thinking=is_effort(inner(request, "reasoning").get("effort")),
    )


def _said(request: JSONDict) -> set[str]:
    """The types of all items, and of the parts in them."""
    found: set[str] = set()
    note_kinds(request.get("input"), found)
    for item in members(request, "input"):
        note_kinds(item.get("content"), found)
        note_kinds(item.get("output"), found)
    return found
