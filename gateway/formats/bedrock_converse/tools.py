"""Tools, and the choice among them: Bedrock's `toolConfig`."""

import msgspec

from gateway.errors import NotSupported
from gateway.formats import custom_tools
from gateway.formats.bedrock_converse.blocks import Writer
from gateway.formats.bedrock_converse.content import NAME, cache_hint
from gateway.formats.reading import allowed_tools, beside, given, objects, optional, required
from gateway.formats.types import (
    AnyTool,
    CustomTool,
    JSONDict,
    OpaqueTool,
    Prompt,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)

_TOOL = frozenset(["name", "description", "inputSchema", "strict"])

# A conversation that holds tool calls is refused without tools, even where none may be called now.
_NO_TOOL: JSONDict = {
    "toolSpec": {
        "name": "no_tool_available",
        "description": "No tool is available. This one does nothing and must not be called.",
        "inputSchema": {"json": {"type": "object", "properties": {}}},
    }
}


def read_tools(config: JSONDict) -> tuple[AnyTool, ...]:
    """Raises `BadRequest`: a field is missing or of the wrong type; it is named."""
    tools: list[AnyTool] = []
    for at, told in objects(config, "tools", "toolConfig."):
        hint, last = cache_hint(told), tools[-1] if tools else None
        if hint and isinstance(last, Tool) and last.cache is None:
            tools[-1] = msgspec.structs.replace(last, cache=hint)
        elif list(told) == ["toolSpec"]:
            tools.append(_tool(required(told, "toolSpec", dict, at), at + "toolSpec."))
        else:
            tools.append(OpaqueTool(NAME, _kind(told), told))
    return tuple(tools)


def _kind(told: JSONDict) -> str:
    inside = told.get("systemTool")
    name = inside.get("name") if isinstance(inside, dict) else None
    return str(name or next(iter(told), ""))[:100]


def _tool(spec: JSONDict, at: str) -> Tool:
    schema = required(spec, "inputSchema", dict, at)
    return Tool(
        name=required(spec, "name", str, at),
        description=optional(spec, "description", str, at),
        parameters=optional(schema, "json", dict, at + "inputSchema."),
        strict=optional(spec, "strict", bool, at),
        extras=beside(spec, _TOOL),
    )


def read_choice(config: JSONDict) -> ToolChoice | None:
    choice = optional(config, "toolChoice", dict, "toolConfig.")
    match choice:
        case {"any": _}:
            return ToolChoice("required")
        case {"tool": dict(named)}:
            return ToolChoice("named", required(named, "name", str, "toolConfig.toolChoice.tool."))
        case {"auto": _}:
            return ToolChoice("auto")
    return None


# --- To an upstream --------------------------------------------------------------------------


def encode_tools(prompt: Prompt, writer: Writer) -> JSONDict | None:
    """Raises `NotSupported`: only another provider can run one of them."""
    choice = prompt.tool_choice
    may_call = choice is None or choice.mode != "none"
    tools = [told for tool in allowed_tools(prompt) for told in _encode_tool(tool, writer)]
    if tools and may_call:
        return {"tools": tools} | given(toolChoice=_choice(choice))
    # There is no word for "none": nothing is offered that could be called.
    return {"tools": [_NO_TOOL]} if _holds_calls(prompt) else None


def _holds_calls(prompt: Prompt) -> bool:
    return any(
        isinstance(part, ToolCall | ToolResult)
        for message in prompt.messages
        for part in message.parts
    )


def _encode_tool(tool: AnyTool, writer: Writer) -> list[JSONDict]:
    if isinstance(tool, CustomTool):
        tool = custom_tools.as_function(tool)
    if isinstance(tool, OpaqueTool):
        if tool.format == NAME:
            return [tool.value]
        raise NotSupported(
            f"tool type {tool.kind} is not available at this provider", param="tools"
        )
    spec: JSONDict = {"name": tool.name} | given(description=tool.description or None)
    spec["inputSchema"] = {"json": tool.parameters or {"type": "object", "properties": {}}}
    spec |= given(strict=tool.strict)
    if writer.is_own:
        spec |= tool.extras
    else:
        writer.dropped += [f"tools.{name}" for name in tool.extras]
    return [{"toolSpec": spec}, *writer.cache_points(tool.cache)]


def _choice(choice: ToolChoice | None) -> JSONDict | None:
    match choice:
        case ToolChoice(mode="required"):
            return {"any": {}}
        case ToolChoice(mode="named", name=str(name)):
            return {"tool": {"name": name}}
        case ToolChoice(mode="auto"):
            return {"auto": {}}
    return None
