"""Errors in OpenAI's words, as Chat Completions has them, and the event that ends a stream.

Source: https://platform.openai.com/docs/api-reference/responses-streaming (read 2026-11)
"""

from gateway import errors
from gateway.errors import GatewayError
from gateway.formats import sse, wire
from gateway.formats.failures import row_of
from gateway.formats.openai_chat.errors import encode_error
from gateway.formats.openai_responses.output import response_id, skeleton
from gateway.formats.types import Asked, JSONDict

__all__ = ["encode_error", "encode_stream_error", "failure"]

# Codes of an answer that failed: few, and none of them like those of an error body.
_CODES: dict[type[GatewayError], str] = {
    GatewayError: "server_error",
    errors.BadRequest: "invalid_prompt",
    errors.RateLimited: "rate_limit_exceeded",
}
# The event's number where nobody knows how many came before: above any of theirs.
_LAST = 2**31 - 1


def failure(response: JSONDict, error: GatewayError) -> JSONDict:
    """The response as it ends when it failed."""
    code = row_of(_CODES, error)
    if isinstance(error, errors.UpstreamFailed) and error.upstream_status == 429:
        code = "rate_limit_exceeded"
    return response | {"status": "failed", "error": {"code": code, "message": str(error)}}


def encode_stream_error(error: GatewayError, request_id: str) -> bytes:
    """The event that ends a broken stream; nothing follows.

    Of what was sent it knows nothing: `fail` of a `StreamEncoder` or a `Relay` does.
    """
    asked = Asked(model="", id=request_id, created=0)
    response = failure(skeleton(asked, response_id("", asked), None), error)
    return failed(response, _LAST)


def failed(response: JSONDict, number: int) -> bytes:
    """The event that says of a response that it failed; `number` is its place in the stream."""
    told = {"type": "response.failed", "response": response, "sequence_number": number}
    return sse.frame(wire.dumps(told), "response.failed")
