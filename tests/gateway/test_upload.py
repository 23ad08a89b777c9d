"""A form's file on its way: read no faster than it is wanted, and kept for whoever wants it again."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from gateway import upload
from gateway.errors import BadRequest, RequestTimeout, TooLarge
from gateway.exchange import Disconnected, Exchange
from gateway.formats import multipart
from gateway.formats.multipart import Form, Incoming
from gateway.upload import FieldsFollow, Sending, Upload

MB = 1 << 20
PIECE = b"\x00\xffsound\r\n" * 8192
INCOMING = Incoming("talk.mp3", "audio/mpeg")


class Client:
    """Sends a form in pieces, and counts those that were asked for."""

    def __init__(self, pieces: list[bytes], *, leaves: bool = False) -> None:
        self.pieces, self.asked, self.leaves = pieces, 0, leaves

    async def receive(self) -> dict[str, Any]:
        if self.asked == len(self.pieces):
            if self.leaves:
                return {"type": "http.disconnect"}
            await asyncio.Event().wait()
        self.asked += 1
        more = self.leaves or self.asked < len(self.pieces)
        return {"type": "http.request", "body": self.pieces[self.asked - 1], "more_body": more}


async def nowhere(message: Any) -> None:
    """Nothing is answered."""


def uploading(
    fields: dict[str, Any], pieces: int = 3, max_bytes: int = 50 * MB, **how: Any
) -> tuple[Upload, Client]:
    before, after, kind = multipart.around(fields)
    client = Client([before, *[PIECE] * pieces, after], **how)
    scope = {"type": "http", "path": "/", "headers": [], "query_string": b""}
    exchange = Exchange(scope, client.receive, nowhere, "127.0.0.1")
    return Upload(exchange, Form(kind, "file"), max_bytes), client


async def test_nothing_is_read_that_nobody_asks_for() -> None:
    sent, client = uploading({"model": "m", "file": INCOMING}, 600)
    await sent.begin("model")
    assert sent.fields() == {"model": "m", "file": INCOMING}
    assert client.asked == 1
    pieces = sent.pieces()
    for wanted in range(2, 100):
        await anext(pieces)
        assert client.asked <= wanted
    await pieces.aclose()
    sent.close()


async def test_what_is_held_in_memory_has_a_bound() -> None:
    sent, _ = uploading({"model": "m", "file": INCOMING}, 600)
    total = 0
    async for piece in sent.pieces():
        assert len(piece) <= upload.PIECE_BYTES
        total += len(piece)
    assert total == sent.size == 600 * len(PIECE) > 40 * MB
    assert len(sent.head) <= upload.MEMORY_BYTES
    sent.close()


@pytest.mark.parametrize("pieces", [1, 20], ids=["in memory", "on disk"])
async def test_whoever_comes_later_gets_it_from_the_beginning(pieces: int) -> None:
    sent, _ = uploading({"model": "m", "file": INCOMING}, pieces)

    async def whole() -> bytes:
        return b"".join([piece async for piece in sent.pieces()])

    for found in await asyncio.gather(whole(), whole()):
        assert found == PIECE * pieces
    await sent.take()
    assert await whole() == PIECE * pieces
    assert sent.fields()["file"].digest
    sent.close()
    if pieces > 1:
        with pytest.raises(ValueError, match="closed"):  # and is not given half of it
            await whole()


async def test_a_model_behind_the_file_has_it_taken_first() -> None:
    _, _, kind = multipart.around({})
    boundary = kind.partition("boundary=")[2]
    head = f"--{boundary}\r\nContent-Disposition: form-data; name="
    client = Client([
        f'{head}"file"; filename="x"\r\n\r\n'.encode(), PIECE,
        f'\r\n{head}"model"\r\n\r\nm\r\n--{boundary}--'.encode(),
    ])  # fmt: skip
    scope = {"type": "http", "path": "/", "headers": [], "query_string": b""}
    sent = Upload(Exchange(scope, client.receive, nowhere, ""), Form(kind, "file"), MB)
    early = Sending(sent, sent.parts)
    await sent.begin("model")
    assert sent.fields()["model"] == "m"
    assert sent.is_whole
    with pytest.raises(FieldsFollow):
        [piece async for piece in early.pieces()]
    late = Sending(sent, sent.parts, b"<", b">")
    assert late.size == len(PIECE) + 2
    assert b"".join([piece async for piece in late.pieces()]) == b"<" + PIECE + b">"


FAULTS: list[tuple[str, Callable[[], tuple[Upload, Client]], type[Exception]]] = [
    ("too large", lambda: uploading({"file": INCOMING}, 20, MB), TooLarge),
    ("the client leaves", lambda: uploading({"file": INCOMING}, leaves=True), Disconnected),
]


@pytest.mark.parametrize(("name", "make", "error"), FAULTS, ids=[each[0] for each in FAULTS])
async def test_what_is_the_clients_fault_is_said_to_be(
    name: str, make: Callable[[], tuple[Upload, Client]], error: type[Exception]
) -> None:
    sent, client = make()
    if client.leaves:
        client.pieces.pop()
    with pytest.raises(error):
        await sent.take()
    sent.close()


async def test_a_client_is_not_waited_for_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload, "PATIENCE_S", 0.0)
    sent, _ = uploading({"file": INCOMING})
    with pytest.raises(RequestTimeout):
        await sent.take()
    assert isinstance(sent.failed, RequestTimeout)


async def test_half_a_form_is_none() -> None:
    sent, client = uploading({"file": INCOMING})
    client.pieces.pop()
    with pytest.raises(BadRequest):
        await sent.take()
    sent.close()
