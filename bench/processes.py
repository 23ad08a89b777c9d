"""Processes on a core of their own."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def cores() -> tuple[int, int]:
    """One for the gateway and the floor, and one for the provider and the load."""
    if not hasattr(os, "sched_getaffinity"):
        sys.exit("make bench pins processes to cores, which only Linux can")
    usable = sorted(os.sched_getaffinity(0))
    if len(usable) < 2:
        sys.exit("make bench needs two cores: one for the gateway, one for load and provider")
    return usable[0], usable[1]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(
    command: Sequence[str],
    cpu: int | None,
    answers_at: str,
    log: Path,
    environment: Mapping[str, str],
) -> Iterator[subprocess.Popen[bytes]]:
    """A process on `cpu` (null: anywhere), from its first answer on; it is told to stop at the end.

    Raises:
        RuntimeError: It ended, or answered nothing in time.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=os.environ | environment,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=lambda: pin(cpu),
        )
    try:
        _wait_for(answers_at, process, log)
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(60)


def pin(cpu: int | None) -> None:
    """The present process, to `cpu`."""
    if cpu is not None:
        os.sched_setaffinity(0, {cpu})


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"nothing answers at {url}:\n{log.read_text()[-2000:]}")


def resident_mib(pid: int) -> float:
    """Resident memory of a process and all under it."""
    rows = _table()
    family, size = {pid}, 0
    while len(family) != size:
        size = len(family)
        family |= {child for child, parent, _ in rows if parent in family}
    return sum(rss for child, _, rss in rows if child in family) / 1024


def children(pid: int) -> list[int]:
    """The processes that a process has started, the oldest first."""
    return sorted(child for child, parent, _ in _table() if parent == pid)


def _table() -> list[tuple[int, ...]]:
    """Of each process its number, its parent's, and its resident memory in KiB."""
    table = subprocess.run(["ps", "-eo", "pid,ppid,rss"], capture_output=True, text=True).stdout
    return [tuple(map(int, line.split())) for line in table.splitlines()[1:]]
