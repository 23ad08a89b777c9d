"""Replicate's format: a prediction, which is held open for a minute and then looked at.

What a model takes is its own; clients may say any of it beside OpenAI's fields.

Source: https://replicate.com/docs/reference/http#models.predictions.create (read 2026-11)
"""

from urllib.parse import quote

from gateway.errors import NotSupported
from gateway.formats.failures import decode_error
from gateway.formats.images.common import data_url, made, no_mask, ratio, refused
from gateway.formats.images.types import ImageRequest, Images, Picture
from gateway.formats.needs import inner
from gateway.formats.reading import dropped_names, given
from gateway.formats.types import Encoded, JSONDict, Quirks

__all__ = ["NAME", "address", "decode_error", "decode_response", "encode_request", "pending"]

NAME = "replicate_images"
_RATIOS = ("1:1", "2:3", "3:2", "4:5", "5:4", "9:16", "16:9")
# By a part of a model's name: where it takes images, and whether it takes several. Others call it
# `image`.
_FIELDS = (
    ("kontext", ("input_image", False)),
    ("nano-banana", ("image_input", True)),
    ("seedream", ("image_input", True)),
    ("flux-2", ("input_images", True)),
    ("gpt-image", ("input_images", True)),
)
_WAITING = ("starting", "processing")


def address(model: str, stream: bool) -> str:
    return f"/models/{quote(model, safe='/')}/predictions"


def encode_request(request: ImageRequest, model: str, quirks: Quirks) -> Encoded:
    """Raises `NotSupported` for several images, or a mask, where the model takes one or none."""
    lost: list[str] = []
    told: JSONDict = {"prompt": request.prompt}
    told |= given(
        aspect_ratio=ratio(request, _RATIOS, lost),
        num_outputs=request.n if request.n > 1 else None,
        output_format={"jpeg": "jpg"}.get(request.output_format or "", request.output_format),
    )
    told |= _sources(request, model)
    further = {name: value for name, value in request.extras.items() if value is not None}
    return Encoded({"input": further | told}, dropped_names(lost), headers={"prefer": "wait=60"})


def _sources(request: ImageRequest, model: str) -> JSONDict:
    field, is_list = next((told for part, told in _FIELDS if part in model), ("image", False))
    if request.mask is not None and field != "image":
        no_mask(request)
    if not request.images:
        return {}
    if is_list:
        return {field: [data_url(each) for each in request.images]}
    if len(request.images) > 1:
        raise NotSupported("image: this model takes one image", param="image")
    mask = {} if request.mask is None else {"mask": data_url(request.mask)}
    return {field: data_url(request.images[0]), **mask}


def pending(body: JSONDict) -> tuple[bool, str]:
    """Is it to be looked at again, and where, if that is said?"""
    url = inner(body, "urls").get("get")
    return body.get("status") in _WAITING, url if isinstance(url, str) else ""


def decode_response(body: JSONDict) -> Images:
    """Read what became of a prediction. Raises `UpstreamFailed` where that is no image."""
    output = body.get("output")
    urls = output if isinstance(output, list) else [output]
    found = [url for url in urls if isinstance(url, str) and url]
    if body.get("status") in ("failed", "canceled") or not found:
        raise refused(body.get("error") or body.get("status"))
    return made([Picture(url=url) for url in found])
