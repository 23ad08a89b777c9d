"""OpenAI's format: `POST /v1/images/generations`; xAI's, Recraft's and others' too.

Its errors are those of `openai_chat`. A request that streams is passed on by providers of this
format, and refused by the others.

Source: https://platform.openai.com/docs/api-reference/images (read 2026-11)
"""

import re
from typing import Any

from gateway.errors import BadRequest, NotSupported, UpstreamFailed
from gateway.formats import wire
from gateway.formats.events import Events
from gateway.formats.failures import decode_error, reported
from gateway.formats.images.common import made
from gateway.formats.images.types import ImageRequest, Images, Picture
from gateway.formats.openai_chat import encode_error
from gateway.formats.reading import (
    as_object,
    count,
    given,
    optional,
    others,
    readdress,
    required,
    wants,
    wrong,
)
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
    "passage",
    "readdress",
    "sniff_response",
    "units",
    "wants",
    "wants_bytes",
]

NAME = "openai_images"
KNOWN = frozenset(
    ["model", "prompt", "n", "size", "output_format", "response_format", "stream", "partial_images"]
)
MAX_IMAGES = 100
USUAL_PIXELS = 1024 * 1024
_SIZE = re.compile(r"([1-9]\d{0,4})x([1-9]\d{0,4})")


def address(model: str, stream: bool) -> str:
    """Where its upstreams take requests, under their base URL."""
    return "/images/generations"


def max_tokens(body: JSONDict) -> int:
    """How many tokens an image is, nobody knows before it is there."""
    return 0


def units(body: JSONDict) -> dict[str, int]:
    """Images, for prices that are for these."""
    told, size = body.get("n"), body.get("size")
    n = min(told, MAX_IMAGES) if isinstance(told, int) and told > 0 else 1
    found = _SIZE.fullmatch(size) if isinstance(size, str) else None
    pixels = int(found[1]) * int(found[2]) if found else USUAL_PIXELS
    return {"images": n, "pixels": n * pixels}


def check_request(body: JSONDict) -> None:
    """What must be right before a body is relayed as it is.

    Raises:
        BadRequest: A field is missing or of the wrong type; it is named.
    """
    for name in ("model", "prompt"):
        if not required(body, name, str):
            raise BadRequest(f"{name}: a value is missing", param=name)
    n = optional(body, "n", int)
    if n is not None and not 1 <= n <= MAX_IMAGES:
        raise wrong("n", f"a number from 1 to {MAX_IMAGES}")
    for name in ("size", "output_format", "response_format"):
        optional(body, name, str)


def decode_request(body: JSONDict) -> ImageRequest:
    """Read a request.

    Raises:
        BadRequest: A field is missing or of the wrong type; it is named.
        NotSupported: It streams.
    """
    check_request(body)
    if body.get("stream") is True:
        raise NotSupported("stream: images of this provider do not stream", param="stream")
    return ImageRequest(
        model=body["model"],
        prompt=body["prompt"],
        n=body.get("n") or 1,
        size=read_size(body.get("size")),
        output_format=body.get("output_format"),
        extras=others(body, KNOWN),
    )


def read_size(told: str | None) -> tuple[int, int] | None:
    """In pixels; null where it is the provider's to choose. Raises `BadRequest` for another word."""
    if told in (None, "", "auto"):
        return None
    found = _SIZE.fullmatch(told or "")
    if found is None:
        raise wrong("size", "a size such as 1024x1024")
    return int(found[1]), int(found[2])


def encode_request(request: ImageRequest, model: str, quirks: Quirks) -> Encoded:
    """Write a request."""
    size = f"{request.size[0]}x{request.size[1]}" if request.size else None
    body: JSONDict = {"model": model, "prompt": request.prompt, "n": request.n}
    return Encoded(body | given(size=size, output_format=request.output_format) | request.extras)


def decode_response(body: JSONDict) -> Images:
    """Read an answer. Raises `UpstreamFailed` for what is none, an error in a 200 included."""
    if body.get("error"):
        raise reported(body["error"])
    rows = body.get("data")
    pictures = [_picture(as_object(row), body) for row in rows] if isinstance(rows, list) else []
    return made(pictures, read_usage(body) or Usage())


def read_usage(body: JSONDict) -> Usage | None:
    """Of an answer or an event. What comes out are images where nothing else is said."""
    told = as_object(body.get("usage"))
    if not told:
        return None
    asked, out = count(told.get("input_tokens")), count(told.get("output_tokens"))
    drawn = as_object(told.get("output_tokens_details")).get("image_tokens")
    shown = count(as_object(told.get("input_tokens_details")).get("image_tokens"))
    units = {
        "image_input_tokens": min(shown, asked),
        "image_output_tokens": out if drawn is None else min(count(drawn), out),
    }
    return Usage(asked, out, units={unit: number for unit, number in units.items() if number})


def passage(body: JSONDict) -> Events:
    """Events, of which the last tells what was used."""
    return Events(read_usage)


def _picture(row: JSONDict, body: JSONDict) -> Picture:
    data, url = row.get("b64_json"), row.get("url")
    if not (isinstance(data, str) and data) and not (isinstance(url, str) and url):
        raise UpstreamFailed("the upstream's answer has an empty image", upstream_status=200)
    kind, prompt = body.get("output_format"), row.get("revised_prompt")
    return Picture(
        data=data if isinstance(data, str) and data else None,
        url=url if isinstance(url, str) and url else None,
        media_type=f"image/{kind}" if isinstance(kind, str) else "image/png",
        revised_prompt=prompt if isinstance(prompt, str) else None,
    )


def sniff_response(data: bytes) -> Usage | None:
    """The usage in an answer that is relayed. Raises `UpstreamFailed` for what is no answer."""
    try:
        body = wire.loads(data)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise UpstreamFailed("the upstream's answer is no JSON object", upstream_status=200)
    return decode_response(body).usage


def wants_bytes(request: JSONDict) -> bool:
    """Does the client want the image itself, and no address of it?"""
    return request.get("response_format") == "b64_json"


def encode_response(reply: Images, asked: Asked) -> JSONDict:
    """Write an answer; an image is told as it was given."""
    usage = reply.usage
    body: JSONDict = {"created": asked.created, "data": [_row(each) for each in reply.pictures]}
    if usage.input_tokens or usage.output_tokens:
        body["usage"] = {
            "input_tokens": usage.input_tokens,
            "output_tokens": usage.output_tokens,
            "total_tokens": usage.input_tokens + usage.output_tokens,
        }
    return body


def _row(picture: Picture) -> dict[str, Any]:
    told = {"b64_json": picture.data} if picture.data is not None else {"url": picture.url}
    return told | given(revised_prompt=picture.revised_prompt)
