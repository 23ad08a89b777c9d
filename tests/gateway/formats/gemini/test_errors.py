"""Errors in Google's words."""

import json
from typing import Any

import pytest
from google.genai import errors as sdk

from gateway import errors, hints
from gateway.errors import GatewayError
from gateway.formats import gemini

ERRORS: list[tuple[GatewayError, int, str]] = [
    (errors.BadRequest("x", param="contents"), 400, "INVALID_ARGUMENT"),
    (errors.KeyRejected("x"), 401, "UNAUTHENTICATED"),
    (errors.BudgetSpent("x"), 402, "FAILED_PRECONDITION"),
    (errors.NotAllowed("x"), 403, "PERMISSION_DENIED"),
    (errors.ModelNotFound("x"), 404, "NOT_FOUND"),
    (errors.IdempotencyMismatch("x"), 422, "INVALID_ARGUMENT"),
    (errors.IdempotencyInProgress("x", retry_after_s=1), 409, "ABORTED"),
    (errors.AnswerNotKept("x"), 409, "ALREADY_EXISTS"),
    (errors.TooLarge("x"), 413, "INVALID_ARGUMENT"),
    (errors.UnsupportedEncoding("x"), 415, "INVALID_ARGUMENT"),
    (errors.UpgradeRequired("x"), 426, "FAILED_PRECONDITION"),
    (errors.RateLimited("x", retry_after_s=11.2), 429, "RESOURCE_EXHAUSTED"),
    (errors.StorageUnavailable("x"), 503, "UNAVAILABLE"),
    (errors.UpstreamFailed("x"), 502, "UNAVAILABLE"),
    (errors.UpstreamRefused("x", upstream_status=400), 400, "INVALID_ARGUMENT"),
    (errors.UpstreamRefused("x", upstream_status=500), 502, "UNAVAILABLE"),
    (errors.UpstreamTimeout("x"), 504, "DEADLINE_EXCEEDED"),
    (GatewayError("x"), 500, "INTERNAL"),
]


@pytest.mark.parametrize(
    ("error", "code", "status"), ERRORS, ids=[type(case[0]).__name__ + case[2] for case in ERRORS]
)
def test_errors_have_googles_names(error: GatewayError, code: int, status: str) -> None:
    body = gemini.encode_error(error, "r1")
    told = sdk.APIError(error.status, body)
    assert (told.code, told.status, told.message) == (code, status, "x")
    assert body["error"]["code"] == code
    assert {"@type": "type.googleapis.com/google.rpc.RequestInfo", "requestId": "r1"} in body["error"]["details"]  # fmt: skip


def detail(error: GatewayError, kind: str) -> dict[str, Any]:
    details = gemini.encode_error(error, "r")["error"]["details"]
    return next(d for d in details if d["@type"] == f"type.googleapis.com/google.rpc.{kind}")


def test_when_to_come_back_stands_in_the_body() -> None:
    error = errors.RateLimited("x", retry_after_s=11.2)
    assert detail(error, "RetryInfo")["retryDelay"] == "12s"
    body = json.dumps(gemini.encode_error(error, "r")).encode()
    assert hints.retry_after(lambda name: "", body, now=0) == 12
    assert detail(errors.Unavailable("x"), "RetryInfo")["retryDelay"] == "5s"


def test_a_field_at_fault_is_named() -> None:
    violations = detail(errors.BadRequest("why", param="contents[0]"), "BadRequest")
    assert violations["fieldViolations"] == [{"field": "contents[0]", "description": "why"}]


def test_attempts_are_told_as_texts() -> None:
    attempts = [{"model": "m", "error": "x"}]
    info = detail(errors.UpstreamFailed("x", details={"attempts": attempts, "n": "1"}), "ErrorInfo")
    assert json.loads(info["metadata"]["attempts"]) == attempts
    assert info["metadata"]["n"] == "1"


def test_the_event_that_ends_a_broken_stream() -> None:
    sent = gemini.encode_stream_error(errors.UpstreamFailed('broke\n\ndata: "off"'), "r")
    assert sent.startswith(b'data: {"error":{"code":502,')
    assert sent.count(b"\n") == 2
