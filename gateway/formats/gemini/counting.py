"""`countTokens`: what is to be counted, and how many there are.

Source: https://ai.google.dev/api/tokens (read 2026-11)
"""

from gateway.formats.reading import optional
from gateway.formats.types import JSONDict


def decode_count_request(body: JSONDict) -> JSONDict:
    """The request whose tokens are asked for, as `decode_request` takes it.

    Raises:
        BadRequest: What should hold the request is no object.
    """
    for name in ("generateContentRequest", "generate_content_request"):
        inner = optional(body, name, dict)
        if inner is not None:
            return inner
    return body


def encode_count(total: int) -> JSONDict:
    return {"totalTokens": total}
