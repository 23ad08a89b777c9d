"""A gateway that remembers what fails, over providers whose accounts a test gives moods."""

import asyncio
import json
import socket
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.e2e import upstream as plain
from tests.e2e.gateway import HELLO, Gateway, key_of, keyed, until
from tests.e2e.routing.configuration import configuration
from tests.e2e.upstream import Seen, Upstream

CHAT = "/v1/chat/completions"


@dataclass(frozen=True)
class Mood:
    """How an account's calls are met, in the order of time; seconds of silence before each."""

    head_s: float = 0.0
    status: int = 200
    headers: str = ""
    words: str = "refused"
    content_s: float = 0.0
    pause_s: float = 0.0  # between the events of a stream


GOOD = Mood()


class Moody(Upstream):
    """Each account is told by its key, which is its connection's name."""

    def __init__(self) -> None:
        self.moods: dict[str, Mood] = {}
        super().__init__()

    def asked(self) -> list[str]:
        """The accounts that were asked, since this was last called."""
        names = [account(seen) for seen in self.seen]
        self.seen.clear()
        return names

    async def answer(self, seen: Seen, writer: asyncio.StreamWriter) -> bool:
        mood = self.moods.get(account(seen), GOOD)
        await asyncio.sleep(mood.head_s)
        if mood.status != 200:
            error = {"error": {"message": mood.words, "type": "t"}}
            await plain.send(writer, plain.json_answer(error, mood.status, mood.headers))
            return True
        if not (seen.streams and (mood.content_s or mood.pause_s)):
            return await super().answer(seen, writer)
        await plain.send(writer, plain.STREAM_HEAD)
        await asyncio.sleep(mood.content_s)
        opening, *events = plain.openai_stream(seen, plain.WORDS)  # the first has no content
        await plain.send(writer, plain.chunk(opening))
        for event in events:
            await plain.send(writer, plain.chunk(event))
            await asyncio.sleep(mood.pause_s)
        await plain.send(writer, b"0\r\n\r\n")
        return True


def account(seen: Seen) -> str:
    return seen.headers["authorization"].removeprefix("Bearer ")


class Client:
    """Calls, and what the log says of them."""

    def __init__(self, gateway: Gateway, upstream: Moody) -> None:
        self._gateway, self._upstream = gateway, upstream
        self._http = httpx.Client(base_url=gateway.url, timeout=10)
        self._threads = ThreadPoolExecutor(10)

    def call(
        self,
        model: str,
        *,
        key: str = "laptop",
        headers: dict[str, str] | None = None,
        timeout_s: float = 10,
        **more: Any,
    ) -> httpx.Response:
        body = {"model": model, "messages": HELLO, **more}
        headers = keyed(key_of(key)) | (headers or {})
        return self._http.post(CHAT, json=body, headers=headers, timeout=timeout_s)

    def begin(self, model: str, **more: Any) -> "Future[httpx.Response]":
        return self._threads.submit(self.call, model, **more)

    def served(self, model: str, calls: int, **more: Any) -> list[str]:
        """The accounts that answered, each of so many calls."""
        answers = [self.call(model, **more) for _ in range(calls)]
        assert {answer.status_code for answer in answers} == {200}
        return [by(answer) for answer in answers]

    def feel(self, **moods: Mood) -> None:
        """`cool_a=…` is the mood of the account cool-a, until it is told another."""
        self._upstream.moods |= {name.replace("_", "-"): mood for name, mood in moods.items()}

    def asked(self) -> list[str]:
        return self._upstream.asked()

    def row(self, answer: httpx.Response) -> dict[str, Any]:
        return read(self._gateway.row(answer.headers["x-request-id"]))

    def last_row(self, where: str) -> dict[str, Any]:
        return read(until(lambda: self._gateway.rows(where))[-1])

    def models(self, key: str) -> list[str]:
        found = self._http.get("/v1/models", headers=keyed(key_of(key))).json()
        return [model["id"] for model in found["data"]]

    def close(self) -> None:
        self._threads.shutdown()
        self._http.close()


def read(row: dict[str, Any]) -> dict[str, Any]:
    return row | {name: json.loads(row[name]) for name in ("trace", "attempts")}


def by(answer: httpx.Response) -> str:
    return answer.headers["x-omniroute-connection"]


@pytest.fixture(scope="package")
def moody() -> Iterator[Moody]:
    upstream = Moody()
    yield upstream
    upstream.close()


@pytest.fixture(scope="package")
def deaf_port() -> Iterator[int]:
    """Where nobody accepts, and the queue of those who want to be accepted is full."""
    with ExitStack() as sockets:
        server = sockets.enter_context(closing(socket.socket()))
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for _ in range(8):
            caller = sockets.enter_context(closing(socket.socket()))
            caller.setblocking(False)
            caller.connect_ex(server.getsockname())
        yield server.getsockname()[1]


@pytest.fixture(scope="package")
def routing_gateway(
    moody: Moody, deaf_port: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    gateway = Gateway(tmp_path_factory.mktemp("routing"), "--no-worker", "--server", "uvicorn")
    gateway.manage("bootstrap")
    gateway.apply(configuration(moody.url, deaf_port))
    gateway.start()
    yield gateway
    assert gateway.stop() == 0
    assert "Traceback" not in gateway.output()


@pytest.fixture
def client(routing_gateway: Gateway, moody: Moody) -> Iterator[Client]:
    client = Client(routing_gateway, moody)
    moody.asked()
    yield client
    moody.moods.clear()
    client.close()
