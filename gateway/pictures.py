"""Pictures that a provider tells the address of, for clients that want the pictures."""

import asyncio
from base64 import b64encode

from msgspec.structs import replace

from gateway.errors import UpstreamFailed
from gateway.formats.images.types import Images, Picture
from omniroute.http import Allowance, CallFailed, Fetcher

MAX_BYTES = 50 << 20  # of all that one call makes
TIME_S = 30.0


async def inline(images: Images, fetcher: Fetcher) -> Images:
    """Raises `UpstreamFailed` where one cannot be had."""
    total = Allowance(MAX_BYTES)
    found = await asyncio.gather(*(_inline(each, fetcher, total) for each in images.pictures))
    return replace(images, pictures=tuple(found))


async def _inline(picture: Picture, fetcher: Fetcher, total: Allowance) -> Picture:
    if picture.data is not None or picture.url is None:
        return picture
    try:
        fetched = await fetcher.get(picture.url, (total,), TIME_S)
    except CallFailed:
        raise UpstreamFailed("an image that was made could not be fetched") from None
    return replace(picture, data=b64encode(fetched.data).decode("ascii"), url=None)
