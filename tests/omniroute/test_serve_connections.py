"""What a server does with connections that are slow, silent, greedy or gone: the same for both."""

import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.omniroute.served import LARGE, PIECE, PIECES
from tests.omniroute.spawned import GET, PATIENCE_S, Served, read_all, read_hello, until

HEADERS_TIMEOUT_S = 0.3


@pytest.fixture(scope="module", params=["uvicorn", "daphne"])
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served")
    served = Served(folder, request.param, str(HEADERS_TIMEOUT_S), grace_s="10")
    yield served
    assert served.stop() == 0
    assert "Traceback" not in served.errors()
    served.end()


# --- Slow -----------------------------------------------------------------------------------


def test_half_a_header_is_answered_with_408_and_the_connection_closed(served: Served) -> None:
    with served.connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: loc")
        assert read_all(connection).startswith(b"HTTP/1.1 408 ")


def test_a_connection_that_says_nothing_is_closed_without_a_word(served: Served) -> None:
    with served.connect() as connection:
        assert read_all(connection) == b""


@pytest.mark.parametrize("before", [b"", b"\r\n"], ids=["at once", "after an empty line"])
def test_time_runs_for_a_connections_second_request_too(served: Served, before: bytes) -> None:
    with served.ask(b"") as connection:
        read_hello(connection)
        connection.sendall(before + b"GET / HT")
        assert b" 408 " in read_all(connection)


def test_bytes_that_trickle_in_win_no_time(served: Served) -> None:
    with served.connect() as connection:
        began = time.monotonic()
        connection.sendall(b"GET /")
        connection.settimeout(0.02)
        while time.monotonic() < began + PATIENCE_S:
            connection.sendall(b"x")
            try:
                answer = connection.recv(100)
            except TimeoutError:
                continue  # the clock of the trickle
            break
        assert b" 408 " in answer
        assert time.monotonic() - began > HEADERS_TIMEOUT_S / 2


def test_a_request_that_takes_longer_than_its_headers_may_is_left_alone(served: Served) -> None:
    with served.ask(b"flood") as slow:
        with served.connect() as clock:  # closed when the time for headers is over
            assert read_all(clock) == b""
        head = slow.recv(20)
        assert head.startswith(b"HTTP/1.1 200 ")


# --- Greedy ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    id: str
    request: bytes


TOO_LARGE = [
    Case("a line without end", b"GET / HTTP/1.1\r\nX: " + b"x" * 200_000),
    Case("an address without end", b"GET /" + b"x" * 200_000),
    Case("one large header", GET % (b"", b"X: " + b"x" * 70_000 + b"\r\n")),
    Case("many headers", GET % (b"", b"".join(b"X-%d: %s\r\n" % (n, b"x" * 900) for n in range(90)))),
]  # fmt: skip


@pytest.mark.parametrize("case", TOO_LARGE, ids=lambda case: case.id)
def test_headers_over_64_kb_are_refused(served: Served, case: Case) -> None:
    with served.connect() as connection:
        try:
            connection.sendall(case.request)
            answer = read_all(connection)
        except ConnectionError:  # closed in the middle of what was sent
            answer = b""
    assert not answer.startswith((b"HTTP/1.1 200", b"HTTP/1.1 408"))
    assert b"hello" in served.get(b"")


def test_headers_of_48_kb_are_taken(served: Served) -> None:
    headers = b"".join(b"X-%d: %s\r\n" % (n, b"x" * 16_000) for n in range(3))
    assert b"hello" in served.get(b"", headers)


def test_a_reader_that_stops_holds_the_application_back(served: Served) -> None:
    with served.ask(b"flood", b"Connection: close\r\n") as connection:
        seen = [0, 0]

        def stands_still() -> bool:
            seen.append(served.state()[0])
            return 0 < seen[-3] == seen[-2] == seen[-1]

        until(stands_still)
        assert seen[-1] <= 8 << 20
        size = len(read_all(connection))
    assert size >= len(PIECE) * PIECES  # it went on, to its end


def test_a_reader_that_stops_and_goes_lets_the_application_go(served: Served) -> None:
    with served.ask(b"flood"):
        until(lambda: served.state()[0] > 1 << 20)
    until(lambda: served.state()[1] == 0)


def test_a_large_body_in_one_piece_arrives_and_lets_the_application_go(served: Served) -> None:
    assert LARGE in served.get(b"large")
    until(lambda: served.state()[1] == 0)


# --- Broken ---------------------------------------------------------------------------------


@pytest.mark.parametrize("server", ["uvicorn", "daphne"])
def test_an_answer_that_fails_is_cut_off_and_the_log_says_why(server: str, tmp_path: Path) -> None:
    served = Served(tmp_path, server, str(HEADERS_TIMEOUT_S), grace_s="10")
    try:
        for _ in range(2):
            with served.ask(b"broken") as connection:
                told = read_until_cut(connection)
                assert b"head" in told
                assert b"\r\n0\r\n" not in told
        assert served.errors().count("LookupError: a fault of ours") == 2
        assert served.stop() == 0
    finally:
        served.end()


# --- Otherwise ------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", [b"websocket", b"h2c"])
def test_a_request_for_an_upgrade_is_answered_like_any_other(
    served: Served, protocol: bytes
) -> None:
    upgrade = b"Connection: Upgrade\r\nUpgrade: " + protocol + b"\r\n"
    key = b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\n"
    with served.ask(b"", upgrade + key) as connection:
        read_hello(connection)
        connection.sendall(GET % (b"", b""))
        read_hello(connection)


def test_two_requests_on_one_connection_are_answered_in_order(served: Served) -> None:
    with served.connect() as connection:
        connection.sendall(GET % (b"", b"") + GET % (b"", b"Connection: close\r\n"))
        assert read_all(connection).count(b"hello") == 2


def test_the_server_says_nothing_about_itself(served: Served) -> None:
    assert b"\r\nserver:" not in served.get(b"").lower()


def read_until_cut(connection: socket.socket) -> bytes:
    told = b""
    with suppress(ConnectionError):
        while piece := connection.recv(1000):
            told += piece
    return told
