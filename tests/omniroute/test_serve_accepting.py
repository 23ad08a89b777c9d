"""Connections of one socket, taken by several."""

import asyncio
import errno
import socket

import pytest

from omniroute.serving import accepting
from omniroute.serving.accepting import Acceptor


@pytest.fixture
def listener() -> socket.socket:
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)
    return listener


async def test_who_shares_a_socket_gets_a_share_of_a_crowd(listener: socket.socket) -> None:
    clients = [socket.create_connection(listener.getsockname()) for _ in range(20)]
    taken: dict[str, list[socket.socket]] = {"a": [], "b": []}
    everybody = asyncio.Event()

    def take(connections: list[socket.socket], connection: socket.socket) -> None:
        connections.append(connection)
        if sum(map(len, taken.values())) == len(clients):
            everybody.set()

    loop = asyncio.get_running_loop()
    acceptors = [
        Acceptor(loop, listener.dup(), lambda connection, mine=mine: take(mine, connection))  # type: ignore[misc]
        for mine in taken.values()
    ]
    for acceptor in acceptors:
        acceptor.start()
    await asyncio.wait_for(everybody.wait(), 5)
    assert [len(connections) for connections in taken.values()] == [10, 10]
    for acceptor in acceptors:
        acceptor.close()
    for end in (*clients, *taken["a"], *taken["b"], listener):
        end.close()


async def test_a_lack_of_descriptors_is_logged_and_waited_for(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(accepting, "PAUSE_S", 0.01)
    taken: asyncio.Queue[socket.socket] = asyncio.Queue()
    scarce = Scarce(fileno=listener.detach())
    acceptor = Acceptor(asyncio.get_running_loop(), scarce, taken.put_nowait)
    acceptor.start()
    with socket.create_connection(scarce.getsockname()):
        (await asyncio.wait_for(taken.get(), 5)).close()
    acceptor.close()
    assert [record.getMessage() for record in caplog.records] == [
        "no connection can be accepted: Too many open files"
    ]


class Scarce(socket.socket):
    """Has no descriptor left, the first time."""

    failed = False

    def accept(self) -> tuple[socket.socket, object]:
        if not self.failed:
            self.failed = True
            raise OSError(errno.EMFILE, "Too many open files")
        return super().accept()


async def test_what_is_closed_accepts_nothing_and_refuses(listener: socket.socket) -> None:
    address = listener.getsockname()
    acceptor = Acceptor(asyncio.get_running_loop(), listener, lambda connection: None)
    acceptor.start()
    acceptor.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address)
