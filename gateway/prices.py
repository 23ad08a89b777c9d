"""A model's prices as calls are charged by: whole numbers, made from its row once a snapshot."""

from collections.abc import Iterator
from datetime import UTC, datetime, time
from decimal import Decimal

from msgspec import structs

from analytics.costs import PICO, More, Prices
from analytics.media import PRICES as COUNTED
from providers import pricing
from providers.models import ProviderModel


def of(row: ProviderModel) -> Prices | None:
    """Null where it has none. Where nothing is written, nothing need be said of its price.

    Raises:
        ValueError: Its tiers or changes are none.
    """
    base = pricing.Prices(
        **{name: getattr(row, column) for name, column in pricing.COLUMNS.items()}
    )
    media = _media(row)
    if row.kind != "chat" and media:  # which may be all that there is to pay
        base = structs.replace(
            base, input=base.input or Decimal(0), output=base.output or Decimal(0)
        )
    if base.output is None and base.input is not None and row.kind not in ("chat", "speech"):
        base = structs.replace(base, output=Decimal(0))
    plain = _plain_prices(base, pricing.tiers(row.price_tiers))
    changes = []
    for change in reversed(pricing.changes(row.price_changes)):
        since = datetime.combine(change.since, time(), UTC).timestamp()
        if (new := _plain_prices(change, change.tiers)) is not None:
            changes.append((since, new))
    if plain is None or not (changes or media):
        return plain
    more = structs.replace(plain.more or More(), changes=tuple(changes), media=media)
    return structs.replace(plain, more=more)


def _plain_prices(told: pricing.Prices, tiers: list[pricing.Tier]) -> Prices | None:
    """What a provider does not price apart costs what input costs, and thoughts what output does."""
    if told.input is None or told.output is None:
        return None
    read = told.input if told.cache_read is None else told.cache_read
    write = told.input if told.cache_write is None else told.cache_write
    more = More(
        cache_write_1h=None if told.cache_write_1h is None else _picousd(told.cache_write_1h),
        reasoning=None if told.reasoning is None else _picousd(told.reasoning),
        tiers=tuple(_tiers(told, tiers)),
    )
    return Prices(
        input=_picousd(told.input),
        output=_picousd(told.output),
        cache_read=_picousd(read),
        cache_write=_picousd(write),
        more=None if more == More() else more,
    )


def _tiers(base: pricing.Prices, tiers: list[pricing.Tier]) -> Iterator[tuple[int, Prices]]:
    for tier in reversed(tiers):
        if (prices := _plain_prices(pricing.within(base, tier), [])) is not None:
            yield tier.over, prices


def _picousd(price_mtok: Decimal) -> int:
    return int(price_mtok * 1_000_000)


def _media(row: ProviderModel) -> dict[str, int]:
    """10⁻¹² USD for each of what is counted; of the rest nobody knows how much a call used."""
    told = pricing.media(row.media_prices)
    return {name: int(price * 10**PICO) for name, price in told.items() if name in COUNTED}
