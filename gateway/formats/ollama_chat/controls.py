"""What an operator has to say about a client's own request."""

from gateway.formats import system
from gateway.formats.types import JSONDict


def with_system(request: JSONDict, text: str) -> JSONDict:
    """The request, which was checked, with `text` first of all that is said to the model.

    One without messages only loads the model, and stays so.
    """
    return system.in_messages(request, text, ("system",))
