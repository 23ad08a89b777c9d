"""Errors in OpenAI's words.

Source: https://platform.openai.com/docs/guides/error-codes (read 2026-11)
"""

from gateway import errors
from gateway.errors import GatewayError
from gateway.formats import sse, wire
from gateway.formats.failures import row_of
from gateway.formats.types import JSONDict

# type, code
ERROR_TYPES: dict[type[GatewayError], tuple[str, str | None]] = {
    GatewayError: ("server_error", None),
    errors.BadRequest: ("invalid_request_error", None),
    errors.IdempotencyMismatch: ("invalid_request_error", "idempotency_mismatch"),
    errors.BadHost: ("invalid_request_error", "invalid_host"),
    errors.KeyRejected: ("invalid_request_error", "invalid_api_key"),
    errors.BudgetSpent: ("insufficient_quota", "budget_exceeded"),
    errors.NotAllowed: ("permission_error", None),
    errors.NotFound: ("invalid_request_error", None),
    errors.ModelNotFound: ("invalid_request_error", "model_not_found"),
    errors.MethodNotAllowed: ("invalid_request_error", "method_not_allowed"),
    errors.RequestTimeout: ("invalid_request_error", "request_timeout"),
    errors.Conflict: ("invalid_request_error", None),
    errors.IdempotencyInProgress: ("invalid_request_error", "idempotency_in_progress"),
    errors.AnswerNotKept: ("invalid_request_error", "idempotency_answer_not_kept"),
    errors.TooLarge: ("invalid_request_error", "request_too_large"),
    errors.UnsupportedEncoding: ("invalid_request_error", "unsupported_encoding"),
    errors.UpgradeRequired: ("invalid_request_error", "upgrade_required"),
    errors.RateLimited: ("requests", "rate_limit_exceeded"),
    errors.Unavailable: ("service_unavailable", None),
    errors.StorageUnavailable: ("service_unavailable", "storage_unavailable"),
    errors.UpstreamFailed: ("upstream_error", None),
    errors.UpstreamTimeout: ("timeout", None),
}


def encode_error(error: GatewayError, request_id: str) -> JSONDict:
    kind, code = row_of(ERROR_TYPES, error)
    if isinstance(error, errors.RateLimited) and error.limit == "tokens":
        kind = "tokens"
    if isinstance(error, errors.UpstreamRefused) and error.is_clients_fault:
        kind = "invalid_request_error"
    body = {"message": str(error), "type": kind, "param": error.param, "code": code}
    return {"error": body | error.details}


def encode_stream_error(error: GatewayError, request_id: str) -> bytes:
    """The event that ends a broken stream; no `[DONE]` follows."""
    return sse.frame(wire.dumps(encode_error(error, request_id)))
