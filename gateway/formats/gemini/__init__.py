"""Gemini: `POST /v1beta/models/{model}:generateContent` and `:streamGenerateContent?alt=sse`.

Clients that stream without `alt=sse` get a JSON array: `gateway.formats.gemini_array`.
"""

from gateway.formats.failures import decode_error
from gateway.formats.gemini.chunks import StreamEncoder
from gateway.formats.gemini.controls import with_system, with_thinking
from gateway.formats.gemini.counting import decode_count_request, encode_count
from gateway.formats.gemini.errors import encode_error, encode_stream_error
from gateway.formats.gemini.needs import needs
from gateway.formats.gemini.request import (
    STREAM_TYPE,
    TAKES_URLS,
    check_request,
    decode_request,
    max_tokens,
    wants,
)
from gateway.formats.gemini.response import decode_response, encode_response, sniff_response
from gateway.formats.gemini.sending import address, encode_request, readdress
from gateway.formats.gemini.signing import NAME
from gateway.formats.gemini.stream import Relay, StreamDecoder

__all__ = [
    "NAME",
    "STREAM_TYPE",
    "TAKES_URLS",
    "Relay",
    "StreamDecoder",
    "StreamEncoder",
    "address",
    "check_request",
    "decode_count_request",
    "decode_error",
    "decode_request",
    "decode_response",
    "encode_count",
    "encode_error",
    "encode_request",
    "encode_response",
    "encode_stream_error",
    "max_tokens",
    "needs",
    "readdress",
    "sniff_response",
    "wants",
    "with_system",
    "with_thinking",
]
