"""What an operator has to say about a client's own request."""

from gateway.formats import system
from gateway.formats.reading import others
from gateway.formats.thinking import Thinking
from gateway.formats.types import JSONDict

_SHOWN = frozenset(["summary", "generate_summary"])  # thoughts are to be told


def with_system(request: JSONDict, text: str) -> JSONDict:
    """The request, which was checked, with `text` first of all that is said to the model.

    `instructions` are of one request and no part of the conversation that is kept, so that the
    next one, which refers to this, does not say it twice.
    """
    return request | {"instructions": system.before(text, request.get("instructions"))}


def with_thinking(request: JSONDict, thinking: Thinking) -> JSONDict:
    """The request, which was checked, whose model is to think as the operator says."""
    told = request.get("reasoning") or {}
    if thinking.mode == "off":
        told = others(told, _SHOWN)
    return request | {"reasoning": told | {"effort": thinking.effort}}
