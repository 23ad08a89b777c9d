"""Errors in Ollama's words: one string, whatever happened; the status says the rest.

Source: https://github.com/ollama/ollama/blob/main/docs/api/errors.mdx (read 2026-11)
"""

from gateway.errors import GatewayError
from gateway.formats import ndjson, wire
from gateway.formats.types import JSONDict


def encode_error(error: GatewayError, request_id: str) -> JSONDict:
    return {"error": str(error)} | error.details


def encode_stream_error(error: GatewayError, request_id: str) -> bytes:
    """The line that ends a broken stream; none with `done` follows."""
    return ndjson.frame(wire.dumps(encode_error(error, request_id)))
