"""OpenAI's format: `POST /v1/embeddings`. Its errors are those of `openai_chat`.

Source: https://platform.openai.com/docs/api-reference/embeddings/create (read 2026-11)
"""

from gateway.errors import BadRequest
from gateway.formats.embeddings.shape import (
    PURPOSES,
    decode_response,
    encoded,
    sniff_response,
)
from gateway.formats.embeddings.types import EmbeddingRequest, Embeddings, Input
from gateway.formats.embeddings.vectors import to_base64
from gateway.formats.failures import decode_error
from gateway.formats.openai_chat import encode_error
from gateway.formats.reading import (
    given,
    is_a,
    one_of,
    optional,
    others,
    readdress,
    required,
    wants,
    wrong,
)
from gateway.formats.types import Asked, Encoded, JSONDict, Quirks

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

NAME = "openai_embeddings"
ENCODINGS = ("float", "base64")

_KNOWN = frozenset(["model", "input", "dimensions", "user", "encoding_format", "input_type"])


def address(model: str, stream: bool) -> str:
    """Where its upstreams take requests, under their base URL."""
    return "/embeddings"


def max_tokens(body: JSONDict) -> int:
    """A vector has no tokens."""
    return 0


def units(body: JSONDict) -> dict[str, int]:
    """Only its tokens are paid for."""
    return {}


def check_request(body: JSONDict) -> None:
    """What must be right before a body is relayed as it is.

    Raises:
        BadRequest: A field is missing or of the wrong type; it is named.
    """
    if not required(body, "model", str):
        raise BadRequest("model: a value is missing", param="model")
    _check_input(body.get("input"))
    one_of(optional(body, "encoding_format", str), ENCODINGS, "encoding_format")
    dimensions = optional(body, "dimensions", int)
    if dimensions is not None and dimensions < 1:
        raise wrong("dimensions", "a number above 0")


def _check_input(value: object) -> None:
    if value in (None, "", []):
        raise BadRequest("input: a value is missing", param="input")
    if isinstance(value, str):
        return
    # Servers of this format take more than OpenAI does (images, as objects): theirs to judge.
    if not isinstance(value, list):
        raise wrong("input", "a string or an array")


def decode_request(body: JSONDict) -> EmbeddingRequest:
    """Read a request; what OpenAI does not know is in `extras`.

    Raises:
        BadRequest: A field is missing or of the wrong type; it is named.
    """
    check_request(body)
    told = optional(body, "input_type", str)
    purpose = PURPOSES.get(told or "")
    extras = others(body, _KNOWN)
    return EmbeddingRequest(
        format=NAME,
        model=body["model"],
        inputs=_inputs(body["input"]),
        dimensions=optional(body, "dimensions", int),
        input_type=purpose,
        user=optional(body, "user", str),
        extras=extras if purpose or told is None else extras | {"input_type": told},
    )


def _inputs(value: str | list[object]) -> tuple[Input, ...]:
    if isinstance(value, str):
        return (value,)
    if all(is_a(item, int) for item in value):
        return (tuple(value),)  # type: ignore[arg-type]
    return tuple(_input(item, f"input[{position}]") for position, item in enumerate(value))


def _input(item: object, at: str) -> Input:
    if isinstance(item, str):
        return item
    if isinstance(item, list) and item and all(is_a(token, int) for token in item):
        return tuple(item)
    raise wrong(at, "a string or an array of tokens")


def encode_request(request: EmbeddingRequest, model: str, quirks: Quirks) -> Encoded:
    """Write a request. Vectors are asked for as numbers.

    A single text goes as one, as every server of this format takes it.
    """
    inputs = [list(each) if isinstance(each, tuple) else each for each in request.inputs]
    body = {"model": model, "input": inputs[0] if len(inputs) == 1 else inputs}
    body |= given(dimensions=request.dimensions, user=request.user)
    return encoded(request, body, quirks, "input_type", "truncate", "title")


def encode_response(reply: Embeddings, asked: Asked) -> JSONDict:
    """Write an answer, in the encoding that was asked for."""
    in_base64 = asked.request.get("encoding_format") == "base64"
    tokens = (reply.usage or asked.estimate).input_tokens
    return {
        "object": "list",
        "data": [
            {
                "object": "embedding",
                "index": index,
                "embedding": to_base64(vector) if in_base64 else vector,
            }
            for index, vector in enumerate(reply.vectors)
        ],
        "model": asked.model,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }
