"""What the formats of images share."""

import base64
import binascii
import math
from collections.abc import Sequence

from gateway.errors import NotSupported, UpstreamFailed
from gateway.formats.failures import clean
from gateway.formats.images.types import ImageRequest, Images, Picture
from gateway.formats.multipart import Upload
from gateway.formats.reading import dropped_names
from gateway.formats.types import Encoded, JSONDict, Usage

NO_FIELDS: frozenset[str] = frozenset()


def made(pictures: Sequence[Picture], tokens: Usage = Usage()) -> Images:  # noqa: B008  # frozen
    """Raises `UpstreamFailed` where there is none."""
    if not pictures:
        raise UpstreamFailed("the upstream's answer has no images", upstream_status=200)
    units = {"images": len(pictures), **tokens.units}
    usage = Usage(tokens.input_tokens, tokens.output_tokens, units=units)
    return Images(pictures=tuple(pictures), usage=usage)


def refused(words: object) -> UpstreamFailed:
    """A failure that stands inside a 200, in the provider's words where it has any."""
    told = clean(words) if isinstance(words, str) else ""
    return UpstreamFailed(told or "the upstream made no image", upstream_status=200)


def encoded(
    request: ImageRequest,
    body: JSONDict,
    address: str,
    *,
    passed: frozenset[str] = NO_FIELDS,
    lost: Sequence[str] = (),
    form: bool = False,
    headers: JSONDict | None = None,
) -> Encoded:
    """A body as it is sent to `address`, and what of the request is not in it.

    Args:
        passed: Fields of its own that clients of OpenAI's address may say.
        lost: Names of further fields that the format has no place for.
    """
    further = {name: value for name, value in request.extras.items() if value is not None}
    own = {name: value for name, value in further.items() if name in passed}
    dropped = [*sorted(further.keys() - passed), *lost]
    return Encoded(own | body, dropped_names(dropped), address, form=form, headers=headers or {})


def one_alone(request: ImageRequest) -> None:
    """Raises `NotSupported` where several are asked for."""
    if request.n > 1:
        raise NotSupported("n: this provider makes one image a call", param="n")


def no_edits(request: ImageRequest) -> None:
    """Raises `NotSupported` for an edit."""
    if request.images:
        raise NotSupported("image: this provider edits no images", param="image")


def no_mask(request: ImageRequest) -> None:
    """Raises `NotSupported` for a mask: without it, all of the image would change."""
    if request.mask is not None:
        raise NotSupported("mask: not available at this provider", param="mask")


def data_url(picture: Picture) -> str:
    return picture.url or f"data:{picture.media_type};base64,{picture.data}"


def inline(picture: Picture, field: str = "image") -> str:
    """Its base64. Raises `NotSupported` where it is somewhere else."""
    if picture.data is None:
        raise NotSupported(f"{field}: this provider wants the image itself", param=field)
    return picture.data


def file(picture: Picture, field: str = "image") -> Upload:
    """For a form. Raises `NotSupported` where it is somewhere else, or cannot be read."""
    try:
        data = base64.b64decode(inline(picture, field), validate=True)
    except (binascii.Error, ValueError):
        raise NotSupported(f"{field}: it cannot be read", param=field) from None
    kind = picture.media_type.partition("/")[2] or "png"
    return Upload(f"{field}.{kind}", picture.media_type, data)


def ratio(request: ImageRequest, known: Sequence[str], lost: list[str]) -> str | None:
    """The shape of a size, of those that the provider knows; where it is only the nearest one, the
    size is lost."""
    if request.size is None:
        return None
    width, height = request.size
    shape = math.log(width / height)

    def distance(name: str) -> float:
        across, down = map(int, name.split(":"))
        return abs(math.log(across / down) - shape)

    nearest = min(known, key=distance)
    if distance(nearest) > 0.01:
        lost.append("size")
    return nearest
