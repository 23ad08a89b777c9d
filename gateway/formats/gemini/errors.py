"""Errors in Google's words.

Source: https://cloud.google.com/apis/design/errors (read 2026-11)
"""

import math
import re
from typing import Any

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


_DELAY = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)s")
_WORDS = re.compile(r"retry in (\d{1,9}(?:\.\d+)?)(ms|s)\b", re.IGNORECASE)


def retry_after(body: bytes) -> float | None:
    """Seconds that an error's body asks to wait, >= 0; null where it says nothing of it.

    In `google.rpc.RetryInfo`, or in the message: "Please retry in 12.5s."
    """
    try:
        value = wire.loads(body)
    except ValueError:
        return None
    if isinstance(value, list) and value:
        value = value[0]
    error = value.get("error") if isinstance(value, dict) else None
    if not isinstance(error, dict):
        return None
    details = error.get("details")
    for detail in details if isinstance(details, list) else ():
        told = _delay(detail)
        if told is not None:
            return told
    words = _WORDS.search(str(error.get("message") or "")[:10_000])
    if words is None:
        return None
    return float(words[1]) / (1000 if words[2].lower() == "ms" else 1)


def _delay(detail: Any) -> float | None:
    """Of a RetryInfo: "12s", as JSON writes a duration."""
    delay = detail.get("retryDelay") if isinstance(detail, dict) else None
    found = _DELAY.fullmatch(delay) if isinstance(delay, str) else None
    return float(found[1]) if found else None
