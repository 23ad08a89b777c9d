"""Stability's format: forms to `/v2beta/stable-image/…`.

Source: https://platform.stability.ai/docs/api-reference (read 2026-11)
"""

from gateway.errors import NotSupported
from gateway.formats.failures import decode_error, reported
from gateway.formats.images.common import encoded, file, made, one_alone, ratio, refused
from gateway.formats.images.types import ImageRequest, Images, Picture
from gateway.formats.reading import given
from gateway.formats.types import Encoded, JSONDict, Quirks

__all__ = ["NAME", "address", "decode_error", "decode_response", "encode_request"]

NAME = "stability_images"
_RATIOS = ("1:1", "16:9", "21:9", "2:3", "3:2", "4:5", "5:4", "9:16", "9:21")
_PASSED = frozenset(["negative_prompt", "seed", "style_preset", "strength", "cfg_scale"])
_AS_JSON = {"accept": "application/json"}
_STRENGTH = 0.6  # how far from the image; it is required with one
_ROOT = "/v2beta/stable-image"


def address(model: str, stream: bool) -> str:
    """Where the model is asked: Stable Image Core and Ultra by their names, the rest as sd3."""
    return f"{_ROOT}/generate/{_service(model)}"


def _service(model: str) -> str:
    name = model.removeprefix("stable-image-")
    return name if name in ("core", "ultra") else "sd3"


def encode_request(request: ImageRequest, model: str, quirks: Quirks) -> Encoded:
    """Raises `NotSupported` for several images, either way, and for edits by Core."""
    one_alone(request)
    if len(request.images) > 1:
        raise NotSupported("image: one image is possible a call", param="image")
    service, lost = _service(model), list[str]()
    body: JSONDict = {"prompt": request.prompt} | given(output_format=request.output_format)
    if request.mask is not None:
        body |= {"image": file(request.images[0]), "mask": file(request.mask, "mask")}
        if request.size is not None:
            lost.append("size")
        target = f"{_ROOT}/edit/inpaint"
    else:
        target = address(model, stream=False)
        body |= {"model": model} if service == "sd3" else {}
        body |= _source(request, service, lost)
    headers = dict(_AS_JSON)
    return encoded(request, body, target, passed=_PASSED, lost=lost, form=True, headers=headers)


def _source(request: ImageRequest, service: str, lost: list[str]) -> JSONDict:
    """What is begun with: an image, or nothing but a shape."""
    if not request.images:
        return given(aspect_ratio=ratio(request, _RATIOS, lost))
    if service == "core":
        raise NotSupported("image: this model edits no images", param="image")
    if request.size is not None:
        lost.append("size")  # that of the image
    strength = {} if "strength" in request.extras else {"strength": _STRENGTH}
    mode = {"mode": "image-to-image"} if service == "sd3" else {}
    return {"image": file(request.images[0]), **strength, **mode}


def decode_response(body: JSONDict) -> Images:
    """Read an answer. Raises `UpstreamFailed` for what is none, a filtered image included."""
    if body.get("error"):
        raise reported(body["error"])
    data = body.get("image")
    if body.get("finish_reason") == "CONTENT_FILTERED" or not isinstance(data, str) or not data:
        raise refused(body.get("finish_reason"))
    return made([Picture(data=data)])
