"""OpenAI's format for speech in English, whatever was spoken: `POST /v1/audio/translations`.

Source: https://platform.openai.com/docs/api-reference/audio/createTranslation (read 2026-11)
"""

from msgspec.structs import replace

from gateway.formats.failures import decode_error
from gateway.formats.transcriptions import openai
from gateway.formats.transcriptions.answers import encode_answer
from gateway.formats.transcriptions.openai import (
    STREAMED_FILE,
    check_request,
    decode_response,
    encode_error,
    file_units,
    is_passed,
    max_tokens,
    passage,
    readdress,
    sniff_response,
    units,
    wants,
)
from gateway.formats.transcriptions.types import TranscriptionRequest
from gateway.formats.types import Encoded, JSONDict, Quirks

__all__ = [
    "NAME",
    "STREAMED_FILE",
    "address",
    "check_request",
    "decode_error",
    "decode_request",
    "decode_response",
    "encode_answer",
    "encode_error",
    "encode_request",
    "file_units",
    "is_passed",
    "max_tokens",
    "passage",
    "readdress",
    "sniff_response",
    "units",
    "wants",
]

NAME = "openai_translations"


def address(model: str, stream: bool) -> str:
    """Where its upstreams take requests, under their base URL."""
    return "/audio/translations"


def decode_request(body: JSONDict) -> TranscriptionRequest:
    """Read a request. Raises `BadRequest` as `openai.decode_request` does."""
    return replace(openai.decode_request(body), into_english=True)


def encode_request(request: TranscriptionRequest, model: str, quirks: Quirks) -> Encoded:
    """Write a request: the answer is to be JSON."""
    return Encoded(openai.fields(request, model), form=True)
