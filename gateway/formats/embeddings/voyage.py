"""Voyage's format.

Source: https://docs.voyageai.com/reference/embeddings-api (read 2026-11)
"""

from gateway.formats.embeddings.shape import decode_response, encoded, texts
from gateway.formats.embeddings.types import EmbeddingRequest, Purpose
from gateway.formats.failures import decode_error
from gateway.formats.reading import given
from gateway.formats.types import Encoded, JSONDict, Quirks

__all__ = [
    "NAME",
    "address",
    "decode_error",
    "decode_response",
    "encode_request",
]

NAME = "voyage_embeddings"
# It knows these two; for anything else it makes the same vector for all.
_PURPOSES: dict[Purpose, str] = {
    "query": "query",
    "question_answering": "query",
    "fact_verification": "query",
    "code_query": "query",
    "document": "document",
}


_PASSED = frozenset(["truncation"])


def address(model: str, stream: bool) -> str:
    return "/embeddings"


def encode_request(request: EmbeddingRequest, model: str, quirks: Quirks) -> Encoded:
    """Raises `NotSupported` for tokens."""
    purpose = _PURPOSES.get(request.input_type) if request.input_type else None
    body: JSONDict = {"model": model, "input": texts(request)}
    body |= given(
        input_type=purpose, truncation=request.truncate, output_dimension=request.dimensions
    )
    lost = () if purpose else ("input_type",)
    return encoded(request, body, quirks, *lost, "title", "user", passed=_PASSED)
