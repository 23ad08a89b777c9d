"""A Redis that a test stops and starts, and keeps nothing of what it had."""

import os
import signal
from contextlib import ExitStack

import redis

from tests.servers import free_port, redis_server


class OwnRedis:
    def __init__(self, *options: str) -> None:
        self.port, self._options = free_port(), options
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._running = ExitStack()

    def start(self) -> bool:
        """False where none is installed."""
        return self._running.enter_context(redis_server(self.port, *self._options)) is not None

    def stop(self) -> None:
        self._running.close()

    def hang(self) -> None:
        """It is there, and does not answer."""
        with redis.Redis.from_url(self.url) as client:
            self._pid = int(client.info("server")["process_id"])
        os.kill(self._pid, signal.SIGSTOP)

    def go_on(self) -> None:
        os.kill(self._pid, signal.SIGCONT)
