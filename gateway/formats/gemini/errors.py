"""Errors in Google's words.

Source: https://cloud.google.com/apis/design/errors (read 2026-11)
"""

import math

from gateway import errors
from gateway.errors import GatewayError
from gateway.formats import sse, wire
from gateway.formats.failures import row_of
from gateway.formats.types import JSONDict

STATUSES: dict[type[GatewayError], str] = {
    GatewayError: "INTERNAL",
    errors.BadRequest: "INVALID_ARGUMENT",
    errors.BadHost: "INVALID_ARGUMENT",
    errors.KeyRejected: "UNAUTHENTICATED",
    errors.BudgetSpent: "FAILED_PRECONDITION",
    errors.NotAllowed: "PERMISSION_DENIED",
    errors.NotFound: "NOT_FOUND",
    errors.MethodNotAllowed: "UNIMPLEMENTED",
    errors.RequestTimeout: "DEADLINE_EXCEEDED",
    errors.Conflict: "ABORTED",
    errors.AnswerNotKept: "ALREADY_EXISTS",
    errors.TooLarge: "INVALID_ARGUMENT",
    errors.UnsupportedEncoding: "INVALID_ARGUMENT",
    errors.UpgradeRequired: "FAILED_PRECONDITION",
    errors.RateLimited: "RESOURCE_EXHAUSTED",
    errors.Unavailable: "UNAVAILABLE",
    errors.UpstreamFailed: "UNAVAILABLE",
    errors.UpstreamTimeout: "DEADLINE_EXCEEDED",
}
_TYPE = "type.googleapis.com/google.rpc."
DOMAIN = "omniroute"


def encode_error(error: GatewayError, request_id: str) -> JSONDict:
    status = row_of(STATUSES, error)
    if isinstance(error, errors.UpstreamRefused) and error.is_clients_fault:
        status = "INVALID_ARGUMENT"
    told = {"code": error.status, "message": str(error), "status": status}
    return {"error": told | {"details": _details(error, request_id)}}


def _details(error: GatewayError, request_id: str) -> list[JSONDict]:
    """Google's clients read no headers: when to come back stands here."""
    details: list[JSONDict] = []
    if error.come_back_s is not None:
        seconds = max(math.ceil(error.come_back_s), 0)
        details.append({"@type": _TYPE + "RetryInfo", "retryDelay": f"{seconds}s"})
    if error.param is not None:
        violation = {"field": error.param, "description": str(error)}
        details.append({"@type": _TYPE + "BadRequest", "fieldViolations": [violation]})
    if error.details:  # values are texts there
        metadata = {name: _text(value) for name, value in error.details.items()}
        info = {"reason": type(error).__name__, "domain": DOMAIN, "metadata": metadata}
        details.append({"@type": _TYPE + "ErrorInfo", **info})
    if request_id:
        details.append({"@type": _TYPE + "RequestInfo", "requestId": request_id})
    return details


def _text(value: object) -> str:
    return value if isinstance(value, str) else wire.dumps(value).decode()


def encode_stream_error(error: GatewayError, request_id: str) -> bytes:
    """The event that ends a broken stream."""
    return sse.frame(wire.dumps(encode_error(error, request_id)))
