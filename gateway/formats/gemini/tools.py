"""Functions, hosted tools, and which of them to call.

Source: https://ai.google.dev/api/caching#Tool (read 2026-11)
"""

from gateway.errors import NotSupported
from gateway.formats import custom_tools
from gateway.formats.gemini import schemas
from gateway.formats.gemini.signing import NAME
from gateway.formats.reading import (
    allowed_tools,
    objects,
    one_of,
    optional,
    others,
    required,
    strings,
)
from gateway.formats.types import (
    AnyTool,
    CustomTool,
    JSONDict,
    OpaqueTool,
    Prompt,
    Tool,
    ToolChoice,
)

AT = "toolConfig."
_FUNCTIONS = "functionDeclarations"
_CONFIG = "functionCallingConfig"
_FUNCTION = frozenset(["name", "description", "parameters", "parametersJsonSchema"])
_MODES = ("MODE_UNSPECIFIED", "AUTO", "ANY", "NONE", "VALIDATED")


# --- Reading -----------------------------------------------------------------------------------


def read(body: JSONDict) -> tuple[AnyTool, ...]:
    """Raises `BadRequest` for a field of the wrong type."""
    found: list[AnyTool] = []
    for at, tool in objects(body, "tools"):
        found += [_function(item, where) for where, item in objects(tool, _FUNCTIONS, at)]
        hosted = {name: value for name, value in tool.items() if name != _FUNCTIONS}
        found += [OpaqueTool(NAME, name[:100], {name: value}) for name, value in hosted.items()]
    return tuple(found)


def _function(function: JSONDict, at: str) -> Tool:
    plain = optional(function, "parametersJsonSchema", dict, at)
    theirs = optional(function, "parameters", dict, at)
    return Tool(
        name=required(function, "name", str, at),
        description=optional(function, "description", str, at),
        parameters=plain if theirs is None else schemas.to_json_schema(theirs),
        extras=others(function, _FUNCTION),
        original=None if theirs is None else {"parameters": theirs},
    )


def read_choice(body: JSONDict) -> ToolChoice | None:
    config = _calling(body)
    if not config:
        return None
    mode = _mode(config)
    allowed = strings(config, "allowedFunctionNames", f"{AT}{_CONFIG}.")
    match mode:
        case "NONE":
            return ToolChoice("none")
        case "ANY" if len(allowed) == 1:
            return ToolChoice("named", allowed[0])
        case "ANY":
            return ToolChoice("required", allowed=allowed)
    return ToolChoice("auto", allowed=allowed)


def rest(body: JSONDict) -> JSONDict:
    """What the neutral form has no place for, by its path in the body.

    VALIDATED promises that calls keep to their schema, which others do not do by this field.
    """
    config = optional(body, "toolConfig", dict) or {}
    calling = _calling(body)
    known = ["allowedFunctionNames"] + ([] if _mode(calling) == "VALIDATED" else ["mode"])
    more = others(calling, frozenset(known))
    found = others(config, frozenset([_CONFIG])) | ({_CONFIG: more} if more else {})
    return {AT + name: value for name, value in found.items()}


def _calling(body: JSONDict) -> JSONDict:
    return optional(optional(body, "toolConfig", dict) or {}, _CONFIG, dict, AT) or {}


def _mode(config: JSONDict) -> str:
    mode = config.get("mode", "AUTO")
    if isinstance(mode, int) and 0 <= mode < len(_MODES):
        return _MODES[mode]
    mode = (optional(config, "mode", str, f"{AT}{_CONFIG}.") or "AUTO").upper()
    one_of(mode, _MODES, f"{AT}{_CONFIG}.mode")
    return mode


# --- Writing -----------------------------------------------------------------------------------


def write(prompt: Prompt, dropped: list[str]) -> JSONDict:
    """`tools` and `toolConfig`. Raises `NotSupported` for a tool of another provider."""
    native = prompt.format == NAME
    choice = prompt.tool_choice
    # A list goes with a forced call only; otherwise the tools are narrowed by leaving some out.
    narrowed = not native and choice is not None and choice.mode == "auto"
    sent: list[JSONDict] = []
    functions: list[JSONDict] = []
    for tool in allowed_tools(prompt) if narrowed else prompt.tools:
        if isinstance(tool, OpaqueTool):
            sent.append(_hosted(tool))
            continue
        if not functions:
            sent.append({_FUNCTIONS: functions})
        functions.append(_declaration(tool, native, dropped))
    body: JSONDict = {"tools": sent} if sent else {}
    calling = _choice(choice, native) if choice and (functions or native) else {}
    if calling:
        body["toolConfig"] = {_CONFIG: calling}
    if prompt.parallel_tool_calls is False and functions:
        dropped.append("parallel_tool_calls")
    return body


def _hosted(tool: OpaqueTool) -> JSONDict:
    if tool.format == NAME:
        return tool.value
    raise NotSupported(f"tool type {tool.kind} is not available at this provider", param="tools")


def _declaration(tool: Tool | CustomTool, native: bool, dropped: list[str]) -> JSONDict:
    if isinstance(tool, CustomTool):
        tool = custom_tools.as_function(tool)
    sent: JSONDict = {"name": tool.name}
    if tool.description is not None:
        sent["description"] = tool.description
    if native:
        plain = {} if tool.parameters is None else {"parametersJsonSchema": tool.parameters}
        return sent | (plain if tool.original is None else tool.original) | tool.extras
    if tool.parameters:
        sent["parametersJsonSchema"] = schemas.accepted(tool.parameters)
    if tool.strict:
        dropped.append("tools.strict")
    return sent


def _choice(choice: ToolChoice, native: bool) -> JSONDict:
    match choice.mode:
        case "named":
            return {"mode": "ANY", "allowedFunctionNames": [choice.name]}
        case "none":
            return {"mode": "NONE"}
        case "required":
            allowed = {"allowedFunctionNames": list(choice.allowed)} if choice.allowed else {}
            return {"mode": "ANY"} | allowed
    allowed = {"allowedFunctionNames": list(choice.allowed)} if choice.allowed and native else {}
    return {"mode": "AUTO"} | allowed
