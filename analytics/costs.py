"""Money: whole numbers of 10⁻¹² USD, so that a sum is exact.

A price is in 10⁻¹² USD a token, which is exactly 10⁻⁶ USD a million tokens, the finest step in
which prices are kept. Cost is then a product of integers, and nothing is ever rounded.
"""

import time
from collections.abc import Mapping
from typing import Protocol

from msgspec import Struct, field

from analytics.media import apart, media_picousd

PICO = 12

# Of one call, 10,000 USD: nobody believes more. So the sum of a long log stays a number of 64 bits,
# whatever a provider says that it has counted.
MOST_PICOUSD = 10**16


class Counts(Protocol):
    """Tokens, and `units` of what else is paid for. `input_tokens` includes what was read from and
    written to a cache, and `output_tokens` what was spent on reasoning."""

    @property
    def input_tokens(self) -> int: ...
    @property
    def output_tokens(self) -> int: ...
    @property
    def cache_read_tokens(self) -> int: ...
    @property
    def cache_write_tokens(self) -> int: ...
    @property
    def cache_write_1h_tokens(self) -> int: ...  # of those written
    @property
    def reasoning_tokens(self) -> int: ...
    @property
    def units(self) -> Mapping[str, int]: ...


class Prices(Struct, frozen=True, gc=False):
    """In 10⁻¹² USD a token. Most models have no more than these four."""

    input: int
    output: int
    cache_read: int
    cache_write: int
    more: "More | None" = None


class More(Struct, frozen=True, gc=False):
    """What makes a price depend on more than the four counts.

    `tiers` are (over, prices), the highest first: all of a request with more than `over` input
    tokens has those prices. `changes` are (Unix seconds, prices), the latest first: from then on
    those are the prices. None of the prices in there has changes of its own. `media` are for one of
    what is no token, by the names of `analytics.media`, whatever the size and the day.
    """

    cache_write_1h: int | None = None
    reasoning: int | None = None
    tiers: tuple[tuple[int, Prices], ...] = ()
    changes: tuple[tuple[float, Prices], ...] = ()
    media: dict[str, int] = field(default_factory=dict)


def cost_picousd(counts: Counts, prices: Prices | None, at: float | None = None) -> int | None:
    """What a call costs, in 10⁻¹² USD; None where the model has no price, which is not free.

    `at`: when it was made, in Unix seconds; left out, it is now.
    """
    if prices is None:
        return None
    if prices.more is not None:
        media, told = prices.more.media, in_force(prices, counts.input_tokens, at)
        if not (media and counts.units):
            return _cost(counts, told)
        return _cost(counts, told, *apart(counts.units, media)) + media_picousd(counts.units, media)
    cached = counts.cache_read_tokens + counts.cache_write_tokens
    return (
        max(counts.input_tokens - cached, 0) * prices.input
        + counts.cache_read_tokens * prices.cache_read
        + counts.cache_write_tokens * prices.cache_write
        + counts.output_tokens * prices.output
    )


def in_force(prices: Prices, input_tokens: int, at: float | None = None) -> Prices:
    """The prices of a request of that size, at that time."""
    if prices.more is not None and prices.more.changes:
        now = time.time() if at is None else at
        prices = next((new for since, new in prices.more.changes if now >= since), prices)
    if prices.more is not None:
        prices = next((dear for over, dear in prices.more.tiers if input_tokens > over), prices)
    return prices


def _cost(counts: Counts, prices: Prices, apart_in: int = 0, apart_out: int = 0) -> int:
    """Of all tokens but those that are priced apart."""
    cached = counts.cache_read_tokens + counts.cache_write_tokens
    cost = (
        max(counts.input_tokens - cached - apart_in, 0) * prices.input
        + counts.cache_read_tokens * prices.cache_read
        + counts.cache_write_tokens * prices.cache_write
        + max(counts.output_tokens - apart_out, 0) * prices.output
    )
    more = prices.more
    if more is not None and more.cache_write_1h is not None:
        kept = min(counts.cache_write_1h_tokens, counts.cache_write_tokens)
        cost += kept * (more.cache_write_1h - prices.cache_write)
    if more is not None and more.reasoning is not None:
        thought = min(counts.reasoning_tokens, counts.output_tokens)
        cost += thought * (more.reasoning - prices.output)
    return cost


def format_usd(picousd: int) -> str:
    """As a plain decimal number without needless zeros: `0.000138`, `0`, `12.5`."""
    whole, part = divmod(abs(picousd), 10**PICO)
    text = f"{whole}.{part:0{PICO}}".rstrip("0").rstrip(".")
    return f"-{text}" if picousd < 0 else text
