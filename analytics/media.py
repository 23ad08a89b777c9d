"""Money for what is not counted in tokens: images, searches, characters, time.

A price is for one of something, for a thousand or for a minute of it; what is used is counted in
the smallest of whole units, so that its cost is rounded once, up, and by less than 10⁻¹² USD.
"""

from collections.abc import Mapping

# By a price's name: the unit in which its use is counted, and how many of it the price is for.
PRICES: dict[str, tuple[str, int]] = {
    "per_request": ("requests", 1),
    "per_1k_requests": ("requests", 1_000),
    "per_1k_queries": ("queries", 1_000),  # searches, as providers of rerankers count them
    "per_image": ("images", 1),
    "per_million_chars": ("characters", 1_000_000),
    "per_minute": ("milliseconds", 60_000),
}


def media_picousd(units: Mapping[str, int], prices: Mapping[str, int]) -> int:
    """What so many of each unit cost, in 10⁻¹² USD; `prices` are by the names above."""
    total = 0
    for name, price in prices.items():
        unit, per = PRICES[name]
        total += -(-units.get(unit, 0) * price // per)
    return total
