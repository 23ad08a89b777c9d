"""The command: its socket, its line, its children."""

import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError

from gateway import runtime
from omniroute.management.commands import serve
from tests.omniroute.spawned import Spawned, until


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody else listens on."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other.getsockname()[1]


def test_a_port_in_use_is_said_in_one_line(taken: int) -> None:
    with pytest.raises(CommandError, match=f"^port {taken} is in use$"):
        call_command("serve", "--no-worker", port=taken)


@dataclass(frozen=True)
class Case:
    id: str
    options: dict[str, str | int]
    message: str


REFUSED = [
    Case("no such port", {"port": 70_000}, "--port: 70000 is not a port"),
    Case("not our address", {"host": "192.0.2.1"}, "cannot listen on 192.0.2.1:"),
    Case("no processes", {"workers": 0}, "--workers: at least one is needed"),
]


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.id)
def test_what_cannot_be_served_is_refused_by_name(case: Case) -> None:
    with pytest.raises(CommandError, match=case.message):
        call_command("serve", "--no-worker", **{"port": 0, **case.options})


def test_a_database_that_is_not_there_is_an_error_that_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def start() -> None:
        raise OperationalError("no such table: of the operator's secrets")

    monkeypatch.setattr(runtime, "start", start)
    with pytest.raises(CommandError, match=r"manage.py migrate") as raised:
        call_command("serve", "--no-worker", port=0, server="uvicorn")
    assert "secrets" not in str(raised.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_the_address_that_is_shown_can_be_called(host: str) -> None:
    with serve.listen(host, 0) as listener:
        port = listener.getsockname()[1]
        shown = f"[{host}]" if ":" in host else host
        assert serve.address(listener) == f"http://{shown}:{port}"


def test_a_port_can_be_had_again_at_once_after_its_connections() -> None:
    with serve.listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            listener.setblocking(True)
            listener.accept()[0].close()  # the side that closes first keeps the port for a minute
            assert client.recv(1) == b""
    serve.listen("127.0.0.1", port).close()


def test_children_share_the_limits_of_all_gateway_processes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own = SimpleNamespace(GATEWAY_PROCESSES=3, BASE_DIR=Path("/clone"))
    monkeypatch.setattr(serve, "settings", own)
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    assert serve.environment(workers=2) == {
        "GATEWAY_PROCESSES": "6",
        "PYTHONPATH": "/clone:/elsewhere",
    }


def test_each_gateway_process_inherits_the_socket_and_one_says_so() -> None:
    first, second = serve.gateways(9, "uvicorn", 2, "OmniRoute listens")
    assert first.descriptors == second.descriptors == (9,)
    assert list(first.command) == [*second.command, "--announce", "OmniRoute listens"]


def test_gateway_worker_and_beat_run_and_stop_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("DATA_DIR", str(tmp_path)), ("PUBLIC_URL", "http://127.0.0.1:1")):
        monkeypatch.setenv(name, value)
    migrated = Spawned(tmp_path, "omniroute.cli", "migrate", "--verbosity", "0")
    assert migrated.process.wait(60) == 0, migrated.errors()
    migrated.end()
    served = Spawned(tmp_path, "omniroute.cli", "serve", "--port", "0")
    try:
        line = served.line()
        port = int(line.partition("127.0.0.1:")[2].split()[0])
        assert line == f"OmniRoute listens on http://127.0.0.1:{port} (daphne, 1 process)"
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert connection.recv(100).startswith(b"HTTP/1.1 200 ")
        until(lambda: len(children(served.process.pid)) == 3)
        assert served.stop() == 0
        assert "Traceback" not in served.errors()
    finally:
        served.end()


def children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in tasks.read_text().split() if os.path.exists(f"/proc/{child}")]
