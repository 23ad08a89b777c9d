"""What servers of this format want in their own way, for requests of ours and for relayed ones.

None of it changes what is asked; what would is `Quirks.unsupported`, and is told.
"""

from typing import Any

from gateway.formats.types import JSONDict, Quirks

_LIMITS = ("max_completion_tokens", "max_tokens")  # the newer one wins


def suited(body: JSONDict, quirks: Quirks) -> JSONDict:
    """The request as this server takes it: the same object where nothing is to be changed."""
    if quirks.max_tokens_field is not None:
        body = _limited(body, quirks.max_tokens_field)
    messages = body["messages"]
    suited = messages
    if quirks.developer_role is False and any(_is_developers(message) for message in messages):
        suited = [
            {**message, "role": "system"} if _is_developers(message) else message
            for message in messages
        ]
    if quirks.alternate_roles:
        suited = _alternating(suited)
    return body if suited is messages else body | {"messages": suited}


def _limited(body: JSONDict, name: str) -> JSONDict:
    told = [given for given in _LIMITS if body.get(given) is not None]
    if not told or told == [name]:
        return body
    others = {given: value for given, value in body.items() if given not in _LIMITS}
    return others | {name: body[told[0]]}


def _is_developers(message: JSONDict) -> bool:
    return message.get("role") == "developer"


def _alternating(messages: list[JSONDict]) -> list[JSONDict]:
    """System messages as one at the start; the turns of one side in a row as one turn."""
    system = [message for message in messages if message.get("role") == "system"]
    turns: list[JSONDict] = []
    for message in (*system, *(other for other in messages if other.get("role") != "system")):
        if turns and _joins(turns[-1], message):
            content = _joined(turns[-1]["content"], message["content"])
            turns[-1] = turns[-1] | {"content": content}
        else:
            turns.append(message)
    return messages if len(turns) == len(messages) and not _moved(system, messages) else turns


def _moved(system: list[JSONDict], messages: list[JSONDict]) -> bool:
    return messages[: len(system)] != system


def _joins(last: JSONDict, message: JSONDict) -> bool:
    """Results of tools are each a message, and so is a turn with calls."""
    return (
        last.get("role") == message.get("role") != "tool"
        and bool(last.get("content") and message.get("content"))
        and not last.get("tool_calls")
    )


def _joined(first: Any, second: Any) -> Any:
    if isinstance(first, str) and isinstance(second, str):
        return f"{first}\n\n{second}"
    return [*_parts(first), *_parts(second)]


def _parts(content: Any) -> list[Any]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else list(content)
