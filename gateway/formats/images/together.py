"""Together's format: OpenAI's answers, and sizes as two numbers.

Source: https://docs.together.ai/reference/post-images-generations (read 2026-11)
"""

from gateway.formats.failures import decode_error
from gateway.formats.images.common import data_url, encoded, no_mask
from gateway.formats.images.openai import decode_response
from gateway.formats.images.types import ImageRequest
from gateway.formats.reading import given
from gateway.formats.types import Encoded, JSONDict, Quirks

__all__ = ["NAME", "address", "decode_error", "decode_response", "encode_request"]

NAME = "together_images"
_PASSED = frozenset(
    ["steps", "seed", "negative_prompt", "guidance_scale", "disable_safety_checker"]
)


def address(model: str, stream: bool) -> str:
    return "/images/generations"


def encode_request(request: ImageRequest, model: str, quirks: Quirks) -> Encoded:
    """Raises `NotSupported` for a mask, and for several images to edit."""
    no_mask(request)
    body: JSONDict = {"model": model, "prompt": request.prompt, "n": request.n}
    if request.size is not None:
        body |= {"width": request.size[0], "height": request.size[1]}
    if len(request.images) == 1:
        body["image_url"] = data_url(request.images[0])
    elif request.images:
        body["reference_images"] = [data_url(each) for each in request.images]
    body |= given(output_format=request.output_format)
    return encoded(request, body, "", passed=_PASSED)
