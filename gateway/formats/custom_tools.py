"""Tools that take free text, for formats that know functions only.

OpenAI's agents define such tools (`apply_patch`). Elsewhere one becomes a function with the single
argument `input`, and a call of that function becomes a call of the tool again.
"""

from gateway.formats import wire
from gateway.formats.types import CustomTool, JSONDict, Tool

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
    return Tool(tool.name, description.strip() or None, _PARAMETERS)


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
