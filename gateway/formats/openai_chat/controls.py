"""What an operator has to say about a client's own request."""

from gateway.formats import system
from gateway.formats.openai_chat import dialects
from gateway.formats.thinking import Thinking
from gateway.formats.types import JSONDict

_SYSTEM_ROLES = ("system", "developer")


def with_system(request: JSONDict, text: str) -> JSONDict:
    """The request, which was checked, with `text` first of all that is said to the model."""
    return system.in_messages(request, text, _SYSTEM_ROLES)


def with_thinking(request: JSONDict, thinking: Thinking) -> JSONDict:
    """The request, whose model is to think as the operator says.

    It is told in the words that the client chose, since its server knows those, and in OpenAI's
    where it chose none.
    """
    told = dialects.told(request, thinking)
    sent = request | told
    return {name: value for name, value in sent.items() if name not in told or value is not None}
