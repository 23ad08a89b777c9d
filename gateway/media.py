"""Images and files that a request names by URL, for targets that want their bytes.

A client can name any URL, so what it learns of a failure is the same whatever the reason, and so,
to the second, is the time it takes: otherwise it could find out what answers in our network.
"""

import asyncio
import re
from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Iterator
from urllib.parse import unquote, unquote_to_bytes, urlsplit

from msgspec import Struct
from msgspec.structs import replace

from gateway.errors import NotFetched
from gateway.formats.types import File, Image, Part, Prompt, Text, ToolResult
from omniroute.http import Allowance, AnswerTooLarge, CallFailed, Fetcher

MAX_FILE_BYTES = 20 << 20
MAX_CALL_BYTES = 50 << 20
MAX_FILES = 100
AT_A_TIME = 4
TIME_S = 10.0
FAILURE_STEP_S = 1.0  # what fails takes a whole number of these
# Encoding 20 MB at once would keep every other call waiting for 50 ms.
SLICE_BYTES = 3 << 18  # a multiple of 3, so that the pieces join to one base64


class Media(Struct, frozen=True):
    """What a URL stands for. `data` is base64, `size` in bytes without it.

    `declared` is the type by its host's word, `found` by its first bytes, where they tell.
    """

    data: str
    size: int
    declared: str
    found: str | None


Types = tuple[type[Part], ...]
Known = dict[str, Media | str]  # by URL; of what failed, the words for the client


async def inline(
    prompt: Prompt, takes_urls: Types, fetcher: Fetcher, known: Known | None = None
) -> Prompt:
    """The prompt with bytes in place of URLs, except in parts of the types `takes_urls`.

    Each URL is fetched once; `known` remembers it, and what failed, for the call's next target.

    Raises:
        NotFetched: A file could not be had, is too large, or is no image where one is expected.
    """
    uses = Counter(url for told in prompt.messages for url in _named(told.parts, takes_urls))
    if not uses:
        return prompt
    known = {} if known is None else known
    fresh = [url for url in uses if url not in known]
    loop = asyncio.get_running_loop()
    began = loop.time()
    try:
        await _fetch_all(fresh, fetcher, known)
        media = {url: _had(known[url]) for url in uses}
        # Few URLs that are named often would otherwise make a body of any size.
        if sum(media[url].size * count for url, count in uses.items()) > MAX_CALL_BYTES:
            raise _failed(f"the files given by URL are larger than {MAX_CALL_BYTES >> 20} MB")
        messages = tuple(
            replace(told, parts=_filled(told.parts, takes_urls, media)) for told in prompt.messages
        )
        return replace(prompt, messages=messages)
    except NotFetched:
        if fresh:
            await asyncio.sleep(FAILURE_STEP_S - (loop.time() - began) % FAILURE_STEP_S)
        raise


def is_needed(prompt: Prompt, takes_urls: Types) -> bool:
    """Whether `inline` has anything to do."""
    return any(True for message in prompt.messages for _ in _named(message.parts, takes_urls))


def _named(parts: tuple[Part, ...], takes_urls: Types) -> Iterator[str]:
    for part in parts:
        if type(part) is Text:  # nearly all of a long conversation
            continue
        if isinstance(part, ToolResult):
            yield from _named(part.content, takes_urls)
        elif url := _url(part, takes_urls):
            yield url


def _url(part: Part, takes_urls: Types) -> str | None:
    """Where the bytes of a part are, if the target needs them and they are not here."""
    match part:
        case Image(url=url, data=None) | File(url=url, data=None, text=None):
            return None if isinstance(part, takes_urls) else url
    return None


def _filled(
    parts: tuple[Part, ...], takes_urls: Types, media: dict[str, Media]
) -> tuple[Part, ...]:
    """The parts with bytes in place of URLs."""
    filled = []
    for part in parts:
        if isinstance(part, ToolResult):
            part = replace(part, content=_filled(part.content, takes_urls, media))
        elif url := _url(part, takes_urls):
            part = _with_bytes(part, url, media[url])
        filled.append(part)
    return tuple(filled)


def _with_bytes(part: Part, url: str, media: Media) -> Part:
    if not isinstance(part, File):
        if media.found is None or not media.found.startswith("image/"):
            raise _failed(f"what {_host(url)} sends is no image")
        return replace(part, url=None, data=media.data, media_type=media.found)
    kind = media.found or part.media_type or media.declared
    if media.found is None and kind in _TYPES:
        raise _failed(f"what {_host(url)} sends is not {kind}")
    name = part.name or _file_name(url, kind)
    return replace(part, url=None, data=media.data, media_type=kind, name=name)


