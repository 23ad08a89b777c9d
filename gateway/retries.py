"""How often calls may ask a target again: a share of all calls, so that retries never make a storm.

Source: https://finagle.github.io/blog/2016/02/08/retry-budgets/ (read 2026-11)
"""

SHARE = 0.2
RESERVE = 10.0
# A target that failed, and had no successor, is asked once more after about so long.
PAUSE_S = 0.2


class Retries:
    """Each call earns a part of a retry; a reserve lets a quiet gateway retry too."""

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left = RESERVE

    def earn(self) -> None:
        """A call has come."""
        self._left = min(self._left + SHARE, RESERVE)

    def take(self) -> bool:
        """May a target be asked again? If so, it counts."""
        if self._left < 1:
            return False
        self._left -= 1
        return True
