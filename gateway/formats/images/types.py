"""The neutral form: what is to be drawn, and the pictures."""

from msgspec import Struct, field

from gateway.formats.types import JSONDict, Usage


class Picture(Struct, frozen=True, kw_only=True):
    """Inline (`data` is base64, of a `media_type`), or by `url`."""

    data: str | None = None
    url: str | None = None
    media_type: str = "image/png"
    revised_prompt: str | None = None


class ImageRequest(Struct, frozen=True, kw_only=True):
    """An edit has `images`. `size` is in pixels; null: as the provider likes it.

    `extras` are what only OpenAI's format and those like it know.
    """

    model: str
    prompt: str
    images: tuple[Picture, ...] = ()
    mask: Picture | None = None
    n: int = 1
    size: tuple[int, int] | None = None
    output_format: str | None = None  # png, jpeg, webp
    extras: JSONDict = field(default_factory=dict)


class Images(Struct, frozen=True, kw_only=True):
    """`usage` has the number of pictures among its units."""

    pictures: tuple[Picture, ...]
    usage: Usage