def _file_name(url: str, kind: str) -> str | None:
    """The last of a URL's path. Upstreams tell a PDF by the name's ending too."""
    if url[:5].lower() == "data:":
        return None
    last = unquote(urlsplit(url).path.rsplit("/", 1)[-1])
    name = "".join(char for char in last if char.isprintable() and char not in '/\\"')[-100:]
    if name and kind == "application/pdf" and not name.lower().endswith(".pdf"):
        name += ".pdf"
    return name or None


# --- Fetching ----------------------------------------------------------------------------------


async def _fetch_all(urls: list[str], fetcher: Fetcher, known: Known) -> None:
    """Puts each into `known`; the first failure ends the rest."""
    if len(urls) > MAX_FILES:
        raise _failed(f"more than {MAX_FILES} files are given by URL")
    slots, total = asyncio.Semaphore(AT_A_TIME), Allowance(MAX_CALL_BYTES)
    until = asyncio.get_running_loop().time() + TIME_S

    async def fetch(url: str) -> None:
        async with slots:
            known[url] = await _fetch(url, fetcher, total, until)
        _had(known[url])

    try:
        async with asyncio.TaskGroup() as group:
            for url in urls:
                group.create_task(fetch(url))
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None


async def _fetch(url: str, fetcher: Fetcher, total: Allowance, until: float) -> Media | str:
    if url[:5].lower() == "data:":
        return _read_data_url(url)
    left_s = until - asyncio.get_running_loop().time()
    try:
        fetched = await fetcher.get(url, (Allowance(MAX_FILE_BYTES), total), left_s)
    except AnswerTooLarge:
        return (
            f"{_host(url)} sends too much: a file given by URL can have {MAX_FILE_BYTES >> 20} MB, "
            f"all of a request {MAX_CALL_BYTES >> 20} MB"
        )
    except CallFailed:  # why is not told: see above
        return f"a file could not be fetched from {_host(url)}"
    data = await _encode(fetched.data)
    return Media(data, len(fetched.data), _type(fetched.content_type), _look(fetched.data))


async def _encode(data: bytes) -> str:
    pieces = []
    for at in range(0, len(data), SLICE_BYTES):
        pieces.append(b64encode(data[at : at + SLICE_BYTES]).decode("ascii"))
        await asyncio.sleep(0)
    return "".join(pieces)


def _read_data_url(url: str) -> Media | str:
    """Source: RFC 2397. What came with the request has the request's limit, and `size` 0."""
    head, comma, text = url[5:].partition(",")
    kind, *options = [word.strip().lower() for word in head.split(";")]
    try:
        if options[-1:] == ["base64"]:
            data = unquote(text) if "%" in text else text
            start = b64decode(data[:_LOOK_BYTES].encode("ascii"))
        else:
            start = unquote_to_bytes(text)
            data = b64encode(start).decode("ascii")
    except ValueError:
        comma = ""
    if not comma:
        return "a data: URL cannot be read"
    return Media(data, 0, _type(kind), _look(start))


def _had(found: Media | str) -> Media:
    if isinstance(found, str):
        raise _failed(found)
    return found


def _failed(words: str) -> NotFetched:
    return NotFetched(words, param="messages")


_HOST = re.compile(r"[a-z0-9._:-]{1,253}")


def _host(url: str) -> str:
    """The host, for a message; nothing else of a URL is for it, which may hold a secret."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        host = ""
    return host if _HOST.fullmatch(host) else "its URL"


# --- Types -------------------------------------------------------------------------------------

_LOOK_BYTES = 1024
_MAGIC = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (4, b"ftypheic", "image/heic"),
    (4, b"ftypmif1", "image/heif"),
    (0, b"%PDF-", "application/pdf"),
)
_TYPES = frozenset(kind for _, _, kind in _MAGIC)
_TYPE = re.compile(r"[a-z0-9.+-]{1,60}/[a-z0-9.+-]{1,100}")


def _look(data: bytes) -> str | None:
    """The type that the first bytes tell, of those that models look at."""
    for at, magic, kind in _MAGIC:
        if data.startswith(magic, at) and (kind != "image/webp" or data.startswith(b"RIFF")):
            return kind
    return None


def _type(content_type: str) -> str:
    """A `content-type` without parameters; it may go into a data: URL, so nothing odd passes."""
    kind = content_type.partition(";")[0].strip().lower()
    return kind if _TYPE.fullmatch(kind) else "application/octet-stream"
