"""Several processes under one: started, restarted when they die, stopped together."""

import ctypes
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from types import FrameType

from msgspec import Struct

log = logging.getLogger(__name__)

RESTART_AFTER_S = (0.1, 1.0, 5.0)  # the longer, the more often it has died
SETTLED_S = 60.0  # who lived so long begins again with the shortest
_PR_SET_PDEATHSIG = 1


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
    """Runs children until a signal; then each gets the signal and its time to finish."""

    def __init__(self, children: Sequence[Child], environment: dict[str, str]) -> None:
        self._children, self._environment = children, environment
        self._stopping = False

    def run(self, grace_s: float) -> int:
        """Returns the exit status: 0 where every child stopped by itself when told to."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        while not self._stopping:
            for child in self._children:
                self._keep_running(child)
            time.sleep(0.1)
        return self._wait(grace_s)

    def _keep_running(self, child: Child) -> None:
        now = time.monotonic()
        if child.process is None:
            if now >= child.due:
                self._start(child)
            return
        status = child.process.poll()
        if status is None:
            return
        child.process = None
        child.deaths = 0 if now - child.started > SETTLED_S else child.deaths + 1
        pause = RESTART_AFTER_S[min(child.deaths, len(RESTART_AFTER_S)) - 1]
        child.due = now + pause
        log.error("%s ended with status %d; it starts again in %g s", child.name, status, pause)

    def _start(self, child: Child) -> None:
        child.started = time.monotonic()
        child.process = subprocess.Popen(  # noqa: S603  # commands of ours
            child.command,
            pass_fds=child.descriptors,
            env=os.environ | self._environment,
            preexec_fn=_die_with_parent if sys.platform == "linux" else None,
            # A Ctrl-C in the terminal is for the supervisor, which tells its children.
            start_new_session=True,
        )

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._stopping = True
        for child in self._children:
            if child.process is not None and child.process.poll() is None:
                child.process.terminate()

    def _wait(self, grace_s: float) -> int:
        until = time.monotonic() + grace_s + 10
        failed = 0
        for child in self._children:
            if child.process is None:
                continue
            try:
                status = child.process.wait(max(until - time.monotonic(), 0.1))
            except subprocess.TimeoutExpired:
                child.process.kill()
                status = child.process.wait()
            if status not in (0, -signal.SIGTERM):
                log.error("%s ended with status %d", child.name, status)
                failed = 1
        return failed


def _die_with_parent() -> None:
    """A supervisor that is killed cannot stop its children; the kernel does."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
