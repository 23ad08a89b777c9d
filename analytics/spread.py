"""How a measure is spread: counts in buckets that grow by a tenth.

Spreads of two spans of time add up to that of both, which no percentile does. One that is read
from a spread is off by less than 5%.
"""

import math
from collections.abc import Mapping

GROWTH = 1.1
_LOG = math.log(GROWTH)

Spread = dict[str, int]  # by bucket; JSON has no other keys than strings


def bucket(value: float) -> str:
    """Of a value of at least 1: number n ends at `GROWTH` to the n. What is less counts as 1."""
    return str(math.ceil(math.log(value) / _LOG) if value > 1 else 0)


def add(spread: Spread, more: Mapping[str, int]) -> None:
    for name, count in more.items():
        spread[name] = spread.get(name, 0) + count


def sum_of(one: Mapping[str, int], other: Mapping[str, int]) -> Spread:
    total = dict(one)
    add(total, other)
    return total


def percentile(spread: Spread, percent: int) -> float | None:
    """The value that `percent` of a hundred do not exceed; None where nothing was measured."""
    counts = sorted((int(name), count) for name, count in spread.items())
    rank = math.ceil(sum(spread.values()) * percent / 100)
    for number, count in counts:
        rank -= count
        if rank <= 0:
            return _middle(number)
    return None


def _middle(number: int) -> float:
    """What is as far from either end of a bucket, in relation to it."""
    return 2 * GROWTH**number / (1 + GROWTH) if number else 1.0
