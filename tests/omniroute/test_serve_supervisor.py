"""Processes that are restarted when they die and stopped together."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from omniroute.serving import child
from tests.omniroute.spawned import ROOT, Spawned

Supervise = Callable[..., Spawned]


@pytest.fixture
def supervise(tmp_path: Path) -> Iterator[Supervise]:
    made: list[Spawned] = []

    def make(*names: str) -> Spawned:
        made.append(Spawned(tmp_path, "tests.omniroute.supervised", *names))
        return made[-1]

    yield make
    for supervisor in made:
        supervisor.end()


def pids(supervisor: Spawned, count: int) -> dict[str, int]:
    lines = [supervisor.line().split() for _ in range(count)]
    return {name: int(pid) for name, pid in lines}


def test_at_sigterm_every_child_is_stopped_and_the_status_is_0(supervise: Supervise) -> None:
    supervisor = supervise("a", "b", "c")
    pids(supervisor, 3)
    supervisor.signal(signal.SIGTERM)
    supervisor.signal(signal.SIGTERM)
    assert sorted(supervisor.rest()) == [f"{name} stops, one of 6" for name in "abc"]
    assert supervisor.process.wait(10) == 0


def test_a_child_that_dies_is_started_again_and_only_it(supervise: Supervise) -> None:
    supervisor = supervise("a", "b")
    first = pids(supervisor, 2)
    os.kill(first["b"], signal.SIGKILL)
    second = pids(supervisor, 1)
    assert second.keys() == {"b"}
    assert second["b"] != first["b"]
    assert supervisor.stop() == 0
    assert supervisor.errors() == "b ended with status -9; it starts again in 0.1 s\n"


def test_a_child_that_does_not_end_well_shows_in_the_status(supervise: Supervise) -> None:
    supervisor = supervise("a", "rude")
    pids(supervisor, 2)
    assert supervisor.stop() == 1
    assert supervisor.errors() == "rude ended with status 3\n"


def test_when_the_supervisor_is_killed_its_children_end(supervise: Supervise) -> None:
    supervisor = supervise("a", "b")
    pids(supervisor, 2)
    supervisor.signal(signal.SIGKILL)
    # Read to the end of the pipe, which each child holds open as long as it lives.
    assert sorted(supervisor.rest()) == ["a stops, one of 6", "b stops, one of 6"]


def test_a_child_whose_supervisor_is_gone_already_does_not_start(tmp_path: Path) -> None:
    command = child.command("tests.omniroute.supervised", "--child", "late")
    not_its_parent = command.index(str(os.getpid()))
    command[not_its_parent] = "1"
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "the supervisor is gone\n"


def test_where_the_kernel_does_not_tell_a_thread_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    parents = iter([7, 7, 1])
    sent: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "getppid", lambda: next(parents))
    monkeypatch.setattr(os, "kill", lambda *call: sent.append(call))
    child.watch(7, poll_s=0)
    assert sent == [(os.getpid(), signal.SIGTERM)]


def test_a_childs_command_names_the_module_and_whom_to_follow() -> None:
    assert child.command("celery", "worker") == [
        sys.executable, "-m", "omniroute.serving.child", str(os.getpid()), "celery", "worker",
    ]  # fmt: skip
