"""Files that clients are still sending: two targets at once, the next target, clients that leave,
bodies that are too large. On both servers: Daphne takes in a whole body before anyone sees it."""

import asyncio
import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from aiohttp import ClientPayloadError, web
from msgspec import Struct

from tests.e2e.gateway import FORGETFUL, KEY, UPSTREAM_KEY, Gateway, until
from tests.listening import Listening

MB = 1 << 20
MAX_MB = 8
SOUND = bytes(range(256)) * (4 * MB // 256)
END = b"\r\n--b--\r\n"
# How each vendor takes a file; what it answers is its name.
VENDORS = ("well", "late", "refusing", "first-piece")


class Heard(Struct):
    """A request as it came in. `closed` is when its sender hung up, on `time.monotonic`."""

    vendor: str
    body: bytearray
    is_whole: bool = False
    closed: float | None = None


class Ears(Listening):
    """All vendors, on one real socket.

    `well` listens to the end and answers; `late` does, and answers never; `refusing` answers 500
    when the file begins and listens no more; `first-piece` does so and hangs up.
    """

    SEES_LEAVING = True

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        super().__init__()

    def of(self, vendor: str) -> list[Heard]:
        return [each for each in self.heard if each.vendor == vendor]

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        heard = Heard(request.path.split("/")[1], bytearray())
        self.heard.append(heard)
        try:
            async for piece in request.content.iter_any():
                heard.body += piece
                if heard.vendor in ("refusing", "first-piece") and b"filename" in heard.body:
                    refusal = web.json_response({"error": {"message": "not now"}}, status=500)
                    if heard.vendor == "first-piece":
                        refusal.force_close()
                    return refusal
            heard.is_whole = True
            if heard.vendor == "late":
                await asyncio.Event().wait()
        except (asyncio.CancelledError, ConnectionError, ClientPayloadError):
            heard.closed = time.monotonic()
            raise
        return web.json_response({"text": heard.vendor})


@pytest.fixture(scope="module")
def ears() -> Iterator[Ears]:
    ears = Ears()
    yield ears
    ears.close()


@pytest.fixture(scope="module", params=["uvicorn", "daphne"])
def server(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def gateway(ears: Ears, server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    options = ("--no-worker", "--server", server)
    gateway = Gateway(tmp_path_factory.mktemp(server), *options, MAX_BODY_MB=str(MAX_MB))
    gateway.manage("bootstrap")
    gateway.apply({
        "providers": [
            {"id": id, "alias": id, "allow_private_network": True,
             "base_url": f"http://127.0.0.1:{ears.port}/{id}"}
            for id in VENDORS
        ],
        "connections": [
            {"name": id, "provider": id, "auth": {"type": "api_key", "api_key": UPSTREAM_KEY}}
            for id in VENDORS
        ],
        "models": [{"id": f"{id}/m", "kind": "transcription"} for id in VENDORS],
        "combos": [
            {"name": "hedged", "hedge_after": 0.2,
             "targets": [{"model": "late/m"}, {"model": "well/m"}]},
            *({"name": f"after-{id}", "targets": [{"model": f"{id}/m"}, {"model": "well/m"}]}
              for id in ("refusing", "first-piece")),
        ],
        "api_keys": [{"name": "laptop", "key": KEY}],
        "settings": FORGETFUL,
    })  # fmt: skip
    gateway.start()
    yield gateway
    assert gateway.stop() == 0
    assert "Traceback" not in gateway.output()


class Client:
    """Sends a form by hand, so that it may stop anywhere."""

    def __init__(self, gateway: Gateway, model: str, length: int | None = len(SOUND)) -> None:
        """Without a `length` the body has none declared."""
        self._socket = socket.create_connection(("127.0.0.1", gateway.port), timeout=8)
        form = (
            f'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\n{model}\r\n'
            '--b\r\nContent-Disposition: form-data; name="file"; filename="x.mp3"\r\n\r\n'
        ).encode()
        self._chunked = length is None
        size = "transfer-encoding: chunked"
        if length is not None:
            size = f"content-length: {len(form) + length + len(END)}"
        self._socket.sendall(
            f"POST /v1/audio/transcriptions HTTP/1.1\r\nhost: 127.0.0.1\r\n{size}\r\n"
            f"authorization: Bearer {KEY}\r\n"
            "content-type: multipart/form-data; boundary=b\r\n\r\n".encode()
        )
        self.send(form)

    def send(self, data: bytes) -> None:
        framed = b"%x\r\n%s\r\n" % (len(data), data) if self._chunked else data
        self._socket.sendall(framed)

    def answer(self) -> tuple[int, dict[str, str], Any]:
        stream = self._socket.makefile("rb")
        status = int(stream.readline().split()[1])
        headers = {}
        while line := stream.readline().strip().decode():
            name, _, value = line.partition(": ")
            headers[name.lower()] = value
        return status, headers, json.loads(stream.read(int(headers["content-length"])))

    def leave(self) -> None:
        self._socket.close()


def sent(
    gateway: Gateway, model: str, meanwhile: Callable[[], object]
) -> tuple[int, dict[str, str], Any]:
    """The answer to a client that has sent the half, and goes on when something has happened."""
    client = Client(gateway, model)
    client.send(SOUND[: 2 * MB])
    meanwhile()
    client.send(SOUND[2 * MB :] + END)
    answer = client.answer()
    client.leave()
    return answer


def closed(heard: Heard) -> float:
    return until(lambda: heard.closed)


def test_of_two_that_are_asked_at_once_both_get_the_file(
    gateway: Gateway, ears: Ears, server: str
) -> None:
    before = len(ears.heard)

    def both_are_asked() -> object:
        return server == "daphne" or until(lambda: len(ears.heard) == before + 2)

    status, headers, told = sent(gateway, "hedged", both_are_asked)
    assert (status, told) == (200, {"text": "well"})
    row = gateway.row(headers["x-request-id"])
    assert (row["outcome"], row["model"]) == ("ok", "well/m")
    assert len(json.loads(row["attempts"])) == 2
    late, well = ears.heard[before:]
    assert (late.vendor, well.vendor) == ("late", "well")
    assert SOUND in well.body
    assert closed(late)  # it is not wanted any more


@pytest.mark.parametrize("vendor", ["refusing", "first-piece"])
def test_who_comes_after_one_that_refused_amid_the_file_gets_all_of_it(
    gateway: Gateway, ears: Ears, server: str, vendor: str
) -> None:
    before = len(ears.of("well"))

    def next_is_asked() -> object:
        return server == "daphne" or until(lambda: ears.of("well")[before:])

    status, headers, told = sent(gateway, f"after-{vendor}", next_is_asked)
    assert (status, told) == (200, {"text": "well"})
    (well,) = ears.of("well")[before:]
    assert SOUND in well.body
    attempts = json.loads(gateway.row(headers["x-request-id"])["attempts"])
    assert [each["model"] for each in attempts] == [f"{vendor}/m", "well/m"]
    assert attempts[0]["status"] == 500
    assert "not now" in attempts[0]["error"]


def test_a_client_that_leaves_amid_its_file_is_left_by_the_gateway(
    gateway: Gateway, ears: Ears, server: str
) -> None:
    before = len(ears.of("late"))
    client = Client(gateway, "late/m")
    client.send(SOUND[: 2 * MB])
    if server == "daphne":
        client.leave()
        status, headers, _ = sent(gateway, "well/m", lambda: None)
        assert gateway.row(headers["x-request-id"])["status"] == status == 200
        assert len(ears.of("late")) == before  # nobody was asked, so nobody is to be left
        assert gateway.rows("outcome = 'aborted'") == []
        return
    heard = until(lambda: ears.of("late")[before:])[0]
    until(lambda: len(heard.body) > MB)
    client.leave()
    left = time.monotonic()
    assert closed(heard) - left < 1
    (row,) = until(lambda: gateway.rows("outcome = 'aborted'"))
    assert (row["requested_model"], row["status"]) == ("late/m", 499)
    assert row["bytes_in"] > MB


@pytest.mark.parametrize("is_declared", [True, False])
def test_a_file_beyond_the_limit_is_refused_and_its_vendor_left(
    gateway: Gateway, ears: Ears, is_declared: bool
) -> None:
    before = len(ears.of("well"))
    client = Client(gateway, "well/m", MAX_MB * MB if is_declared else None)
    with suppress(ConnectionError):  # who is refused need not be listened to
        for _ in range(MAX_MB + 1 if not is_declared else 1):
            client.send(bytes(MB))
        if not is_declared:
            client.send(b"")  # Daphne says no when it has seen the end; what is too much it drops
    status, headers, told = client.answer()
    assert status == 413
    assert told["error"]["code"] == "request_too_large"
    row = gateway.row(headers["x-request-id"])
    assert (row["outcome"], row["status"]) == ("error", 413)
    for heard in ears.of("well")[before:]:
        assert closed(heard)
        assert not heard.is_whole  # it has not been told an end
    client.leave()
