"""Several processes under one: started, restarted when they die, stopped together."""

import logging
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from types import FrameType

from msgspec import Struct

log = logging.getLogger(__name__)

RESTART_AFTER_S = (0.1, 1.0, 5.0)  # the longer, the more often it has died
SETTLED_S = 60.0  # who lived so long begins again with the shortest
TICK_S = 0.1
# How much longer than its grace a child may take, to cancel, to flush and to leave.
OVERTIME_S = 15.0


class Child(Struct):
    """A command to keep running. `descriptors` are the sockets that it inherits."""

    name: str
    command: Sequence[str]
    descriptors: tuple[int, ...] = ()
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    deaths: int = 0
    due: float = 0.0


class Supervisor:
    """Runs children until a signal; then each is told to stop and gets its time to finish."""

    def __init__(self, children: Sequence[Child], environment: Mapping[str, str]) -> None:
        self._children, self._environment = children, environment
        self._stopping = False

    def run(self) -> None:
        """Returns at SIGTERM or SIGINT, with the children still running: `stop` ends them."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        while not self._stopping:
            for child in self._children:
                self._keep_running(child)
            time.sleep(TICK_S)

    def stop(self, grace_s: float) -> int:
        """Returns the exit status: 0 where every child stopped by itself when told to."""
        running = [(child.name, child.process) for child in self._children if child.process]
        for _, process in running:
            process.terminate()
        until = time.monotonic() + grace_s + OVERTIME_S
        statuses = [_wait(name, process, until) for name, process in running]
        return int(any(status not in (0, -signal.SIGTERM) for status in statuses))

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        # No more than this: it may come in the middle of the start of a child.
        self._stopping = True

    def _keep_running(self, child: Child) -> None:
        if self._stopping:
            return
        now = time.monotonic()
        if child.process is None:
            if now >= child.due:
                self._start(child)
            return
        status = child.process.poll()
        if status is None:
            return
        child.process = None
        child.deaths = 0 if now - child.started > SETTLED_S else child.deaths
        pause = RESTART_AFTER_S[min(child.deaths, len(RESTART_AFTER_S) - 1)]
        child.deaths += 1
        child.due = now + pause
        log.error("%s ended with status %d; it starts again in %g s", child.name, status, pause)

    def _start(self, child: Child) -> None:
        child.started = time.monotonic()
        child.process = subprocess.Popen(  # noqa: S603  # commands of ours
            child.command,
            pass_fds=child.descriptors,
            env={**os.environ, **self._environment},
            # A Ctrl-C in the terminal is for the supervisor, which tells its children.
            start_new_session=True,
        )


def _wait(name: str, process: subprocess.Popen[bytes], until: float) -> int:
    try:
        status = process.wait(max(until - time.monotonic(), 0.1))
    except subprocess.TimeoutExpired:
        process.kill()
        status = process.wait()
    if status not in (0, -signal.SIGTERM):
        log.error("%s ended with status %d", name, status)
    return status
