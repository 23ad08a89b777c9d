"""Ollama's format: `POST /api/embed`.

Source: https://docs.ollama.com/api/embed (read 2026-11)
"""

from gateway.formats.embeddings.shape import encoded, texts
from gateway.formats.embeddings.types import EmbeddingRequest, Embeddings
from gateway.formats.embeddings.vectors import read_list
from gateway.formats.failures import decode_error
from gateway.formats.reading import count, given
from gateway.formats.types import Encoded, JSONDict, Quirks, Usage

__all__ = [
    "NAME",
    "address",
    "decode_error",
    "decode_response",
    "encode_request",
]

NAME = "ollama_embeddings"


def address(model: str, stream: bool) -> str:
    return "/api/embed"


def encode_request(request: EmbeddingRequest, model: str, quirks: Quirks) -> Encoded:
    """Raises `NotSupported` for tokens."""
    body: JSONDict = {"model": model, "input": texts(request)}
    body |= given(truncate=request.truncate, dimensions=request.dimensions)
    return encoded(request, body, quirks, "input_type", "title", "user")


def decode_response(body: JSONDict) -> Embeddings:
    """Read an answer. Raises `UpstreamFailed` for what is none, an error in a 200 included."""
    told = body.get("prompt_eval_count")
    usage = None if told is None else Usage(input_tokens=count(told))
    return read_list(body.get("embeddings"), usage, body.get("error"))
