"""Jina's format.

Source: https://jina.ai/embeddings and https://api.jina.ai/docs (read 2026-11)
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

NAME = "jina_embeddings"
_TASKS: dict[Purpose, str] = {
    "query": "retrieval.query",
    "question_answering": "retrieval.query",
    "fact_verification": "retrieval.query",
    "code_query": "retrieval.query",
    "document": "retrieval.passage",
    "similarity": "text-matching",
    "classification": "classification",
    "clustering": "separation",
}


_PASSED = frozenset(["task", "late_chunking", "normalized", "truncate"])


def address(model: str, stream: bool) -> str:
    return "/embeddings"


def encode_request(request: EmbeddingRequest, model: str, quirks: Quirks) -> Encoded:
    """Raises `NotSupported` for tokens."""
    task = _TASKS[request.input_type] if request.input_type else None
    body: JSONDict = {"model": model, "input": texts(request)}
    body |= given(task=task, truncate=request.truncate, dimensions=request.dimensions)
    return encoded(request, body, quirks, "title", "user", passed=_PASSED)
