"""Ollama's own API: `POST /api/chat`, and the list of models under `GET /api/tags`."""

from gateway.formats.failures import decode_error
from gateway.formats.ollama_chat.controls import with_system, with_thinking
from gateway.formats.ollama_chat.errors import encode_error, encode_stream_error
from gateway.formats.ollama_chat.models import encode_tags
from gateway.formats.ollama_chat.needs import needs
from gateway.formats.ollama_chat.request import (
    NAME,
    STREAM_TYPE,
    TAKES_URLS,
    address,
    check_request,
    decode_request,
    encode_request,
    max_tokens,
    wants,
)
from gateway.formats.ollama_chat.response import decode_response, encode_response, sniff_response
from gateway.formats.ollama_chat.stream import Relay, StreamDecoder, StreamEncoder
from gateway.formats.reading import readdress

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
    "encode_tags",
    "max_tokens",
    "needs",
    "readdress",
    "sniff_response",
    "wants",
    "with_system",
    "with_thinking",
]
