"""A rate limit by GCRA: one number a limit, no window whose edge lets twice as much through.

Source: https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm
"""

PERIOD_S = 60.0


class Rate:
    """Up to `limit` a minute. From fresh the whole minute's worth passes at once, then one each
    60/limit seconds. What is larger than the limit itself passes only when nothing is used."""

    __slots__ = ("_full_at",)

    def __init__(self) -> None:
        self._full_at = 0.0  # when the whole of the limit is there again

    def wait_s(self, amount: float, limit: float, now: float) -> float:
        """Seconds until `amount` would pass; 0 when it does now."""
        used_s = max(self._full_at - now, 0.0)
        if amount >= limit:
            return used_s
        return max(used_s + amount * PERIOD_S / limit - PERIOD_S, 0.0)

    def take(self, amount: float, limit: float, now: float) -> None:
        self._full_at = max(self._full_at, now) + amount * PERIOD_S / limit

    def correct(self, more: float, limit: float) -> None:
        """It was so much more (or, below 0, less) than taken; the debt of it is paid later."""
        self._full_at += more * PERIOD_S / limit

    def remaining(self, limit: float, now: float) -> float:
        return max(limit * (1 - max(self._full_at - now, 0.0) / PERIOD_S), 0.0)

    def reset_s(self, now: float) -> float:
        return max(self._full_at - now, 0.0)
