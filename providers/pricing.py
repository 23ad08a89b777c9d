"""A model's prices: columns for those that most have, and JSON for tiers, dates and media."""

import datetime
from decimal import Decimal
from typing import Any

from msgspec import Struct, ValidationError, convert, field

# The names of prices in the catalogue, in USD per million tokens, and the columns that hold them.
COLUMNS = {
    "input": "input_price",
    "output": "output_price",
    "cache_read": "cache_read_price",
    "cache_write": "cache_write_price",
    "cache_write_1h": "cache_write_1h_price",
    "reasoning": "reasoning_price",
}
STEP = Decimal("0.000001")  # of a price
# USD for one of each; `per_1k` and `per_million` say of how many.
MEDIA = (
    "per_image",
    "per_megapixel",
    "per_minute",
    "per_million_chars",
    "per_1k_queries",
    "per_1k_requests",
    "per_request",
    "audio_input_per_mtok",
    "audio_output_per_mtok",
    "image_input_per_mtok",
    "image_output_per_mtok",
)


class Prices(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """USD per million tokens; null is unknown. Finer than 10⁻⁶ is no price."""

    input: Decimal | None = None
    output: Decimal | None = None
    cache_read: Decimal | None = None
    cache_write: Decimal | None = None
    cache_write_1h: Decimal | None = None
    reasoning: Decimal | None = None

    def __post_init__(self) -> None:
        for name in COLUMNS:
            check_price(name, getattr(self, name))


class Tier(Prices, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """Prices of a request with more than `over` input tokens; `within` says what null means."""

    over: int


class Change(Prices, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """All the prices from the beginning of a day on, in UTC."""

    since: datetime.date = field(name="from")
    tiers: list[Tier] = []


# What these cost is a share of what the other costs: what a cache reads and writes, of fresh input.
_SHARES = {
    "cache_read": "input",
    "cache_write": "input",
    "cache_write_1h": "input",
    "reasoning": "output",
}


def within(base: Prices, tier: Tier) -> Prices:
    """All prices of a tier. What it does not say is as below it, and a share stays the same share:
    lists that tell a dearer input seldom tell what a cache costs there."""
    told: dict[str, Decimal | None] = {}
    for name in COLUMNS:
        price, whole = getattr(tier, name), _SHARES.get(name, "")
        if price is None and (price := getattr(base, name)) is not None and whole:
            below, dear = getattr(base, whole), getattr(tier, whole)
            price = price * dear / below if below and dear is not None else price
        told[name] = price
    return Prices(**{name: _exact(price) for name, price in told.items()})


def _exact(price: Decimal | None) -> Decimal | None:
    return None if price is None else price.quantize(STEP).normalize()


def check_price(name: str, price: Decimal | None) -> None:
    if price is None:
        return
    if not price >= 0:
        raise ValueError(f"{name}: a price is 0 or more")
    if not price.is_finite() or price >= 10**8:
        raise ValueError(f"{name}: a price is less than 100,000,000")
    if price * 1_000_000 % 1:
        raise ValueError(f"{name}: a price has at most six decimals")


def tiers(told: Any) -> list[Tier]:
    """From JSON, the lowest first. Raises `ValueError`, which names the place."""
    return sorted(_read(told, list[Tier]), key=lambda tier: tier.over)


def changes(told: Any) -> list[Change]:
    """From JSON, the earliest first. Raises `ValueError`, which names the place."""
    return sorted(_read(told, list[Change]), key=lambda change: change.since)


def media(told: Any) -> dict[str, Decimal]:
    """From JSON. Raises `ValueError`, which names the place."""
    found: dict[str, Decimal] = _read(told, dict[str, Decimal])
    for name, price in found.items():
        if name not in MEDIA:
            raise ValueError(f"{name}: unknown; known are {', '.join(MEDIA)}")
        check_price(name, price)
    return found


def _read(told: Any, type: Any) -> Any:
    try:
        return convert(told, type, strict=False)
    except ValidationError as error:
        raise ValueError(str(error)) from None


_READERS = {"price_tiers": tiers, "price_changes": changes, "media_prices": media}


def check(column: str, told: Any) -> None:
    """Raises `ValueError` where a JSON column holds no prices."""
    _READERS[column](told)
