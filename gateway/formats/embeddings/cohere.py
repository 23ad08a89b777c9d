"""Cohere's format, version 2: `POST /v2/embed`.

Source: https://docs.cohere.com/v2/reference/embed (read 2026-11)
"""

from gateway.formats.embeddings.shape import encoded, texts
from gateway.formats.embeddings.types import EmbeddingRequest, Embeddings, Purpose
from gateway.formats.embeddings.vectors import read_list
from gateway.formats.failures import decode_error
from gateway.formats.reading import as_object, count, given
from gateway.formats.types import Encoded, JSONDict, Quirks, Usage

__all__ = [
    "NAME",
    "address",
    "decode_error",
    "decode_response",
    "encode_request",
]

NAME = "cohere_embeddings"
_PURPOSES: dict[Purpose, str] = {
    "query": "search_query",
    "question_answering": "search_query",
    "fact_verification": "search_query",
    "code_query": "search_query",
    "document": "search_document",
    "classification": "classification",
    "clustering": "clustering",
}
# It is required, and most that is embedded is to be found.
_DEFAULT = "search_document"


def address(model: str, stream: bool) -> str:
    return "/v2/embed"


def encode_request(request: EmbeddingRequest, model: str, quirks: Quirks) -> Encoded:
    """Raises `NotSupported` for tokens."""
    truncate = {None: None, True: "END", False: "NONE"}[request.truncate]
    purpose = _PURPOSES.get(request.input_type) if request.input_type else None
    body: JSONDict = {
        "model": model,
        "texts": texts(request),
        "input_type": purpose or _DEFAULT,
        "embedding_types": ["float"],
    }
    body |= given(truncate=truncate, output_dimension=request.dimensions)
    lost = () if purpose else ("input_type",)
    return encoded(request, body, quirks, *lost, "title", "user")


def decode_response(body: JSONDict) -> Embeddings:
    """Read an answer. Raises `UpstreamFailed` for what is none, an error in a 200 included."""
    vectors = as_object(body.get("embeddings")).get("float")
    return read_list(vectors, _usage(body), body.get("error"))


def _usage(body: JSONDict) -> Usage | None:
    billed = as_object(as_object(body.get("meta")).get("billed_units"))
    text, image = count(billed.get("input_tokens")), count(billed.get("image_tokens"))
    units = {"image_input_tokens": image} if image else {}
    return Usage(input_tokens=text + image, units=units) if billed else None
