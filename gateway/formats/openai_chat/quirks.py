"""What servers of this format want in their own way, for requests of ours and for relayed ones.

None of it changes what is asked; what would is `Quirks.unsupported`, and is told.
"""

import hashlib
import re
from typing import Any

from gateway.formats.types import JSONDict, Quirks

_SHORT_ID = re.compile(r"[A-Za-z0-9]{9}")
_LIMITS = ("max_completion_tokens", "max_tokens")  # the newer one wins


def suited(body: JSONDict, quirks: Quirks) -> JSONDict:
    """The request as this server takes it: the same object where nothing is to be changed."""
    if quirks.max_tokens_field is not None:
        body = _limited(body, quirks.max_tokens_field)
    if any(name in body for name in quirks.renamed):
        body = {quirks.renamed.get(name, name): value for name, value in body.items()}
    messages = body["messages"]
    suited = messages
    if quirks.developer_role is False and any(_is_developers(message) for message in messages):
        suited = [
            {**message, "role": "system"} if _is_developers(message) else message
            for message in messages
        ]
    if quirks.alternate_roles:
        suited = _alternating(suited)
    if quirks.short_call_ids:
        suited = _with_short_ids(suited)
    return body if suited is messages else body | {"messages": suited}


def _limited(body: JSONDict, name: str) -> JSONDict:
    told = [given for given in _LIMITS if body.get(given) is not None]
    if not told or told == [name]:
        return body
    others = {given: value for given, value in body.items() if given not in _LIMITS}
    return others | {name: body[told[0]]}


def _is_developers(message: JSONDict) -> bool:
    return message.get("role") == "developer"


def _with_short_ids(messages: list[JSONDict]) -> list[JSONDict]:
    """A call and its result keep the same id, whoever gave it."""
    suited = list(map(_with_short_id, messages))
    return messages if suited == messages else suited


def _with_short_id(message: JSONDict) -> JSONDict:
    if isinstance(calls := message.get("tool_calls"), list):
        # What is no call stays as it is: a server says itself what is wrong with it.
        shortened = [_shortened(each, "id") if isinstance(each, dict) else each for each in calls]
        return message | {"tool_calls": shortened}
    return _shortened(message, "tool_call_id")


def _shortened(told: JSONDict, name: str) -> JSONDict:
    return told | {name: _short(told[name])} if name in told else told


def _short(id: Any) -> Any:
    if not isinstance(id, str) or _SHORT_ID.fullmatch(id):
        return id
    return hashlib.sha256(id.encode(errors="replace")).hexdigest()[:9]


def refused(quirks: Quirks) -> tuple[str, ...]:
    """Parameters that are left out."""
    return quirks.unsupported if quirks.include_usage else (*quirks.unsupported, "stream_options")


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
