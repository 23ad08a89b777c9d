"""A rate limit by GCRA: two numbers a limit, no window whose edge lets twice as much through.

Source: https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm
"""

PERIOD_S = 60.0
# Sums of floats: so little too much is no reason to refuse.
ROUNDING_S = 1e-6


class Rate:
    """Up to `limit` a minute. From fresh the whole minute's worth passes at once, then one each
    60/limit seconds.

    What is larger than the limit itself passes when nothing at all is used, and is paid off
    afterwards: refusing it for ever would make the limit a limit on the size of a request.

    What is used is kept in seconds, the time until it is there again: a limit that changes while
    the gateway runs leaves the same share of it used.
    """

    __slots__ = ("_at", "_used_s")

    def __init__(self, used_s: float = 0.0, at: float = 0.0) -> None:
        self._used_s = used_s
        self._at = at  # when that was so

    def used_s(self, now: float) -> float:
        """Seconds until the whole limit is there again."""
        left_s = self._used_s - (now - self._at)
        return left_s if left_s > 0.0 else 0.0

    def wait_s(self, amount: float, limit: float, now: float) -> float:
        """Seconds until `amount` would pass; 0 when it does now."""
        # What exceeds the limit is measured as if it were the whole of it.
        free_s = PERIOD_S - min(amount / limit, 1.0) * PERIOD_S
        wait_s = self.used_s(now) - free_s
        return wait_s if wait_s > ROUNDING_S else 0.0

    def take(self, amount: float, limit: float, now: float) -> None:
        self._used_s = self.used_s(now) + amount * PERIOD_S / limit
        self._at = now

    def forgive(self, now: float) -> None:
        """What is used beyond the whole limit is no debt."""
        self._used_s, self._at = min(self.used_s(now), PERIOD_S), now

    def correct(self, more: float, limit: float, now: float) -> None:
        """It was so much more (or, below 0, less) than was taken.

        More counts from when it was taken, so that a long answer is spread over its minutes; what
        time has not paid off by now is a debt. Less is given back whole, though time has given
        back a part of it already: calls that announce far more than they use would otherwise wait
        for nothing. So more than the limit may pass in one minute, but never in the long run.
        """
        self._used_s += max(more * PERIOD_S / limit, -self.used_s(now))

    def remaining(self, limit: float, now: float) -> int:
        return max(int(limit * (1 - (self.used_s(now) - ROUNDING_S) / PERIOD_S)), 0)
