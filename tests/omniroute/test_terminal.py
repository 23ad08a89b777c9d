"""Commands that take a while say on a terminal how far they are, and nowhere else."""

import io
import sys

import pytest

from omniroute import terminal


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", shown := Terminal())
    with terminal.progress("Writing") as tell:
        for done in range(1, 5):
            tell(done, 4)
    assert "Writing" in shown.getvalue()
    assert "100%" in shown.getvalue()


def test_a_file_gets_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", kept := io.StringIO())
    with terminal.progress("Writing") as tell:
        tell(1, 1)
    assert kept.getvalue() == ""
