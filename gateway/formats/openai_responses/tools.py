"""Tools of the Responses API: functions, custom tools, groups of both, and those OpenAI runs.

A group is called `namespace`, and a call names tool and namespace apart. Other formats know no
groups: there a tool has one flat name, and a call of it is put back into its namespace.

Source: https://platform.openai.com/docs/api-reference/responses/create (read 2026-11)
"""

import itertools
from collections.abc import Container, Iterable, Iterator

from msgspec import Struct

from gateway.formats.openai_responses.wording import NAME
from gateway.formats.reading import beside, objects, optional, required, wrong
from gateway.formats.types import (
    AnyTool,
    CustomTool,
    JSONDict,
    OpaqueTool,
    Tool,
    ToolChoice,
    ToolGroup,
)

MAX_NAME_CHARS = 64  # of a function, at OpenAI and most others

_TOOL = frozenset(["type", "name", "description", "parameters", "strict", "format"])
# Items that bring tools along with the conversation.
TOOL_ITEMS = ("additional_tools", "tool_search_output")

Called = tuple[str | None, str]  # namespace and name


class Offered(Struct, frozen=True):
    """A tool as the client calls it."""

    name: str
    namespace: str | None = None
    custom: bool = False


class Names:
    """The flat names of a request's tools: `flat` from what the client calls them, `asked` back."""

    __slots__ = ("asked", "customs", "flat")

    def __init__(self, request: JSONDict) -> None:
        found = list(_walk(request))
        self.flat: dict[Called, str] = {}
        self.asked: dict[str, Offered] = {}
        # Tools of no namespace keep their names, whatever else is called so.
        for namespace, tool in sorted(found, key=lambda pair: pair[0] is not None):
            called = (namespace, str(tool.get("name") or ""))
            if called not in self.flat:
                flat = _flat(called, self.asked)
                self.flat[called] = flat
                self.asked[flat] = Offered(called[1], namespace, tool.get("type") == "custom")
        self.customs = frozenset(name for name, tool in self.asked.items() if tool.custom)

    def of(self, namespace: object, name: str) -> str:
        """The flat name, also of a tool that is offered no more."""
        called = (namespace if isinstance(namespace, str) and namespace else None, name)
        return self.flat.get(called) or _flat(called, ())


def _walk(request: JSONDict) -> Iterator[tuple[str | None, JSONDict]]:
    items = request.get("input")
    for holder in [request, *(items if isinstance(items, list) else ())]:
        if not isinstance(holder, dict):
            continue
        if holder is request or holder.get("type") in TOOL_ITEMS:
            yield from _tools_in(holder.get("tools"), None)


def _tools_in(tools: object, namespace: str | None) -> Iterator[tuple[str | None, JSONDict]]:
    for tool in tools if isinstance(tools, list) else ():
        match tool:
            case {"type": "namespace", "name": str(name)} if namespace is None:
                yield from _tools_in(tool.get("tools"), name)
            case {"type": "function" | "custom"}:
                yield namespace, tool


def _flat(called: Called, taken: Container[str]) -> str:
    namespace, name = called
    if namespace is None:
        return name
    return next(
        flat for flat in _choices(namespace, name) if flat not in taken and _fits(flat, name)
    )


def _choices(namespace: str, name: str) -> Iterator[str]:
    if not name.startswith(namespace):  # a function found by search is its own namespace
        yield f"{namespace.rstrip('_')}__{name}"
    yield name
    for number in itertools.count(2):
        yield f"{name[: MAX_NAME_CHARS - 8]}_{number}"


def _fits(flat: str, name: str) -> bool:
    return flat == name or len(flat) <= MAX_NAME_CHARS


# --- Reading ---------------------------------------------------------------------------------


def read_tools(body: JSONDict, names: Names) -> tuple[AnyTool, ...]:
    """The tools of a request, those in its items included.

    Raises:
        BadRequest: A field is missing or of the wrong type; it is named.
    """
    found = list(_read(body, "", names, added=False))
    if isinstance(body.get("input"), list):
        known = {tool.name for tool in found if not isinstance(tool, OpaqueTool)}
        for at, item in objects(body, "input"):
            if item.get("type") not in TOOL_ITEMS:
                continue
            for tool in _read(item, at, names, added=True):
                if isinstance(tool, OpaqueTool) or tool.name not in known:
                    found.append(tool)
                    known.update(() if isinstance(tool, OpaqueTool) else [tool.name])
    return tuple(found)


def _read(holder: JSONDict, at: str, names: Names, added: bool) -> Iterator[AnyTool]:
    for where, tool in objects(holder, "tools", at):
        kind = required(tool, "type", str, where)
        if kind != "namespace":
            yield _tool(tool, kind, where, names, None, added)
            continue
        required(tool, "name", str, where)
        group = {name: value for name, value in tool.items() if name != "tools"}
        members = objects(tool, "tools", where)
        if not members:
            yield OpaqueTool(NAME, kind, tool, added)
        for inside, member in members:
            inner = required(member, "type", str, inside)
            yield _tool(member, inner, inside, names, group, added)


