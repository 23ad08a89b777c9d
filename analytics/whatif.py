"""What the same tokens would have cost at another model's prices."""

from collections.abc import Mapping
from datetime import UTC, date, datetime

from msgspec import Struct, structs

from analytics.costs import Prices, cost_picousd, in_force
from analytics.tally import NOTHING, Sums


class _Tokens(Struct, frozen=True):
    """Of sums nobody knows how long caches were kept, nor what was no token."""

    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    reasoning_tokens: int
    cache_write_1h_tokens: int = 0
    units: Mapping[str, int] = {}


class Compared(Struct, frozen=True):
    """One model's tokens at other prices, in 10⁻¹² USD.

    `least` and `most` differ where the other price depends on a request's size, which sums do not
    tell: all requests at the cheapest of its prices, and all at the dearest.
    """

    name: str
    sums: Sums
    least: int
    most: int

    @property
    def was(self) -> int:
        """At its own prices, flat rates and answers from the cache included: those have tokens."""
        return self.sums.cost_picousd + self.sums.saved_picousd

    @property
    def least_difference(self) -> int:
        return self.least - self.was

    @property
    def most_difference(self) -> int:
        return self.most - self.was


def compared(days: Mapping[tuple[date, str], Sums], prices: Prices) -> list[Compared]:
    """By model, the dearest first; each day at the prices that were in force on it."""
    found: dict[str, Compared] = {}
    for (day, name), sums in days.items():
        if not name:
            continue
        at = datetime.combine(day, datetime.min.time(), UTC).timestamp()
        least, most = _range(sums, prices, at)
        had = found.get(name, Compared(name, NOTHING, 0, 0))
        found[name] = Compared(name, had.sums.plus(sums), had.least + least, had.most + most)
    return sorted(found.values(), key=lambda each: (-each.was, each.name))


def total(rows: list[Compared]) -> Compared:
    whole = Compared("", NOTHING, 0, 0)
    for row in rows:
        whole = Compared(
            "", whole.sums.plus(row.sums), whole.least + row.least, whole.most + row.most
        )
    return whole


def _range(sums: Sums, prices: Prices, at: float) -> tuple[int, int]:
    tokens = _Tokens(
        sums.input_tokens,
        sums.output_tokens,
        sums.cache_read_tokens,
        sums.cache_write_tokens,
        sums.reasoning_tokens,
    )
    told = in_force(prices, 0, at)
    tiers = [dear for _, dear in told.more.tiers] if told.more else []
    costs = [cost_picousd(tokens, _alone(each), at) or 0 for each in (told, *tiers)]
    return min(costs), max(costs)


def _alone(prices: Prices) -> Prices:
    """Without what another size or day would cost."""
    if prices.more is None:
        return prices
    return structs.replace(
        prices, more=structs.replace(prices.more, tiers=(), changes=(), media={})
    )
