"""OpenAI's format: `POST /v1/moderations`. Its errors are those of `openai_chat`.

Source: https://platform.openai.com/docs/api-reference/moderations (read 2026-11)
"""

from gateway.errors import BadRequest, NotSupported, UpstreamFailed
from gateway.formats import wire
from gateway.formats.failures import decode_error
from gateway.formats.moderations.answers import read_judgements
from gateway.formats.moderations.types import Judgements, ModerationRequest
from gateway.formats.openai_chat import encode_error
from gateway.formats.reading import others, readdress, required, wants, wrong
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

NAME = "openai_moderations"
_KNOWN = frozenset(["model", "input"])


def address(model: str, stream: bool) -> str:
    """Where its upstreams take requests, under their base URL."""
    return "/moderations"


def max_tokens(body: JSONDict) -> int:
    """A judgement has no tokens."""
    return 0


def units(body: JSONDict) -> dict[str, int]:
    """Only its tokens are paid for, if at all."""
    return {}


def check_request(body: JSONDict) -> None:
    """What must be right before a body is relayed as it is.

    Raises:
        BadRequest: A field is missing or of the wrong type; it is named.
    """
    if not required(body, "model", str):
        raise BadRequest("model: a value is missing", param="model")
    told = body.get("input")
    if told in (None, "", []):
        raise BadRequest("input: a value is missing", param="input")
    if not isinstance(told, str | list):
        raise wrong("input", "a string or an array")


def decode_request(body: JSONDict) -> ModerationRequest:
    """Read a request.

    Raises:
        BadRequest: A field is missing or of the wrong type; it is named.
        NotSupported: It has more than text: that is OpenAI's alone.
    """
    check_request(body)
    told = body["input"]
    inputs = (told,) if isinstance(told, str) else tuple(told)
    if any(isinstance(each, dict) for each in inputs):
        raise NotSupported("input: this provider takes text alone", param="input")
    if not all(isinstance(each, str) for each in inputs):
        raise wrong("input", "a string or an array of strings")
    return ModerationRequest(model=body["model"], inputs=inputs, extras=others(body, _KNOWN))


def encode_request(request: ModerationRequest, model: str, quirks: Quirks) -> Encoded:
    """Write a request."""
    return Encoded({"model": model, "input": list(request.inputs)} | request.extras)


def decode_response(body: JSONDict) -> Judgements:
    """Read an answer. Raises `UpstreamFailed` for what is none, an error in a 200 included."""
    return read_judgements(body)


def sniff_response(data: bytes) -> Usage | None:
    """The usage in an answer that is relayed. Raises `UpstreamFailed` for what is no answer."""
    try:
        body = wire.loads(data)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise UpstreamFailed("the upstream's answer is no JSON object", upstream_status=200)
    return decode_response(body).usage


def encode_response(reply: Judgements, asked: Asked) -> JSONDict:
    """Write an answer. Categories that the provider does not know are not in it: nobody has looked."""
    return {
        "id": asked.id,
        "model": asked.model,
        "results": [
            {
                "flagged": each.flagged,
                "categories": each.categories,
                "category_scores": each.scores,
            }
            for each in reply.judgements
        ],
    }
