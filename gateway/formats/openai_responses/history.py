"""What a later turn needs of an earlier one: its items, each with an id.

`GET /v1/responses/{id}/input_items` lists them, and `previous_response_id` puts them before the
next turn's own.
"""

from gateway.formats.openai_responses.items import kind_of
from gateway.formats.openai_responses.output import item_id
from gateway.formats.types import JSONDict

# What the ids of items begin with, by type; of one that is not here, `item_`.
_PREFIXES = {
    "message": "msg",
    "reasoning": "rs",
    "function_call": "fc",
    "function_call_output": "fco",
    "custom_tool_call": "ctc",
    "custom_tool_call_output": "ctco",
    "image_generation_call": "ig",
    "web_search_call": "ws",
    "file_search_call": "fs",
    "code_interpreter_call": "ci",
    "computer_call": "cu",
    "computer_call_output": "cuo",
    "local_shell_call": "lsh",
    "shell_call": "sh",
    "apply_patch_call": "apc",
    "mcp_call": "mcp",
    "mcp_list_tools": "mcpl",
    "mcp_approval_request": "mcpr",
    "mcp_approval_response": "mcpa",
    "tool_search_call": "tsc",
    "tool_search_output": "tso",
    "compaction": "cmp",
}


def input_items(body: JSONDict, response_id: str) -> list[JSONDict]:
    """The input of a request that was checked, as a list of items.

    Args:
        response_id: Of the answer; the ids of items that have none are made from it.
    """
    given = body.get("input")
    if isinstance(given, str):
        given = [{"type": "message", "role": "user", "content": given}]
    return [_named(item, f"{response_id}_in", index) for index, item in enumerate(given or [])]


def history(body: JSONDict, response: JSONDict) -> list[JSONDict]:
    """What the input of the next turn begins with: the request's input, then the answer's output.

    `body` is the request with its own history in it, if it had any.
    """
    output = response.get("output")
    said = [item for item in (output if isinstance(output, list) else []) if isinstance(item, dict)]
    return input_items(body, str(response.get("id") or "")) + said


def _named(item: JSONDict, stem: str, index: int) -> JSONDict:
    kind = kind_of(item)
    if kind == "item_reference":
        return item
    named = {"type": kind, "id": item_id(_PREFIXES.get(kind, "item"), stem, index), **item}
    if item.get("id") is None:
        named["id"] = item_id(_PREFIXES.get(kind, "item"), stem, index)
    if kind == "message" and isinstance(item.get("content"), str):
        part = "output_text" if item.get("role") == "assistant" else "input_text"
        named["content"] = [{"type": part, "text": item["content"]}]
    return named
