"""What an operator has to say about a client's own request."""

from gateway.formats import system
from gateway.formats.types import JSONDict


def with_system(request: JSONDict, text: str) -> JSONDict:
    """The request, which was checked, with `text` first of all that is said to the model.

    It gets no cache mark of its own: the client's are at most four, and the first covers it.
    """
    return request | {"system": system.before(text, request.get("system"))}
