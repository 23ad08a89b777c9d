"""Errors in Cohere's words.

Source: https://docs.cohere.com/reference/errors (read 2026-11)
"""

from gateway.errors import GatewayError
from gateway.formats import sse, wire
from gateway.formats.types import JSONDict


def encode_error(error: GatewayError, request_id: str) -> JSONDict:
    return {"id": request_id, "message": str(error)} | error.details


def encode_stream_error(error: GatewayError, request_id: str) -> bytes:
    """The event that ends a broken stream; no `[DONE]` follows."""
    delta = {"finish_reason": "ERROR", "error": str(error)}
    event = {"type": "message-end", "id": request_id, "delta": delta}
    return sse.frame(wire.dumps(event), "message-end")
