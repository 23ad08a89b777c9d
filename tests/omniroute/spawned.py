"""A process that a test talks to through what it prints."""

import os
import re
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GET = b"GET /%s HTTP/1.1\r\nHost: localhost\r\n%s\r\n"
PATIENCE_S = 60.0  # how long a busy machine may take for what takes milliseconds


class Spawned:
    """`python -m MODULE ARGUMENT…`, with its lines."""

    def __init__(self, folder: Path, *command: str) -> None:
        self._errors = (folder / "stderr").open("w+")
        self.process = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=ROOT, stdout=subprocess.PIPE, stderr=self._errors, bufsize=0,
        )  # fmt: skip
        assert self.process.stdout is not None
        self._stdout = self.process.stdout
        self._read = b""

    def line(self) -> str:
        """The next line; "" at the end, when nobody has the pipe open any more."""
        until = time.monotonic() + PATIENCE_S
        with selectors.DefaultSelector() as selector:
            selector.register(self._stdout, selectors.EVENT_READ)
            while b"\n" not in self._read:
                assert selector.select(until - time.monotonic()), "it says nothing"
                data = os.read(self._stdout.fileno(), 4096)
                if not data:
                    break
                self._read += data
        line, _, self._read = self._read.partition(b"\n")
        return line.decode()

    def rest(self) -> list[str]:
        """All lines until the end."""
        return list(iter(self.line, ""))

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def stop(self) -> int:
        """SIGTERM; the exit status."""
        self.signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_S)

    def errors(self) -> str:
        self._errors.seek(0)
        return self._errors.read()

    def end(self) -> None:
        """For the end of a test, however it went."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._stdout.close()
        self._errors.close()


class Served(Spawned):
    """The application of `served.py`."""

    def __init__(self, folder: Path, server: str, headers_timeout_s: str, grace_s: str) -> None:
        super().__init__(folder, "tests.omniroute.served", server, headers_timeout_s, grace_s)
        self.port = int(self.line().split()[1])

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S)

    def ask(self, path: bytes, headers: bytes = b"") -> socket.socket:
        connection = self.connect()
        connection.sendall(GET % (path, headers))
        return connection

    def get(self, path: bytes, headers: bytes = b"") -> bytes:
        """The whole response, on a connection that is closed after it."""
        with self.ask(path, headers + b"Connection: close\r\n") as connection:
            return read_all(connection)

    def state(self) -> tuple[int, int]:
        """Bytes of the flood that the application has sent; other requests being answered."""
        found = re.search(rb"(\d+) (\d+)", self.get(b"state").partition(b"\r\n\r\n")[2])
        assert found
        return int(found[1]), int(found[2])


def read_all(connection: socket.socket) -> bytes:
    """Until the server closes."""
    return b"".join(iter(lambda: connection.recv(1 << 20), b""))


def read_hello(connection: socket.socket) -> None:
    data = b""
    while not data.endswith(b"hello\r\n0\r\n\r\n"):
        received = connection.recv(1000)
        assert received, data
        data += received


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)
