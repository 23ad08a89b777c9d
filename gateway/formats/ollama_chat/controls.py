"""What an operator has to say about a client's own request."""

from gateway.formats import system
from gateway.formats.thinking import Thinking
from gateway.formats.types import JSONDict


def with_system(request: JSONDict, text: str) -> JSONDict:
    """The request, which was checked, with `text` first of all that is said to the model.

    One without messages only loads the model, and stays so.
    """
    return system.in_messages(request, text, ("system",))


def with_thinking(request: JSONDict, thinking: Thinking) -> JSONDict:
    """The request, whose model is to think as the operator says.

    Most models know only whether to think, and refuse a level: it is told to one that is asked
    for a level already, or whose quirks say that it knows them.
    """
    if thinking.mode == "off":
        return request | {"think": False}
    told = request.get("think")
    by_level = thinking.quirks.reasoning == "effort" or (isinstance(told, str) and told)
    return request | {"think": thinking.effort if by_level else True}
