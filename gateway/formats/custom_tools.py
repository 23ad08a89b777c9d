"""Tools that take free text, for formats that know functions only.

OpenAI's agents define such tools (`apply_patch`). Elsewhere one becomes a function with the single
argument `input`, and a call of that function becomes a call of the tool again.
"""

from collections.abc import Container

import msgspec

from gateway.formats import wire
from gateway.formats.types import CustomTool, JSONDict, Message, Prompt, Tool, ToolCall

_PARAMETERS: JSONDict = {
    "type": "object",
    "properties": {"input": {"type": "string"}},
    "required": ["input"],
    "additionalProperties": False,
}


def as_function(tool: CustomTool) -> Tool:
    """The function; what `input` must look like stands in its description."""
    description = tool.description or ""
    grammar = (tool.grammar or {}).get("grammar", tool.grammar) or {}
    definition = grammar.get("definition") if isinstance(grammar, dict) else None
    if definition:
        syntax = grammar.get("syntax", "")
        description += f"\n\n`input` must match this {syntax} grammar:\n{definition}"
    return Tool(
        tool.name, description.strip() or None, _PARAMETERS, extras=tool.extras, group=tool.group
    )


def to_arguments(text: str) -> str:
    """The arguments of the function for a call of the tool with `text`."""
    return wire.dumps({"input": text}).decode()


def to_text(arguments: str) -> str:
    """The other way round; a model that does not keep to the schema meant what it wrote."""
    try:
        value = wire.loads(arguments)
    except ValueError:
        return arguments
    text = value.get("input") if isinstance(value, dict) else None
    return text if isinstance(text, str) else arguments


def as_functions(prompt: Prompt) -> Prompt:
    """A request with its custom tools, and the calls of them, as functions."""
    if not any(isinstance(tool, CustomTool) for tool in prompt.tools) and not any(
        isinstance(part, ToolCall) and part.custom
        for message in prompt.messages
        for part in message.parts
    ):
        return prompt
    tools = [as_function(t) if isinstance(t, CustomTool) else t for t in prompt.tools]
    messages = tuple(_with_function_calls(message) for message in prompt.messages)
    return msgspec.structs.replace(prompt, tools=tuple(tools), messages=messages)


def _with_function_calls(message: Message) -> Message:
    parts = [as_function_call(p) if isinstance(p, ToolCall) else p for p in message.parts]
    return msgspec.structs.replace(message, parts=tuple(parts))


def as_function_call(call: ToolCall) -> ToolCall:
    """A call of a custom tool as a call of the function that stands for it."""
    if not call.custom:
        return call
    return msgspec.structs.replace(call, arguments=to_arguments(call.arguments), custom=False)


def as_asked(call: ToolCall, customs: Container[str]) -> ToolCall:
    """A call of a function that stands for one of the custom tools `customs` is a call of it."""
    if call.custom or call.name not in customs:
        return call
    return msgspec.structs.replace(call, arguments=to_text(call.arguments), custom=True)
