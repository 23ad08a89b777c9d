"""A Redis of the benchmark's own, which can be stopped and started."""

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

from bench.processes import free_port, pin

START_S = 10.0


class RedisServer:
    """An installed redis-server on a port of its own; it keeps nothing when it is stopped.

    Args:
        folder: For its log.
        cpu: Where it runs; null: anywhere.
    """

    def __init__(self, folder: Path, cpu: int | None = None) -> None:
        self._folder, self._cpu = folder, cpu
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self._port}/0"

    def start(self) -> None:
        """Returns when it answers. Raises `RuntimeError` where it does not."""
        command = ["redis-server", "--bind", "127.0.0.1", "--port", str(self._port)]
        nothing_kept = ["--save", "", "--appendonly", "no", "--dir", str(self._folder)]
        with (self._folder / "redis.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*command, *nothing_kept],
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=lambda: pin(self._cpu),
            )
        until = time.monotonic() + START_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"redis-server does not answer on port {self._port}")
            time.sleep(0.02)

    def stop(self) -> None:
        """What it counted is lost."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(10)
            self._process = None

    def _answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url, socket_connect_timeout=1) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False


@contextmanager
def redis_server(folder: Path, cpu: int | None = None) -> Iterator[RedisServer]:
    """One that answers, until the block ends."""
    if shutil.which("redis-server") is None:
        sys.exit("this needs redis-server, which is not on this machine")
    server = RedisServer(folder, cpu)
    try:
        server.start()
        yield server
    finally:
        server.stop()
