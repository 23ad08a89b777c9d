"""What becomes of connections and requests at SIGTERM: the same for both servers."""

import signal
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.omniroute.served import LARGE, TAIL
from tests.omniroute.spawned import Served, read_all, read_hello, until

STREAMS = 50
Serve = Callable[[str], Served]


@pytest.fixture(params=["uvicorn", "daphne"])
def serve(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Serve]:
    """Starts the server, with a grace in seconds."""
    made: list[Served] = []

    def make(grace_s: str) -> Served:
        made.append(Served(tmp_path, request.param, headers_timeout_s="30", grace_s=grace_s))
        return made[-1]

    yield make
    for served in made:
        assert "Traceback" not in served.errors()
        served.end()


def test_all_open_streams_finish_and_nothing_else_delays_the_end(serve: Serve) -> None:
    served = serve("20")
    with ThreadPoolExecutor(STREAMS) as pool:
        streams = [pool.submit(served.ask, b"until_drain") for _ in range(STREAMS)]
        connections = [stream.result() for stream in streams]
        heads = [read_head(connection) for connection in connections]
        idle = kept_alive(served)
        half = served.connect()
        half.sendall(b"GET / HTTP/1.1\r\nHos")

        served.signal(signal.SIGTERM)
        assert read_all(idle) == b""
        assert read_all(half) == b""
        until(lambda: is_refused(served))
        served.signal(signal.SIGTERM)

        bodies = list(pool.map(read_all, connections))
    assert all(body.endswith(b"\r\n0\r\n\r\n") for body in bodies)
    assert all(
        (head + body).count(b".\r\n") == 5 and TAIL in body
        for head, body in zip(heads, bodies, strict=True)
    )
    assert served.process.wait(10) == 0
    assert served.rest() == ["closed"]


def test_a_slow_reader_gets_the_rest_of_an_answer_that_is_complete(serve: Serve) -> None:
    served = serve("20")
    connection = served.ask(b"large")
    head = connection.recv(100)
    until(lambda: served.state()[1] == 0)
    served.signal(signal.SIGTERM)
    until(lambda: is_refused(served))
    assert LARGE[100:] in head + read_all(connection)
    assert served.process.wait(10) == 0


def test_what_outlasts_the_grace_is_cancelled_and_accounts_for_itself(serve: Serve) -> None:
    served = serve("0.2")
    connections = [served.ask(b"endless") for _ in range(3)]
    for connection in connections:
        read_head(connection)
    assert served.stop() == 0
    assert served.rest() == ["accounted"] * 3 + ["closed"]
    # A stream that was cut off must not look like one that ended.
    assert not any(cut(connection).endswith(b"0\r\n\r\n") for connection in connections)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_with_nothing_to_do_it_ends_at_once(serve: Serve, number: signal.Signals) -> None:
    served = serve("20")
    idle = kept_alive(served)
    served.signal(number)
    assert served.process.wait(10) == 0
    assert read_all(idle) == b""
    assert served.rest() == ["closed"]


def kept_alive(served: Served) -> socket.socket:
    """A connection with a request behind it, which asked for an upgrade at that."""
    connection = served.ask(b"", b"Connection: Upgrade\r\nUpgrade: websocket\r\n")
    read_hello(connection)
    return connection


def read_head(connection: socket.socket) -> bytes:
    data = b""
    while b"head\r\n" not in data:
        received = connection.recv(1000)
        assert received, data
        data += received
    return data


def is_refused(served: Served) -> bool:
    try:
        served.connect().close()
    except ConnectionError:
        return True
    return False


def cut(connection: socket.socket) -> bytes:
    try:
        return read_all(connection)
    except ConnectionResetError:
        return b""
