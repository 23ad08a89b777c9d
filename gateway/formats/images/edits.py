"""OpenAI's format for edits: `POST /v1/images/edits`, a form with files, or JSON with addresses.

Source: https://platform.openai.com/docs/api-reference/images/createEdit (read 2026-11)
"""

import base64
from collections.abc import Iterator
from typing import Any

from gateway.errors import BadRequest
from gateway.formats.failures import decode_error
from gateway.formats.images import openai
from gateway.formats.images.openai import (
    decode_response,
    encode_error,
    encode_response,
    max_tokens,
    passage,
    sniff_response,
    wants_bytes,
)
from gateway.formats.images.types import ImageRequest, Picture
from gateway.formats.multipart import Upload
from gateway.formats.reading import data_url, readdress, wrong
from gateway.formats.types import Encoded, JSONDict, Quirks

__all__ = [
    "NAME",
    "TAKES_FORMS",
    "address",
    "check_request",
    "decode_error",
    "decode_request",
    "decode_response",
    "encode_error",
    "encode_request",
    "encode_response",
    "max_tokens",
    "passage",
    "readdress",
    "sniff_response",
    "units",
    "wants",
    "wants_bytes",
]

NAME = "openai_image_edits"
TAKES_FORMS = True  # a request may be a form; its fields are those of the JSON

_OWN = frozenset(["image", "images", "mask"])
MAX_SOURCES = 16


def address(model: str, stream: bool) -> str:
    """Where its upstreams take requests, under their base URL."""
    return "/images/edits"


def wants(path: str, body: JSONDict) -> tuple[str, bool]:
    model, stream = openai.wants(path, body)
    return model, stream or body.get("stream") == "true"


def units(body: JSONDict) -> dict[str, int]:
    return openai.units(_typed(body))


def _typed(body: JSONDict) -> JSONDict:
    """A form's fields are texts; those that are numbers, as numbers."""
    n = body.get("n")
    if isinstance(n, str) and n.isdecimal() and len(n) < 5:
        body = body | {"n": int(n)}
    return body | {"stream": True} if body.get("stream") == "true" else body


def check_request(body: JSONDict) -> None:
    """What must be right before a body is relayed as it is.

    Raises:
        BadRequest: A field is missing or of the wrong type; it is named.
    """
    openai.check_request(_typed(body))
    sources = list(_sources(body))
    if not sources:
        raise BadRequest("image: a value is missing", param="image")
    if len(sources) > MAX_SOURCES:
        raise wrong("image", f"at most {MAX_SOURCES} images")


def _sources(body: JSONDict) -> Iterator[Any]:
    for name in ("image", "images"):
        told = body.get(name)
        if told is not None:
            yield from told if isinstance(told, list) else [told]


def decode_request(body: JSONDict) -> ImageRequest:
    """Read a request.

    Raises:
        BadRequest: A field is missing or of the wrong type; it is named.
        NotSupported: It streams.
    """
    check_request(body)
    rest = {name: value for name, value in _typed(body).items() if name not in _OWN}
    request = openai.decode_request(rest)
    mask = body.get("mask")
    return ImageRequest(
        model=request.model,
        prompt=request.prompt,
        images=tuple(_picture(source, "image") for source in _sources(body)),
        mask=None if mask is None else _picture(mask, "mask"),
        n=request.n,
        size=request.size,
        output_format=request.output_format,
        extras=request.extras,
    )


def _picture(told: Any, param: str) -> Picture:
    if isinstance(told, Upload):
        return Picture(
            data=base64.b64encode(told.data).decode("ascii"), media_type=told.content_type
        )
    url = told.get("image_url", told.get("url")) if isinstance(told, dict) else told
    if not isinstance(url, str) or not url:
        raise wrong(param, "a file, or the address of an image")
    found = data_url(url)
    if found is None:
        return Picture(url=url)
    return Picture(data=found[1], media_type=found[0] or "image/png")


def encode_request(request: ImageRequest, model: str, quirks: Quirks) -> Encoded:
    """Write a request, as JSON."""
    encoded = openai.encode_request(request, model, quirks)
    told: JSONDict = {"images": [{"image_url": _address(each)} for each in request.images]}
    if request.mask is not None:
        told["mask"] = {"image_url": _address(request.mask)}
    return Encoded(encoded.body | told)


def _address(picture: Picture) -> str:
    return picture.url or f"data:{picture.media_type};base64,{picture.data}"
