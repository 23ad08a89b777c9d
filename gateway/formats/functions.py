"""Function tools, calls and results as those formats write them that took OpenAI's shape over.

A tool is `{"type": "function", "function": {"name", "description", "parameters"}}` there.
"""

from gateway.errors import NotSupported
from gateway.formats import custom_tools, wire
from gateway.formats.reading import beside, objects, optional, required
from gateway.formats.types import (
    AnyTool,
    CustomTool,
    JSONDict,
    OpaqueTool,
    Part,
    Text,
    Tool,
    ToolCall,
    ToolResult,
)

_TOOL = frozenset(["type", "function"])
_FUNCTION = frozenset(["name", "description", "parameters"])


def read_tools(body: JSONDict, native: str) -> tuple[AnyTool, ...]:
    """The `tools` of a request in the format `native`.

    Raises:
        BadRequest: A field is missing or of the wrong type; it is named.
    """
    return tuple(_read_tool(tool, at, native) for at, tool in objects(body, "tools"))


def _read_tool(tool: JSONDict, at: str, native: str) -> AnyTool:
    kind = tool.get("type") or "function"
    if kind != "function":
        return OpaqueTool(native, str(kind)[:100], tool)
    function = required(tool, "function", dict, at)
    inside = at + "function."
    return Tool(
        name=required(function, "name", str, inside),
        description=optional(function, "description", str, inside),
        parameters=optional(function, "parameters", dict, inside),
        extras=beside(tool, _TOOL) | beside(function, _FUNCTION),
    )


def write_tool(tool: AnyTool, native: str, with_extras: bool) -> JSONDict:
    """A tool in the format `native`; `with_extras`: what it says besides came from there.

    Raises:
        NotSupported: Only another provider can run it.
    """
    if isinstance(tool, CustomTool):
        tool = custom_tools.as_function(tool)
    if isinstance(tool, OpaqueTool):
        if tool.format == native:
            return tool.value
        raise NotSupported(
            f"tool type {tool.kind} is not available at this provider", param="tools"
        )
    function: JSONDict = {"name": tool.name}
    if tool.description is not None:
        function["description"] = tool.description
    function["parameters"] = tool.parameters or {"type": "object", "properties": {}}
    return {"type": "function", "function": function | (tool.extras if with_extras else {})}


def text_of(call: ToolCall) -> str:
    """The arguments of a call as JSON text, of a call to a custom tool too."""
    return custom_tools.to_arguments(call.arguments) if call.custom else call.arguments or "{}"


def object_of(arguments: str) -> JSONDict:
    """Arguments for a format that wants the object; what does not parse is kept as text."""
    try:
        value = wire.loads(arguments or "{}")
    except ValueError:
        return {"_unparsed": arguments}
    return value if isinstance(value, dict) else {"_unparsed": arguments}


def told_apart(result: ToolResult, held: tuple[type[Part], ...]) -> list[Part]:
    """What a tool message cannot hold besides `held`: the user says it, and whose it is."""
    rest = [part for part in result.content if not isinstance(part, held)]
    if not rest:
        return []
    return [Text(text=f"Content returned by tool call {result.call_id}:"), *rest]
