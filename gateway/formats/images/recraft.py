"""Recraft's format: OpenAI's for generations, and forms of its own for edits.

Source: https://www.recraft.ai/docs/api-reference/endpoints (read 2026-11)
"""

from gateway.errors import NotSupported
from gateway.formats.failures import decode_error
from gateway.formats.images import openai
from gateway.formats.images.common import encoded, file
from gateway.formats.images.openai import decode_response
from gateway.formats.images.types import ImageRequest
from gateway.formats.types import Encoded, JSONDict, Quirks

__all__ = ["NAME", "address", "decode_error", "decode_response", "encode_request"]

NAME = "recraft_images"
_PASSED = frozenset(["negative_prompt", "strength", "style", "style_id", "substyle"])
_STRENGTH = 0.5  # how far from the image; it is required with one


def address(model: str, stream: bool) -> str:
    """Where images are made; edits have places of their own."""
    return "/images/generations"


def encode_request(request: ImageRequest, model: str, quirks: Quirks) -> Encoded:
    """Raises `NotSupported` for several images to edit."""
    if not request.images:
        return openai.encode_request(request, model, quirks)
    if len(request.images) > 1:
        raise NotSupported("image: one image is possible a call", param="image")
    body: JSONDict = {"model": model, "prompt": request.prompt, "n": request.n}
    body["image"] = file(request.images[0])
    lost = ["size"] if request.size is not None else []
    lost += ["output_format"] if request.output_format is not None else []
    if request.mask is not None:
        body["mask"], target = file(request.mask, "mask"), "/images/inpaint"
    else:
        body |= {} if "strength" in request.extras else {"strength": _STRENGTH}
        target = "/images/imageToImage"
    return encoded(request, body, target, passed=_PASSED, lost=lost, form=True)
