"""OpenAI Responses: `POST /v1/responses`."""

from gateway.formats.failures import decode_error
from gateway.formats.openai_responses.controls import with_system, with_thinking
from gateway.formats.openai_responses.encoder import StreamEncoder
from gateway.formats.openai_responses.errors import encode_error, encode_stream_error
from gateway.formats.openai_responses.history import history, input_items
from gateway.formats.openai_responses.needs import needs
from gateway.formats.openai_responses.request import (
    STREAM_TYPE,
    TAKES_URLS,
    address,
    check_request,
    decode_request,
    encode_request,
    max_tokens,
    readdress,
)
from gateway.formats.openai_responses.response import (
    decode_response,
    encode_response,
    sniff_response,
)
from gateway.formats.openai_responses.stream import Relay, StreamDecoder
from gateway.formats.openai_responses.wording import NAME
from gateway.formats.reading import wants

__all__ = [
    "NAME",
    "STREAM_TYPE",
    "TAKES_URLS",
    "Relay",
    "StreamDecoder",
    "StreamEncoder",
    "address",
    "check_request",
    "decode_error",
    "decode_request",
    "decode_response",
    "encode_error",
    "encode_request",
    "encode_response",
    "encode_stream_error",
    "history",
    "input_items",
    "max_tokens",
    "needs",
    "readdress",
    "sniff_response",
    "wants",
    "with_system",
    "with_thinking",
]
