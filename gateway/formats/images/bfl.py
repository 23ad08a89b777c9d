"""Black Forest Labs' format: a task, which is looked at until it is done.

Sources: https://docs.bfl.ai/quick_start/generating_images, https://docs.bfl.ai/flux_tools/flux_1_fill
(read 2026-11)
"""

from urllib.parse import quote

from gateway.errors import NotSupported
from gateway.formats.failures import decode_error
from gateway.formats.images.common import data_url, encoded, made, no_mask, one_alone, refused
from gateway.formats.images.types import ImageRequest, Images, Picture
from gateway.formats.needs import inner
from gateway.formats.reading import given
from gateway.formats.types import Encoded, JSONDict, Quirks

__all__ = ["NAME", "address", "decode_error", "decode_response", "encode_request", "pending"]

NAME = "bfl_images"
_PASSED = frozenset(
    ["seed", "prompt_upsampling", "safety_tolerance", "steps", "guidance", "raw", "aspect_ratio"]
)
# What is painted into, or around, is one image under another name; how far around, pixels.
_FILLS, _EXPANDS = "-fill", "-expand"
_SIDES = frozenset(["top", "bottom", "left", "right"])
_WAITING = ("Pending", "Queued", "Processing")


def address(model: str, stream: bool) -> str:
    """A model has a path of its own."""
    return f"/{quote(model, safe='/')}"


def encode_request(request: ImageRequest, model: str, quirks: Quirks) -> Encoded:
    """Raises `NotSupported` for several images at once, and for a mask where none is taken."""
    one_alone(request)
    body: JSONDict = {"prompt": request.prompt} | given(output_format=request.output_format)
    if _FILLS in model or _EXPANDS in model:
        return _painted(request, model, body)
    no_mask(request)
    if request.size is not None:
        body |= {"width": request.size[0], "height": request.size[1]}
    for number, image in enumerate(request.images, 1):
        name = "input_image" if number == 1 else f"input_image_{number}"
        body[name] = image.data or data_url(image)
    return encoded(request, body, "", passed=_PASSED)


def _painted(request: ImageRequest, model: str, body: JSONDict) -> Encoded:
    if _FILLS not in model:
        no_mask(request)
    if len(request.images) != 1:
        raise NotSupported("image: this model takes one image", param="image")
    body["image"] = request.images[0].data or data_url(request.images[0])
    if request.mask is not None:
        body["mask"] = request.mask.data or data_url(request.mask)
    lost = ["size"] if request.size is not None else []
    return encoded(request, body, "", passed=_PASSED | _SIDES, lost=lost)


def pending(body: JSONDict) -> tuple[bool, str]:
    """Is it to be looked at again, and where, if that is said?"""
    url, status = body.get("polling_url"), body.get("status")
    waits = status in _WAITING if status is not None else isinstance(url, str)
    return waits, url if isinstance(url, str) else ""


def decode_response(body: JSONDict) -> Images:
    """Read what became of a task. Raises `UpstreamFailed` where that is no image."""
    sample = inner(body, "result").get("sample")
    if body.get("status") != "Ready" or not isinstance(sample, str) or not sample:
        raise refused(body.get("status"))
    return made([Picture(url=sample)])
