"""Errors in Amazon's words.

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html
(read 2026-11)
"""

from gateway import errors
from gateway.errors import GatewayError, UpstreamFailed
from gateway.formats import aws_eventstream, failures, wire
from gateway.formats.aws_eventstream import Message
from gateway.formats.failures import reported, row_of
from gateway.formats.types import JSONDict

# The exceptions of a stream, and the statuses that they have where they come alone.
STATUSES = {
    "internalServerException": 500,
    "modelStreamErrorException": 424,
    "modelTimeoutException": 408,
    "serviceUnavailableException": 503,
    "throttlingException": 429,
    "validationException": 400,
}
EXCEPTIONS: dict[type[GatewayError], str] = {
    GatewayError: "internalServerException",
    errors.BadRequest: "validationException",
    errors.RateLimited: "throttlingException",
    errors.Unavailable: "serviceUnavailableException",
    errors.UpstreamFailed: "modelStreamErrorException",
}


# What follows explains a signature that does not fit, by the headers that were to be signed: a
# session token is one of them.
_SIGNED = "The Canonical String for this request"


def decode_error(status: int, body: bytes) -> str:
    """See `failures.decode_error`. Amazon's services disagree on the case of `message`."""
    try:
        told = wire.loads(body)
    except ValueError:
        told = None
    words = (told.get("message") or told.get("Message")) if isinstance(told, dict) else None
    if isinstance(words, str):
        return failures.clean(words.partition(_SIGNED)[0])
    return failures.decode_error(status, body)


def failure_of(message: Message) -> UpstreamFailed:
    """The failure that an exception, or an error without a payload, in a stream stands for."""
    kind = message.headers.get(":exception-type") or message.headers.get(":error-code") or ""
    try:
        told = wire.loads(message.payload or b"{}")
    except ValueError:
        told = {}
    words = told.get("message") if isinstance(told, dict) else None
    known = kind[:1].lower() + kind[1:]
    return reported(
        {
            "message": words or message.headers.get(":error-message") or kind,
            "code": STATUSES.get(known, 200),
        }
    )


def encode_error(error: GatewayError, request_id: str) -> JSONDict:
    return {"message": str(error)} | error.details


def encode_stream_error(error: GatewayError, request_id: str) -> bytes:
    """The exception that ends a broken stream; no `messageStop` follows."""
    payload = wire.dumps({"message": str(error)})
    return aws_eventstream.exception(row_of(EXCEPTIONS, error), payload)
