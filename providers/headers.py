"""Which headers an operator may add to the calls of a connection."""

import re
from collections.abc import Mapping

from django.core.exceptions import ValidationError

# After RFC 9110: what may be a header's name, and what no value holds.
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
# They say where a request ends, and are the client library's.
_FRAMING = frozenset(
    {"content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer"}
)


def check_headers(headers: Mapping[str, str]) -> None:
    """Refuse a header that could end itself, or the request.

    Raises:
        ValidationError: For the field `headers`.
    """
    for name, value in headers.items():
        if not _HEADER.fullmatch(name) or name.lower() in _FRAMING:
            raise ValidationError({"headers": f"{name!r} is no name of a header that can be added"})
        if not value.isprintable():
            raise ValidationError({"headers": f"{name}: its value may hold no control characters"})
