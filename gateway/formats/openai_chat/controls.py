"""What an operator has to say about a client's own request."""

from gateway.formats import system
from gateway.formats.types import JSONDict

_SYSTEM_ROLES = ("system", "developer")


def with_system(request: JSONDict, text: str) -> JSONDict:
    """The request, which was checked, with `text` first of all that is said to the model."""
    return system.in_messages(request, text, _SYSTEM_ROLES)
