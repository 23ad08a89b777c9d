"""What only another format knows, on its way to an upstream: left out visibly, or refused.

Tools that a provider runs itself, what they left in the conversation, and fields without which
another thing is asked. `fitted` is each format's first step in writing a request.
"""

from collections.abc import Iterator

from msgspec.structs import replace

from gateway.errors import NotSupported
from gateway.formats.reading import refuse_extras, unknown_part
from gateway.formats.types import (
    AnyTool,
    Message,
    Opaque,
    OpaqueTool,
    Part,
    Prompt,
    ToolChoice,
)

# format, beginning of the tool's kind: why a request means the same without it, where it stands
# beside functions. Of any other (file_search, mcp, code_interpreter, computer_use, …) the loss
# would change what is asked, so it is refused by name; so is one of these that stands alone or
# that the request forces.
OPTIONAL_TOOLS: dict[tuple[str, str], str] = {
    ("openai_responses", "web_search"): "Codex and Cline attach it to every request",
    ("openai_responses", "image_generation"): "Cline attaches it to every request",
    ("openai_responses", "tool_search"): "finds tools that are sent as they are instead",
    ("openai_responses", "programmatic_tool_calling"): "another way to call tools that are sent",
}

# format, type of a part: why a conversation means the same without it. All are notes of a call
# that the provider made and answered itself; what came of it is in the answer's own text.
OPTIONAL_PARTS: dict[tuple[str, str], str] = {
    ("openai_responses", "web_search_call"): "found pages; the answer cites them",
    ("openai_responses", "file_search_call"): "found passages; the answer cites them",
    ("openai_responses", "code_interpreter_call"): "ran code; the answer tells its result",
    ("openai_responses", "image_generation_call"): "an image that is kept elsewhere",
    ("openai_responses", "mcp_list_tools"): "what a server offered",
    ("openai_responses", "mcp_call"): "asked a server; the answer tells its result",
    ("openai_responses", "program"): "called tools by a program; the calls stand beside it",
    ("openai_responses", "program_output"): "what came of the program; the answer tells it",
    ("openai_responses", "tool_search_call"): "looked for tools that are sent as they are",
    ("openai_responses", "tool_search_output"): "its tools are sent with the others",
    ("openai_responses", "additional_tools"): "its tools are sent with the others",
    ("gemini", "executableCode"): "code that was run; the answer tells its result",
    ("gemini", "codeExecutionResult"): "what came of it; the answer tells it",
}
# Those of which nothing at all is lost.
_KEPT_ELSEWHERE = ("tool_search_output", "additional_tools")

# Fields that say what the model can do or knows already, and not only how it is to answer.
NEEDED_FIELDS: dict[str, tuple[str, ...]] = {
    "anthropic_messages": ("mcp_servers",),
    "gemini": ("cachedContent",),
    "openai_chat": ("audio", "web_search_options"),
    "openai_responses": ("previous_response_id", "conversation", "prompt", "background"),
}


def fitted(prompt: Prompt, native: str, dropped: list[str]) -> Prompt:
    """The request without what only another format than `native` knows.

    Args:
        dropped: The names of what is left out are added to it.

    Raises:
        NotSupported: Without it, another thing would be asked; it is named.
    """
    if prompt.format != native:
        refuse_extras(prompt, NEEDED_FIELDS.get(prompt.format, ()))
    tools = tuple(_tools(prompt, native, dropped))
    return replace(
        prompt,
        tools=tools,
        tool_choice=_choice(prompt, tools, native),
        messages=tuple(_messages(prompt, native, dropped)),
    )


def _tools(prompt: Prompt, native: str, dropped: list[str]) -> Iterator[AnyTool]:
    has_functions = any(not isinstance(tool, OpaqueTool) for tool in prompt.tools)
    for tool in prompt.tools:
        if not isinstance(tool, OpaqueTool) or tool.format == native:
            yield tool
        elif has_functions and _is_optional(tool):
            dropped.append(f"tools.{tool.kind}")
        else:
            raise NotSupported(
                f"tool type {tool.kind} is not available at this provider", param="tools"
            )


def _is_optional(tool: OpaqueTool) -> bool:
    return any(
        tool.format == format and tool.kind.startswith(kind) for format, kind in OPTIONAL_TOOLS
    )


def _choice(prompt: Prompt, tools: tuple[AnyTool, ...], native: str) -> ToolChoice | None:
    """The choice among the tools that are left."""
    choice = prompt.tool_choice
    if choice is None or prompt.format == native:
        return choice
    names = {tool.name for tool in tools if not isinstance(tool, OpaqueTool)}
    if "tool_choice" in prompt.extras and choice.mode == "named" and choice.name not in names:
        raise NotSupported(
            f"tool_choice: {choice.name} is not available at this provider", param="tool_choice"
        )
    if len(tools) == len(prompt.tools):
        return choice
    allowed = tuple(name for name in choice.allowed if name in names)
    if choice.allowed and not allowed:
        raise NotSupported(
            "tool_choice: the tools it allows are not available at this provider",
            param="tool_choice",
        )
    return replace(choice, allowed=allowed)


def _messages(prompt: Prompt, native: str, dropped: list[str]) -> Iterator[Message]:
    for message in prompt.messages:
        if not any(isinstance(part, Opaque) for part in message.parts):
            yield message
            continue
        parts = tuple(part for part in message.parts if _stays(part, native, dropped, prompt))
        if parts:
            yield replace(message, parts=parts)


def _stays(part: Part, native: str, dropped: list[str], prompt: Prompt) -> bool:
    if not isinstance(part, Opaque) or part.format == native:
        return True
    kind = str(part.value.get("type") or next(iter(part.value), None))  # Google names by the field
    if (part.format, kind) not in OPTIONAL_PARTS:
        param = "input" if prompt.format == "openai_responses" else "messages"
        raise unknown_part(part.value, param)
    if kind not in _KEPT_ELSEWHERE:
        dropped.append(f"content.{kind}")
    return False
