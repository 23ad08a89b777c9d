"""Images and files by URL become bytes, and a failure tells nothing but the host's name."""

import asyncio
import ssl
import time
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from gateway import media
from gateway.errors import BadRequest, NotFetched, NotSupported
from gateway.formats.types import File, Image, Message, Part, Prompt, Text, ToolResult
from omniroute.http import Fetcher
from tests.filehost import GIF, HTML, JPEG, PDF, PNG, PUBLIC, WEBP, FileHost, Network


@pytest.fixture(scope="module")
def host() -> Iterator[FileHost]:
    host = FileHost()
    yield host
    host.close()


@pytest.fixture
def fetcher() -> Iterator[Fetcher]:
    fetcher = Fetcher(network=Network(), tls=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    yield fetcher
    fetcher.close()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media, "FAILURE_STEP_S", 0.001)


def at(host: FileHost, path: str) -> str:
    return f"http://{PUBLIC}:{host.port}{path}"


def prompt(*parts: Part) -> Prompt:
    return Prompt(format="openai_chat", model="m", messages=(Message("user", parts),))


async def inlined(fetcher: Fetcher, *parts: Part, takes: media.Types = ()) -> tuple[Part, ...]:
    return (await media.inline(prompt(*parts), takes, fetcher)).messages[0].parts


async def failure(fetcher: Fetcher, *parts: Part) -> str:
    with pytest.raises(NotFetched) as caught:
        await media.inline(prompt(*parts), (), fetcher)
    assert caught.value.status == 400
    assert caught.value.param == "messages"
    return str(caught.value)


def base64(data: bytes) -> str:
    return b64encode(data).decode()


# --- What is fetched -----------------------------------------------------------------------------


class Case(Struct):
    id: str
    path: str
    part: dict[str, Any]
    expect: dict[str, str | None]


IMAGES = [
    Case("a PNG", "/cat.png", {}, {"data": base64(PNG), "media_type": "image/png"}),
    Case("a JPEG", "/cat.jpg", {}, {"data": base64(JPEG), "media_type": "image/jpeg"}),
    Case("a GIF", "/cat.gif", {}, {"data": base64(GIF), "media_type": "image/gif"}),
    Case("a WebP", "/cat.webp", {}, {"data": base64(WEBP), "media_type": "image/webp"}),
    Case("one without a type", "/unnamed-type", {}, {"media_type": "image/png"}),
    Case("one of another type than is said", "/mistyped.png", {}, {"media_type": "image/jpeg"}),
    Case(
        "the client is wrong", "/cat.png", {"media_type": "image/gif"}, {"media_type": "image/png"}
    ),
    Case("a store's", "/stored", {"detail": "low"}, {"media_type": "image/png", "detail": "low"}),
]
FILES = [
    Case(
        "a PDF",
        "/paper.pdf",
        {},
        {"data": base64(PDF), "media_type": "application/pdf", "name": "paper.pdf"},
    ),
    Case("a query is no name", "/paper.pdf?key=secret", {}, {"name": "paper.pdf"}),
    Case("a PDF without an ending gets it", "/2401.00001", {}, {"name": "2401.00001.pdf"}),
    Case("a title stays", "/paper.pdf", {"name": "On cats"}, {"name": "On cats"}),
    Case("a text", "/notes.txt", {}, {"media_type": "text/plain", "name": "notes.txt"}),
    Case("what the client says", "/notes.txt", {"media_type": "text/csv"}, {"media_type": "text/csv"}),
    Case("no odd type passes", "/odd-type", {}, {"media_type": "application/octet-stream"}),
    Case("an image as a file", "/cat.png", {}, {"media_type": "image/png", "name": "cat.png"}),
    Case("an empty path has no name", "/", {}, {"name": None}),
    Case("a name that is escaped", "/%2e%2e%2fa%0d%0ab%22.txt", {}, {"name": "..ab.txt"}),
]  # fmt: skip


@pytest.mark.parametrize("case", IMAGES, ids=lambda case: case.id)
async def test_an_image(case: Case, fetcher: Fetcher, host: FileHost) -> None:
    (found,) = await inlined(fetcher, Image(url=at(host, case.path), **case.part))
    assert isinstance(found, Image)
    assert found.url is None
    assert {name: getattr(found, name) for name in case.expect} == case.expect


@pytest.mark.parametrize("case", FILES, ids=lambda case: case.id)
async def test_a_file(case: Case, fetcher: Fetcher, host: FileHost) -> None:
    host.files |= dict.fromkeys(("/", "/%2e%2e%2fa%0d%0ab%22.txt"), host.files["/notes.txt"])
    (found,) = await inlined(fetcher, File(url=at(host, case.path), **case.part))
    assert isinstance(found, File)
    assert found.url is None
    assert {name: getattr(found, name) for name in case.expect} == case.expect


