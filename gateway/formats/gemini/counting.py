"""`countTokens`: what is to be counted, and how many there are.

Source: https://ai.google.dev/api/tokens (read 2026-11)
"""

from urllib.parse import unquote

from gateway.formats.gemini.sending import address
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


def encode_count_request(body: JSONDict, model: str) -> JSONDict:
    """What Google is asked for a generate request's count; the whole of it has to name its model."""
    address_of = address(model, stream=False).removeprefix("/").rpartition(":")[0]
    return {"generateContentRequest": {"model": unquote(address_of), **body}}


def count_address(model: str) -> str:
    """Under the base URL."""
    return address(model, stream=False).rpartition(":")[0] + ":countTokens"


def decode_count(body: JSONDict) -> int | None:
    """Null for an answer that has none."""
    total = body.get("totalTokens")
    return total if isinstance(total, int) and total >= 0 else None
