"""What an operator has to say about a client's own request."""

from gateway.formats import system
from gateway.formats.types import JSONDict


def with_system(request: JSONDict, text: str) -> JSONDict:
    """The request, which was checked, with `text` first of all that is said to the model.

    `instructions` are of one request and no part of the conversation that is kept, so that the
    next one, which refers to this, does not say it twice.
    """
    return request | {"instructions": system.before(text, request.get("instructions"))}
