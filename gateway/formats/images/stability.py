"""Stability's format: forms to `/v2beta/stable-image/…`.

Source: https://platform.stability.ai/docs/api-reference (read 2026-11)
"""

from gateway.errors import NotSupported
from gateway.formats.failures import decode_error, reported
from gateway.formats.images.common import (
    encoded,
    file,
    made,
    no_mask,
    one_alone,
    ratio,
    refused,
)
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
# What is done to an image, by the name that the price list has for it, and where.
_TOOLS = {
    **dict.fromkeys(
        (
            *("erase", "inpaint", "outpaint", "remove-background"),
            *("search-and-recolor", "search-and-replace"),
        ),
        "edit",
    ),
    **dict.fromkeys(("sketch", "structure", "style"), "control"),
    **dict.fromkeys(("conservative", "fast"), "upscale"),
}
_WORDLESS = ("erase", "fast", "remove-background")  # which take no prompt
# They answer with a task, or want two images under names of their own.
_OTHERS = ("creative", "replace-background-and-relight", "style-transfer")
_TOOLS_PASSED = _PASSED | {
    *("left", "right", "up", "down", "creativity", "grow_mask", "search_prompt", "select_prompt"),
    *("control_strength", "fidelity"),
}


def address(model: str, stream: bool) -> str:
    """Where the model is asked: tools, and Stable Image Core and Ultra, by their names, the rest as
    sd3."""
    if model in _TOOLS:
        return f"{_ROOT}/{_TOOLS[model]}/{model}"
    return f"{_ROOT}/generate/{_service(model)}"


def _service(model: str) -> str:
    name = model.removeprefix("stable-image-")
    return name if name in ("core", "ultra") else "sd3"


def encode_request(request: ImageRequest, model: str, quirks: Quirks) -> Encoded:
    """Raises `NotSupported` for several images, either way, and for edits by Core."""
    one_alone(request)
    if len(request.images) > 1:
        raise NotSupported("image: one image is possible a call", param="image")
    if model in _OTHERS:
        raise NotSupported(f"model: {model} is not available here", param="model")
    if model in _TOOLS:
        return _tool(request, model)
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


def _tool(request: ImageRequest, model: str) -> Encoded:
    if not request.images:
        raise NotSupported("image: this model edits images", param="image")
    body: JSONDict = given(output_format=request.output_format)
    body["image"] = file(request.images[0])
    lost = ["size"] if request.size is not None else []
    if model in _WORDLESS:
        lost.append("prompt")
    else:
        body["prompt"] = request.prompt
    if request.mask is not None:
        if model not in ("erase", "inpaint"):
            no_mask(request)
        body["mask"] = file(request.mask, "mask")
    target, headers = address(model, stream=False), dict(_AS_JSON)
    return encoded(
        request, body, target, passed=_TOOLS_PASSED, lost=lost, form=True, headers=headers
    )


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
