"""Arguments of a function call that come in pieces, each at a JSON path.

Source: https://cloud.google.com/vertex-ai/generative-ai/docs/multimodal/function-calling
(read 2026-11), `streamFunctionCallArguments`
"""

import itertools
import re
from typing import Any

from gateway.errors import UpstreamFailed
from gateway.formats.types import JSONDict

_STEP = re.compile(
    r"""\.([^.\[\]]+)|\[(\d{1,9})\]|\['((?:[^'\\]|\\.)*)'\]|\["((?:[^"\\]|\\.)*)"\]"""
)
MAX_DEPTH = 100


def _steps(path: object) -> list[str | int]:
    if not isinstance(path, str) or not path.startswith("$"):
        raise _broken()
    steps: list[str | int] = []
    at = 1
    while at < len(path):
        step = _STEP.match(path, at)
        if step is None or len(steps) == MAX_DEPTH:
            raise _broken()
        name = step[1] or step[3] or step[4]
        steps.append(int(step[2]) if step[2] else name or "")
        at = step.end()
    if not steps or isinstance(steps[0], int):
        raise _broken()
    return steps


def _broken() -> UpstreamFailed:
    return UpstreamFailed("the upstream's tool call cannot be put together", upstream_status=200)


class Arguments:
    """The arguments so far; a text goes on where the piece before said that it will."""

    def __init__(self, begun: JSONDict) -> None:
        self.value = begun
        self._open: object = None  # the path of a text that goes on

    def add(self, piece: JSONDict) -> None:
        """Raises `UpstreamFailed` for a piece that fits nowhere."""
        path = piece.get("jsonPath")
        steps = _steps(path)
        last = steps[-1]
        place: Any = self.value
        for step, following in itertools.pairwise(steps):
            place = _enter(place, step, [] if isinstance(following, int) else {})
        value = _value(piece)
        if path == self._open and isinstance(value, str):
            before = _enter(place, last, "")
            if isinstance(before, str):
                value = before + value
        _put(place, last, value)
        self._open = path if piece.get("willContinue") is True else None


def _value(piece: JSONDict) -> object:
    for name in ("stringValue", "numberValue", "boolValue"):
        if name in piece:
            return piece[name]
    return None


def _enter(place: Any, step: str | int, empty: object) -> Any:
    """What stands there; `empty` is put where nothing does."""
    if isinstance(place, dict) and isinstance(step, str):
        return place.setdefault(step, empty)
    if isinstance(place, list) and isinstance(step, int) and step <= len(place):
        if step == len(place):
            place.append(empty)
        return place[step]
    raise _broken()


def _put(place: Any, step: str | int, value: object) -> None:
    _enter(place, step, value)
    place[step] = value
