"""Errors in Anthropic's words.

Source: https://docs.anthropic.com/en/api/errors (read 2026-11)
"""

from gateway import errors
from gateway.errors import GatewayError
from gateway.formats import sse, wire
from gateway.formats.failures import row_of
from gateway.formats.types import JSONDict

ERROR_TYPES: dict[type[GatewayError], str] = {
    GatewayError: "api_error",
    errors.BadRequest: "invalid_request_error",
    errors.BadHost: "invalid_request_error",
    errors.KeyRejected: "authentication_error",
    errors.BudgetSpent: "billing_error",
    errors.NotAllowed: "permission_error",
    errors.NotFound: "not_found_error",
    errors.MethodNotAllowed: "invalid_request_error",
    errors.RequestTimeout: "invalid_request_error",
    errors.Conflict: "invalid_request_error",
    errors.TooLarge: "request_too_large",
    errors.UnsupportedEncoding: "invalid_request_error",
    errors.UpgradeRequired: "invalid_request_error",
    errors.RateLimited: "rate_limit_error",
    errors.Unavailable: "overloaded_error",
    errors.UpstreamFailed: "api_error",
    errors.UpstreamTimeout: "timeout_error",
}


def encode_error(error: GatewayError, request_id: str) -> JSONDict:
    kind = row_of(ERROR_TYPES, error)
    if isinstance(error, errors.UpstreamRefused) and error.is_clients_fault:
        kind = "request_too_large" if error.status == 413 else "invalid_request_error"
    body = {"type": kind, "message": str(error)} | error.details
    return {"type": "error", "error": body, "request_id": request_id}


def encode_stream_error(error: GatewayError, request_id: str) -> bytes:
    """The event that ends a broken stream; no `message_stop` follows."""
    return sse.frame(wire.dumps(encode_error(error, request_id)), "error")
