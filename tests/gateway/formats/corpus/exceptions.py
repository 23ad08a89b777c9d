"""What a recording loses on its way, and why: the one table. What is not in it must be kept."""

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True)
class Loss:
    """`path` and `recording` are patterns; `to` is the format where it happens, for `deed`.

    `deed` is `request` or `answer` (back into the same format), `other request`, `other answer` or
    `other stream` (into another format, and read again from there).
    """

    deed: str
    dialect: str
    path: str
    reason: str
    recording: str = "*"
    to: str = "*"


LOSSES: list[Loss] = []


@dataclass(frozen=True)
class Refusal:
    """A request, or a stream, that is refused; `words` are in what is said of it."""

    deed: str
    dialect: str
    words: str
    reason: str
    recording: str = "*"
    to: str = "*"


REFUSALS: list[Refusal] = []


def unexplained(deed: str, recording: str, paths: Iterable[str], to: str = "") -> list[str]:
    """Of these paths those that the table says nothing of."""
    losses = [loss for loss in LOSSES if loss.deed == deed and _is_of(loss, recording, to)]
    return [path for path in paths if not any(fnmatchcase(path, loss.path) for loss in losses)]


def is_refused(deed: str, recording: str, words: str, to: str = "") -> bool:
    """Is the refusal in the table?"""
    return any(
        row.words in words for row in REFUSALS if row.deed == deed and _is_of(row, recording, to)
    )


def _is_of(row: Loss | Refusal, recording: str, to: str) -> bool:
    dialect, _, name = recording.partition("/")
    return (
        fnmatchcase(dialect, row.dialect)
        and fnmatchcase(name, row.recording)
        and fnmatchcase(to, row.to)
    )
