"""An operator's own text before what the client has for the model.

It is put into the client's system part and never beside it, since servers differ in whether they
take two. The part begins with it, the same bytes at each call, so that the upstream's prompt cache
begins with it too; what the client wrote stays as it was, its cache marks included.
"""

from typing import Any

from gateway.formats.types import JSONDict


def before(text: str, content: Any) -> Any:
    """System content, a text or a list of parts or nothing, that begins with `text`."""
    if isinstance(content, list):
        return [{"type": "text", "text": text}, *content]
    return f"{text}\n\n{content}" if content else text


def in_messages(request: JSONDict, text: str, roles: tuple[str, ...]) -> JSONDict:
    """A request whose first message is a system message that begins with `text`.

    Args:
        request: One that was checked. Without messages it is not made to have any.
        roles: Those of the client's own system messages.
    """
    messages = request.get("messages")
    if not messages:
        return request
    first, *others = messages
    if first["role"] in roles:
        first = first | {"content": before(text, first.get("content"))}
        return request | {"messages": [first, *others]}
    return request | {"messages": [{"role": "system", "content": text}, *messages]}
