"""Google's format for one text: `POST /v1beta/models/{model}:embedContent`."""

from gateway.errors import NotSupported
from gateway.formats.embeddings import google
from gateway.formats.embeddings.google import max_tokens, units, wants
from gateway.formats.embeddings.shape import encoded, texts
from gateway.formats.embeddings.types import EmbeddingRequest, Embeddings
from gateway.formats.embeddings.vectors import read_list
from gateway.formats.failures import decode_error
from gateway.formats.gemini import encode_error
from gateway.formats.gemini.spelling import camel
from gateway.formats.reading import as_object
from gateway.formats.types import Asked, Encoded, JSONDict, Quirks, Usage

__all__ = [
    "NAME",
    "address",
    "check_request",
    "decode_error",
    "decode_request",
    "decode_response",
    "encode_error",
    "encode_request",
    "encode_response",
    "max_tokens",
    "readdress",
    "sniff_response",
    "units",
    "wants",
]

NAME = "gemini_embed_content"


def address(model: str, stream: bool) -> str:
    """Where its upstreams take requests, under their base URL."""
    return google.address(model, "embedContent")


def check_request(body: JSONDict) -> None:
    """Raises `BadRequest` for a field that is missing or of the wrong type; it is named."""
    google.check_content(camel(body), "")


def readdress(body: JSONDict, model: str, quirks: Quirks) -> tuple[JSONDict, bool, tuple[str, ...]]:
    """A request for an upstream of this format: as it is, the path says the model."""
    return google.without_model(body), False, ()


def decode_request(body: JSONDict) -> EmbeddingRequest:
    """Read a request, whose model stands in the path. Raises as `gemini.decode_request` does."""
    check_request(body)
    return google.read(camel(body), NAME, "")


def encode_request(request: EmbeddingRequest, model: str, quirks: Quirks) -> Encoded:
    """Raises `NotSupported` for tokens, and for several texts."""
    if len(request.inputs) != 1:
        raise NotSupported("input: one text is possible a call", param="input")
    body = {"content": {"parts": [{"text": texts(request)[0]}]}, **google.settings(request)}
    return encoded(request, body, quirks, "truncate", "user")


def decode_response(body: JSONDict) -> Embeddings:
    """Read an answer. Raises `UpstreamFailed` for what is none, an error in a 200 included."""
    row = body.get("embedding")
    values = [as_object(row).get("values")] if row else None
    return read_list(values, google.read_usage(body), body.get("error"))


def sniff_response(data: bytes) -> Usage | None:
    """The usage in an answer that is relayed. Raises `UpstreamFailed` for what is no answer."""
    return google.sniff(data, "embedding")


def encode_response(reply: Embeddings, asked: Asked) -> JSONDict:
    return {"embedding": {"values": reply.vectors[0]}} | google.write_usage(reply.usage)
