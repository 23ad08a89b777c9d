"""Names like one that nobody has, for a message that suggests them.

Comparing one with thousands takes longer than many a call. So a name is compared with those alone
that stand next to it in the alphabet: by the whole of it, and by its last part, which a wrong
provider leaves right.
"""

import difflib
from bisect import bisect_left
from collections.abc import Iterable

BESIDE = 3  # on either side
MAX_CHARS = 80  # of what is compared
SHOWN = 3
LIKENESS = 0.5


class Neighbours:
    def __init__(self, names: Iterable[str]) -> None:
        keyed = {(key, name) for name in names for key in _keys(name)}
        self._sorted = sorted(keyed)

    def of(self, name: str) -> list[str]:
        """The most alike first."""
        name = name[:MAX_CHARS]
        beside: dict[str, None] = {}
        for key in _keys(name):
            place = bisect_left(self._sorted, (key, ""))
            rows = self._sorted[max(place - BESIDE, 0) : place + BESIDE]
            beside |= dict.fromkeys(found for _, found in rows if len(found) <= MAX_CHARS)
        return difflib.get_close_matches(name, beside, SHOWN, LIKENESS)


def _keys(name: str) -> tuple[str, str]:
    lowered = name.lower()
    return lowered, lowered.rpartition("/")[2]
