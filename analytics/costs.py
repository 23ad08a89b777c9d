"""Money: whole numbers of 10⁻¹² USD, so that a sum is exact.

A price is in 10⁻¹² USD a token, which is exactly 10⁻⁶ USD a million tokens, the finest step in
which prices are kept. Cost is then a product of integers, and nothing is ever rounded.
"""

from collections.abc import Mapping
from typing import Protocol

from analytics.media import media_picousd

PICO = 12


class Counts(Protocol):
    """Tokens, and `units` of what else is paid for. `input_tokens` includes what was read from and
    written to a cache."""

    @property
    def input_tokens(self) -> int: ...
    @property
    def output_tokens(self) -> int: ...
    @property
    def cache_read_tokens(self) -> int: ...
    @property
    def cache_write_tokens(self) -> int: ...
    @property
    def units(self) -> Mapping[str, int]: ...


class PriceList(Protocol):
    """In 10⁻¹² USD a token; `media` are those of units, by their names in `analytics.media`."""

    @property
    def input(self) -> int: ...
    @property
    def output(self) -> int: ...
    @property
    def cache_read(self) -> int: ...
    @property
    def cache_write(self) -> int: ...
    @property
    def media(self) -> Mapping[str, int]: ...


def cost_picousd(counts: Counts, prices: PriceList | None) -> int | None:
    """What a call costs, in 10⁻¹² USD; None where the model has no price, which is not free."""
    if prices is None:
        return None
    cached = counts.cache_read_tokens + counts.cache_write_tokens
    tokens = (
        max(counts.input_tokens - cached, 0) * prices.input
        + counts.cache_read_tokens * prices.cache_read
        + counts.cache_write_tokens * prices.cache_write
        + counts.output_tokens * prices.output
    )
    return tokens + media_picousd(counts.units, prices.media) if prices.media else tokens


def format_usd(picousd: int) -> str:
    """As a plain decimal number without needless zeros: `0.000138`, `0`, `12.5`."""
    whole, part = divmod(abs(picousd), 10**PICO)
    text = f"{whole}.{part:0{PICO}}".rstrip("0").rstrip(".")
    return f"-{text}" if picousd < 0 else text
