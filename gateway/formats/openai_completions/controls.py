"""What an operator has to say about a client's own request; see `openai_chat.controls`."""

from gateway.formats import system
from gateway.formats.thinking import Thinking
from gateway.formats.types import JSONDict


def with_system(request: JSONDict, text: str) -> JSONDict:
    """The request, which was checked, with `text` first of all that is said to the model."""
    return request | {"system": system.before(text, request.get("system"))}


def with_thinking(request: JSONDict, thinking: Thinking) -> JSONDict:
    """The request, whose model is to think as the operator says."""
    return request | {"reasoning_effort": thinking.effort}