def _tool(
    tool: JSONDict, kind: str, at: str, names: Names, group: JSONDict | None, added: bool
) -> AnyTool:
    if kind not in ("function", "custom"):
        value = tool if group is None else group | {"tools": [tool]}
        return OpaqueTool(NAME, kind[:100], value, added)
    nested = tool.get("function")
    if isinstance(nested, dict) and "parameters" not in tool:  # as Chat Completions has it
        tool = nested | {name: value for name, value in tool.items() if name != "function"}
    name = required(tool, "name", str, at)
    flat = names.of(group["name"] if group else None, name)
    inside = None if group is None else ToolGroup(group, name)
    description = optional(tool, "description", str, at)
    if kind == "custom":
        grammar = optional(tool, "format", dict, at)
        return CustomTool(flat, description, grammar, beside(tool, _TOOL), inside, added)
    return Tool(
        name=flat,
        description=description,
        parameters=optional(tool, "parameters", dict, at),
        strict=optional(tool, "strict", bool, at),
        extras=beside(tool, _TOOL),
        group=inside,
        added=added,
    )


def read_choice(body: JSONDict, names: Names) -> ToolChoice | None:
    """Which tools may be called. One that OpenAI runs itself is named by its type."""
    choice = body.get("tool_choice")
    match choice:
        case None:
            return None
        case "auto" | "none" | "required":
            return ToolChoice(choice)
        case {"type": "allowed_tools"}:
            mode = optional(choice, "mode", str, "tool_choice.") or "auto"
            if mode not in ("auto", "required"):
                raise wrong("tool_choice.mode", "'auto' or 'required'")
            tools = objects(choice, "tools", "tool_choice.")
            allowed = tuple(_chosen(tool, at, names) for at, tool in tools)
            return ToolChoice(mode, allowed=allowed)  # type: ignore[arg-type]
        case dict():
            return ToolChoice("named", _chosen(choice, "tool_choice.", names))
    raise wrong("tool_choice", "'auto', 'none', 'required' or an object that names a tool")


def _chosen(choice: JSONDict, at: str, names: Names) -> str:
    kind = required(choice, "type", str, at)
    if kind not in ("function", "custom"):
        return kind
    inner = choice.get("function")  # as Chat Completions has it
    name = required(inner if isinstance(inner, dict) else choice, "name", str, at)
    if not name:
        raise wrong(at + "name", "the name of a tool")
    return names.of(choice.get("namespace"), name)


def is_hosted(choice: object) -> bool:
    """Does it speak of a tool that OpenAI runs itself?"""
    match choice:
        case {"type": "allowed_tools", "tools": list(tools)}:
            return any(is_hosted(tool) for tool in tools)
        case {"type": str(kind)}:
            return kind not in ("function", "custom", "allowed_tools")
    return False


# --- Writing ---------------------------------------------------------------------------------


def write_tools(tools: Iterable[AnyTool], native: bool) -> list[JSONDict]:
    """The `tools` of a request; `native`: it came in this format, and keeps what that one knows."""
    sent: list[JSONDict] = []
    last: JSONDict | None = None
    for tool in tools:
        if tool.added:  # stands in its item
            continue
        group = None if isinstance(tool, OpaqueTool) else tool.group
        if group is None:
            sent.append(_write(tool, native))
        elif group.value is last:
            sent[-1]["tools"].append(_write(tool, native))
        else:
            sent.append({**group.value, "tools": [_write(tool, native)]})
        last = None if group is None else group.value
    return sent


def _write(tool: AnyTool, native: bool) -> JSONDict:
    if isinstance(tool, OpaqueTool):
        return tool.value
    custom = isinstance(tool, CustomTool)
    sent: JSONDict = {
        "type": "custom" if custom else "function",
        "name": tool.group.member if tool.group else tool.name,
    }
    if tool.description is not None:
        sent["description"] = tool.description
    if isinstance(tool, CustomTool):
        if tool.grammar is not None:
            sent["format"] = _flat_grammar(tool.grammar)
    elif native:
        given = {"parameters": tool.parameters, "strict": tool.strict}
        sent |= {name: value for name, value in given.items() if value is not None}
    else:
        # Elsewhere a schema is no promise unless it says so; here it is tried unasked.
        sent["parameters"] = tool.parameters or {"type": "object", "properties": {}}
        sent["strict"] = bool(tool.strict)
    return sent | (tool.extras if native else {})


def _flat_grammar(grammar: JSONDict) -> JSONDict:
    """Chat Completions puts syntax and definition one level deeper."""
    inner = grammar.get("grammar")
    return {"type": grammar.get("type"), **inner} if isinstance(inner, dict) else grammar


def write_choice(choice: ToolChoice, tools: Iterable[AnyTool]) -> str | JSONDict:
    offered = {tool.name: tool for tool in tools if not isinstance(tool, OpaqueTool)}

    def named(name: str) -> JSONDict:
        tool = offered.get(name)
        kind = "custom" if isinstance(tool, CustomTool) else "function"
        if tool is None or tool.group is None:
            return {"type": kind, "name": name}
        space = tool.group.value.get("name")
        return {"type": kind, "name": tool.group.member, "namespace": space}

    if choice.allowed:
        tools_left = [named(name) for name in choice.allowed]
        return {"type": "allowed_tools", "mode": choice.mode, "tools": tools_left}
    return named(choice.name or "") if choice.mode == "named" else choice.mode
