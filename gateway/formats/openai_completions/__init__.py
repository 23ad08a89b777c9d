"""OpenAI's legacy completions: `POST /v1/completions`, for clients; the upstreams are asked to chat.

Its errors are those of `openai_chat`.
"""

from gateway.formats.openai_chat import encode_error, encode_stream_error
from gateway.formats.openai_completions.controls import with_system, with_thinking
from gateway.formats.openai_completions.needs import needs
from gateway.formats.openai_completions.request import (
    NAME,
    STREAM_TYPE,
    check_request,
    decode_request,
    max_tokens,
)
from gateway.formats.openai_completions.response import encode_response
from gateway.formats.openai_completions.stream import StreamEncoder
from gateway.formats.reading import wants

__all__ = [
    "NAME",
    "STREAM_TYPE",
    "StreamEncoder",
    "check_request",
    "decode_request",
    "encode_error",
    "encode_response",
    "encode_stream_error",
    "max_tokens",
    "needs",
    "wants",
    "with_system",
    "with_thinking",
]