async def test_parts_stay_where_they_were_and_keep_what_else_they_say(
    fetcher: Fetcher, host: FileHost
) -> None:
    image = Image(url=at(host, "/cat.png"), cache={"type": "ephemeral"}, extras={"a": 1})
    result = ToolResult(call_id="1", content=(Text(text="b"), image), is_error=True)
    first, second, last = await inlined(fetcher, Text(text="a"), image, result)
    assert (first, last.call_id, last.is_error) == (Text(text="a"), "1", True)  # type: ignore[attr-defined]
    expected = Image(data=base64(PNG), media_type="image/png", cache=image.cache, extras={"a": 1})
    assert second == expected
    assert last.content == (Text(text="b"), expected)  # type: ignore[attr-defined]


async def test_what_the_target_fetches_itself_or_has_already_is_left_alone(
    fetcher: Fetcher, host: FileHost
) -> None:
    before = len(host.seen)
    parts = (
        Image(url=at(host, "/cat.png")),
        Image(url="data:image/png;base64,AAAA"),
        Image(data="AAAA", media_type="image/png"),
        File(text="some notes"),
        File(file_id="file-1"),
    )
    asked = prompt(*parts)
    assert not media.is_needed(asked, (Image,))
    assert await media.inline(asked, (Image,), fetcher) is asked
    assert await inlined(fetcher, *parts, File(url=at(host, "/paper.pdf")), takes=(Image,)) != parts
    assert host.paths[before:] == ["/paper.pdf"]


async def test_one_url_is_fetched_once_whoever_names_it(fetcher: Fetcher, host: FileHost) -> None:
    before = len(host.seen)
    image = Image(url=at(host, "/cat.png"))
    known: media.Known = {}
    asked = prompt(image, image, ToolResult(call_id="1", content=(image,)))
    for _ in range(2):
        await media.inline(asked, (), fetcher, known)
    assert host.paths[before:] == ["/cat.png"]
    missing = prompt(Image(url=at(host, "/missing.png")))
    for _ in range(2):
        with pytest.raises(NotFetched):
            await media.inline(missing, (), fetcher, known)
    assert host.paths[before:] == ["/cat.png", "/missing.png"]


async def test_several_are_fetched_at_a_time_and_not_all(fetcher: Fetcher, host: FileHost) -> None:
    host.most_open = 0
    parts = [Image(url=at(host, f"/slow/{number}")) for number in range(10)]
    assert len(await inlined(fetcher, *parts)) == 10
    assert 1 < host.most_open <= media.AT_A_TIME


@pytest.mark.parametrize("size", [0, 1, media.SLICE_BYTES - 1, media.SLICE_BYTES * 2 + 5])
async def test_pieces_make_one_base64(size: int) -> None:
    data = bytes(range(256)) * (size // 256) + bytes(size % 256)
    assert b64decode(await media._encode(data), validate=True) == data


# --- data: URLs ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "expect"),
    [
        (f"data:image/png;base64,{base64(PNG)}", PNG),
        (f"DATA:image/gif;charset=x;BASE64,{base64(JPEG)}", JPEG),
        (f"data:;base64,{base64(PNG).replace('/', '%2F').replace('=', '%3D')}", PNG),
        ("data:image/gif,GIF89a%00%00", b"GIF89a\0\0"),
    ],
)
async def test_a_data_url_is_read_without_a_call(url: str, expect: bytes, fetcher: Fetcher) -> None:
    (image,) = await inlined(fetcher, Image(url=url))
    assert isinstance(image, Image)
    assert b64decode(image.data or "", validate=True) == expect
    assert image.media_type == media._look(expect)


@pytest.mark.parametrize(
    "url",
    ["data:", "data:image/png;base64", "data:image/png;base64,A", "data:;base64,\ud800", "data:,\ud800"],
)  # fmt: skip
async def test_a_data_url_that_cannot_be_read(url: str, fetcher: Fetcher) -> None:
    assert await failure(fetcher, Image(url=url)) == "a data: URL cannot be read"


