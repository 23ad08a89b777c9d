"""What aliases stand for. One may have a `*`, which stands for any part of a name, and its model
one too, which stands for the same part: `claude-*` is `cc/claude-*`, `gpt-4*` is `mk/m1`.

The most specific decides: the exact one; then that with most before the `*`; then with most after it.
"""

from collections.abc import Mapping
from itertools import groupby

from msgspec import Struct

STAR = "*"


class Found(Struct, frozen=True):
    """`alias` as it is written, and what the name that was asked for stands for by it."""

    alias: str
    model: str


class Aliases:
    def __init__(self, models: Mapping[str, str]) -> None:
        """`models` by alias, each as it is written."""
        self.exact = {alias: model for alias, model in models.items() if STAR not in alias}
        self.patterns = {alias: model for alias, model in models.items() if STAR in alias}
        # By what stands before the star, what may stand after it, the longest first.
        self._ends: dict[str, list[str]] = {}
        for start, alike in groupby(sorted(map(_halves, self.patterns)), key=lambda half: half[0]):
            self._ends[start] = sorted((end for _, end in alike), key=len, reverse=True)
        self._longest = max(map(len, self._ends), default=-1)

    def find(self, name: str) -> Found | None:
        """None where no alias is meant. A name with a slash is a provider's, and never an alias."""
        if (model := self.exact.get(name)) is not None:
            return Found(name, model)
        if "/" in name:
            return None
        for length in range(min(self._longest, len(name)), -1, -1):
            for end in self._ends.get(name[:length], ()):
                part = name[length:]
                if part.endswith(end):
                    alias = f"{name[:length]}{STAR}{end}"
                    starred = part.removesuffix(end)
                    return Found(alias, self.patterns[alias].replace(STAR, starred, 1))
        return None

    def of(self, model: str) -> list[str]:
        """The aliases by which `model` is meant, patterns as they are written."""
        return [
            *(alias for alias, meant in self.exact.items() if meant == model),
            *(alias for alias, meant in self.patterns.items() if self._means(alias, meant, model)),
        ]

    def _means(self, alias: str, meant: str, model: str) -> bool:
        """Does some name that the pattern `alias` decides on stand for `model`?"""
        if STAR not in meant:
            return meant == model
        start, end = _halves(meant)
        starred = model.removeprefix(start).removesuffix(end)
        if model != start + starred + end:
            return False
        found = self.find(alias.replace(STAR, starred))
        return found is not None and found.model == model


def _halves(pattern: str) -> tuple[str, str]:
    start, _, end = pattern.partition(STAR)
    return start, end
