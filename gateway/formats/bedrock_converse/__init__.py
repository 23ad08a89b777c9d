"""Amazon Bedrock's Converse: `POST /model/{model}/converse` and `/converse-stream`."""

from gateway.formats.bedrock_converse.content import NAME
from gateway.formats.bedrock_converse.errors import (
    decode_error,
    encode_error,
    encode_stream_error,
)
from gateway.formats.bedrock_converse.request import (
    STREAM_TYPE,
    TAKES_URLS,
    address,
    check_request,
    decode_request,
    encode_request,
    max_tokens,
    readdress,
    wants,
)
from gateway.formats.bedrock_converse.response import (
    decode_response,
    encode_response,
    sniff_response,
)
from gateway.formats.bedrock_converse.stream import Relay, StreamDecoder, StreamEncoder

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
    "readdress",
    "sniff_response",
    "wants",
]