@given(st.text(max_size=60))
def test_no_url_makes_it_fail_in_another_way(text: str) -> None:
    async def run() -> None:
        fetcher = Fetcher(tls=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
        for url in ("data:" + text, "http://[" + text, "http://127.0.0.1/" + text):
            for part in (Image(url=url), File(url=url)):
                with suppress(NotFetched):
                    await media.inline(prompt(part), (), fetcher)
        fetcher.close()

    asyncio.run(run())


# --- Failures ------------------------------------------------------------------------------------


def test_a_failure_is_the_clients_and_another_target_may_do_better() -> None:
    assert issubclass(NotFetched, NotSupported)
    assert issubclass(NotFetched, BadRequest)


async def test_a_failure_says_the_same_whatever_the_reason(
    fetcher: Fetcher, host: FileHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise anybody with a key could learn what answers in our network."""
    monkeypatch.setattr(media, "TIME_S", 0.3)
    public = [
        f"http://{PUBLIC}:1/cat.png",  # nobody listens
        *(at(host, path) for path in ("/hang", "/missing.png", "/loopback", "/metadata", "/loop")),
        *(at(host, path) for path in ("/not-http", "/packed.png", "/short.png", "/file")),
    ]
    words = {await failure(fetcher, Image(url=url)) for url in public}
    assert words == {f"a file could not be fetched from {PUBLIC}"}
    for port in (host.port, 1):
        told = await failure(fetcher, Image(url=f"http://127.0.0.1:{port}/cat.png"))
        assert told == "a file could not be fetched from 127.0.0.1"


async def test_a_failure_takes_a_whole_step_of_time(
    fetcher: Fetcher, host: FileHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(media, "FAILURE_STEP_S", 0.4)
    for url in ("http://127.0.0.1:1/", f"http://127.0.0.1:{host.port}/", at(host, "/missing.png")):
        began = time.monotonic()
        await failure(fetcher, Image(url=url))
        assert 0.39 < time.monotonic() - began < 0.8


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://127.0.0.1/secret/path?key=secret#secret", "127.0.0.1"),
        ("http://user:secret@127.0.0.1/", "127.0.0.1"),
        ("http://[::1]:8080/secret", "::1"),
        ("file:///secret", "its URL"),
        ("secret", "its URL"),
        ("http://[secret", "its URL"),
        ("http://a\nb secret/", "its URL"),
        ("http://a@b\\secret/", "its URL"),
        ("http://" + "secret" * 100, "its URL"),
    ],
)
async def test_a_failure_names_the_host_and_nothing_else(
    url: str, host: str, fetcher: Fetcher
) -> None:
    words = await failure(fetcher, Image(url=url), Text(text="b"))
    assert words == f"a file could not be fetched from {host}"


@pytest.mark.parametrize(
    "path", ["/page.png", "/page-as-image.png", "/drawing.svg", "/empty.png", "/paper.pdf", "/notes.txt"]
)  # fmt: skip
async def test_what_is_no_image_is_not_sent_as_one(
    path: str, fetcher: Fetcher, host: FileHost
) -> None:
    words = await failure(fetcher, Image(url=at(host, path + "?key=secret")))
    assert words == f"what {PUBLIC} sends is no image"
    page = f"data:image/png;base64,{base64(HTML)}"
    assert await failure(fetcher, Image(url=page)) == "what its URL sends is no image"


async def test_what_only_says_that_it_is_a_pdf_is_refused(fetcher: Fetcher, host: FileHost) -> None:
    expected = f"what {PUBLIC} sends is not application/pdf"
    assert await failure(fetcher, File(url=at(host, "/page.pdf"))) == expected
    claimed = File(url=at(host, "/page.png"), media_type="application/pdf")
    assert await failure(fetcher, claimed) == expected


async def test_one_failure_ends_the_other_fetches(fetcher: Fetcher, host: FileHost) -> None:
    parts = [Image(url=at(host, path)) for path in ("/hang/a", "/missing.png", "/hang/b")]
    assert await failure(fetcher, *parts) == f"a file could not be fetched from {PUBLIC}"
    await nobody_hangs(host)


async def test_who_leaves_ends_all_fetches(fetcher: Fetcher, host: FileHost) -> None:
    before = len(host.seen)
    parts = [Image(url=at(host, f"/hang/{number}")) for number in range(3)]
    task = asyncio.create_task(media.inline(prompt(*parts), (), fetcher))
    deadline = time.monotonic() + 5
    while len(host.seen) < before + 3:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await nobody_hangs(host)


async def nobody_hangs(host: FileHost) -> None:
    deadline = time.monotonic() + 5
    while host.open:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


# --- Limits --------------------------------------------------------------------------------------


async def test_the_size_of_a_file_is_limited(
    fetcher: Fetcher, host: FileHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(media, "MAX_FILE_BYTES", 1 << 20)
    assert await inlined(fetcher, Image(url=at(host, f"/of/{1 << 20}")))
    for path in (f"/of/{(1 << 20) + 1}", "/endless"):
        words = await failure(fetcher, Image(url=at(host, path)))
        assert words.startswith(f"{PUBLIC} sends too much: a file given by URL can have 1 MB")


async def test_the_size_of_all_is_limited(
    fetcher: Fetcher, host: FileHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(media, "MAX_CALL_BYTES", 2 << 20)
    parts = [Image(url=at(host, f"/of/{1 << 20}/{number}")) for number in range(3)]
    assert await inlined(fetcher, *parts[:2])
    assert f"{PUBLIC} sends too much" in await failure(fetcher, *parts)
    # One that is named often is fetched once, and would be sent as often.
    assert await inlined(fetcher, *parts[:1] * 2)
    words = await failure(fetcher, *parts[:1] * 3)
    assert words == "the files given by URL are larger than 2 MB"


async def test_the_number_of_files_is_limited(fetcher: Fetcher, host: FileHost) -> None:
    before = len(host.seen)
    parts = [Image(url=at(host, f"/{number}.png")) for number in range(media.MAX_FILES + 1)]
    assert await failure(fetcher, *parts) == "more than 100 files are given by URL"
    assert len(host.seen) == before


async def test_the_time_for_all_is_limited(
    fetcher: Fetcher, host: FileHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(media, "TIME_S", 0.3)
    began = time.monotonic()
    await failure(fetcher, *(Image(url=at(host, f"/hang/{number}")) for number in range(9)))
    assert time.monotonic() - began < 3
