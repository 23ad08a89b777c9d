"""Mistral's format, which is OpenAI's but for the names of fields; it refuses those of others.

Source: https://docs.mistral.ai/api/endpoint/embeddings (read 2026-11)
"""

from gateway.formats.embeddings.shape import decode_response, encoded, texts
from gateway.formats.embeddings.types import EmbeddingRequest
from gateway.formats.failures import decode_error
from gateway.formats.reading import given
from gateway.formats.types import Encoded, Quirks

__all__ = [
    "NAME",
    "address",
    "decode_error",
    "decode_response",
    "encode_request",
]

NAME = "mistral_embeddings"
_PASSED = frozenset(["metadata"])


def address(model: str, stream: bool) -> str:
    return "/embeddings"


def encode_request(request: EmbeddingRequest, model: str, quirks: Quirks) -> Encoded:
    """Raises `NotSupported` for tokens."""
    body = {"model": model, "input": texts(request)}
    body |= given(output_dimension=request.dimensions)
    lost = ("input_type", "truncate", "title", "user")
    return encoded(request, body, quirks, *lost, passed=_PASSED)
