"""OpenAI Chat Completions: `POST /v1/chat/completions`."""

from gateway.formats.failures import decode_error
from gateway.formats.openai_chat.controls import with_system, with_thinking
from gateway.formats.openai_chat.errors import encode_error, encode_stream_error
from gateway.formats.openai_chat.needs import needs
from gateway.formats.openai_chat.request import (
    NAME,
    STREAM_TYPE,
    TAKES_URLS,
    check_request,
    decode_request,
    max_tokens,
)
from gateway.formats.openai_chat.response import decode_response, encode_response, sniff_response
from gateway.formats.openai_chat.sending import address, encode_request, readdress
from gateway.formats.openai_chat.stream import Relay, StreamDecoder, StreamEncoder
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
    "max_tokens",
    "needs",
    "readdress",
    "sniff_response",
    "wants",
    "with_system",
    "with_thinking",
]
