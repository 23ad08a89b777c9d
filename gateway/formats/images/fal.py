"""fal's format: a model's path, an answer when it is done.

Source: https://docs.fal.ai/model-apis/model-endpoints/synchronous-requests (read 2026-11)
"""

from urllib.parse import quote

from gateway.formats.failures import decode_error, reported
from gateway.formats.images.common import data_url, encoded, made, no_mask
from gateway.formats.images.types import ImageRequest, Images, Picture
from gateway.formats.needs import members
from gateway.formats.reading import count, given
from gateway.formats.types import Encoded, JSONDict, Quirks, Usage

__all__ = ["NAME", "address", "decode_error", "decode_response", "encode_request"]

NAME = "fal_images"
_PASSED = frozenset(
    ["seed", "num_inference_steps", "guidance_scale", "enable_safety_checker", "style", "loras"]
)

# Parts of the names of models that take a list of images, though it be of one.
_LISTS = ("gpt-image", "nano-banana", "gemini-", "seedream", "flux-2", "/multi", "edit-plus")


def address(model: str, stream: bool) -> str:
    """A model has a path of its own."""
    return f"/{quote(model, safe='/')}"


def encode_request(request: ImageRequest, model: str, quirks: Quirks) -> Encoded:
    """Raises `NotSupported` for a mask."""
    no_mask(request)
    body: JSONDict = {"prompt": request.prompt, "num_images": request.n}
    if request.size is not None:
        body["image_size"] = {"width": request.size[0], "height": request.size[1]}
    sources = [data_url(each) for each in request.images]
    if len(sources) > 1 or (sources and any(part in model for part in _LISTS)):
        body["image_urls"] = sources
    elif sources:
        body["image_url"] = sources[0]
    body |= given(output_format=request.output_format)
    return encoded(request, body, "", passed=_PASSED)


def decode_response(body: JSONDict) -> Images:
    """Read an answer. Raises `UpstreamFailed` for what is none, an error in a 200 included."""
    if body.get("error"):
        raise reported(body["error"])
    single = body.get("image")
    rows = [*members(body, "images"), *([single] if isinstance(single, dict) else [])]
    rows = [row for row in rows if isinstance(row.get("url"), str) and row["url"]]
    pixels = sum(count(row.get("width")) * count(row.get("height")) for row in rows)
    told = Usage(units={"pixels": pixels} if pixels else {})
    return made([Picture(url=row["url"]) for row in rows], told)
