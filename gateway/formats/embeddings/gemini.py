"""Google's format for several texts: `POST /v1beta/models/{model}:batchEmbedContents`.

Its upstreams are asked in this one always, whose batch may be of one. Errors are those of `gemini`.

Source: https://ai.google.dev/api/embeddings (read 2026-11)
"""

from msgspec.structs import replace

from gateway.errors import BadRequest, NotSupported
from gateway.formats.embeddings import google
from gateway.formats.embeddings.google import max_tokens, units, wants
from gateway.formats.embeddings.shape import encoded, texts
from gateway.formats.embeddings.types import EmbeddingRequest, Embeddings
from gateway.formats.embeddings.vectors import read_list
from gateway.formats.failures import decode_error
from gateway.formats.gemini import encode_error
from gateway.formats.gemini.spelling import camel
from gateway.formats.reading import as_object, objects
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

NAME = "gemini_embeddings"


def address(model: str, stream: bool) -> str:
    """Where its upstreams take requests, under their base URL."""
    return google.address(model, "batchEmbedContents")


def check_request(body: JSONDict) -> None:
    """What must be right before a body is relayed as it is.

    Raises:
        BadRequest: A field is missing or of the wrong type; it is named.
    """
    requests = objects(body, "requests")
    if not requests:
        raise BadRequest("requests: at least one is needed", param="requests")
    for at, request in requests:
        google.check_content(camel(request), at)


def readdress(body: JSONDict, model: str, quirks: Quirks) -> tuple[JSONDict, bool, tuple[str, ...]]:
    """A request for an upstream of this format: each of its requests names the model again."""
    named = google.resource(model)
    requests = body["requests"]
    if all(request.get("model") == named for request in requests):
        return google.without_model(body), False, ()
    renamed = [request | {"model": named} for request in requests]
    return google.without_model(body) | {"requests": renamed}, False, ()


def decode_request(body: JSONDict) -> EmbeddingRequest:
    """Read a request, whose model stands in the path.

    Raises:
        BadRequest: A field is missing or of the wrong type; it is named.
        NotSupported: It has more than text, or its requests differ in more than their text.
    """
    check_request(body)
    found = [google.read(camel(request), NAME, at) for at, request in objects(body, "requests")]
    first = found[0]
    if any(replace(each, inputs=first.inputs) != first for each in found):
        raise NotSupported(
            "requests: at this provider all of them have the same settings", param="requests"
        )
    return replace(first, inputs=tuple(each.inputs[0] for each in found))


def encode_request(request: EmbeddingRequest, model: str, quirks: Quirks) -> Encoded:
    """Raises `NotSupported` for tokens."""
    common = google.settings(request)
    named = google.resource(model)
    requests = [
        {"model": named, "content": {"parts": [{"text": text}]}, **common}
        for text in texts(request)
    ]
    return encoded(request, {"requests": requests}, quirks, "truncate", "user")


def decode_response(body: JSONDict) -> Embeddings:
    """Read an answer. Raises `UpstreamFailed` for what is none, an error in a 200 included."""
    rows = body.get("embeddings")
    values = [as_object(row).get("values") for row in rows] if isinstance(rows, list) else None
    return read_list(values, google.read_usage(body), body.get("error"))


def sniff_response(data: bytes) -> Usage | None:
    """The usage in an answer that is relayed. Raises `UpstreamFailed` for what is no answer."""
    return google.sniff(data, "embeddings")


def encode_response(reply: Embeddings, asked: Asked) -> JSONDict:
    rows = [{"values": vector} for vector in reply.vectors]
    return {"embeddings": rows} | google.write_usage(reply.usage)
