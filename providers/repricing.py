"""A newer price list held against the catalogue's models: what would change, and changing it."""

import datetime
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal

from django.db import transaction
from msgspec import Struct, structs

from providers import pricing
from providers.catalogue import as_json
from providers.models import LoadedCatalogue, ProviderModel
from providers.price_lists import Priced

BATCH = 100  # models in one statement


class Change(Struct):
    """A model whose prices the list has otherwise. Of each price that changes, before and after."""

    row: ProviderModel
    prices: dict[str, tuple[Decimal | None, Decimal]]
    tiers: list[pricing.Tier] | None = None  # null: they stay

    def __str__(self) -> str:
        told = [f"{name} {_text(old)} → {_text(new)}" for name, (old, new) in self.prices.items()]
        return f"{self.row}: {', '.join([*told, *self._tiers_told()])}"

    def _tiers_told(self) -> Iterator[str]:
        if self.tiers is None:
            return
        old = {tier.over: tier for tier in pricing.tiers(self.row.price_tiers)}
        for tier in self.tiers:
            before = old.pop(tier.over, pricing.Tier(over=tier.over))
            told = [
                f"{name} {_text(getattr(before, name), 'not told')} → {_text(price)}"
                for name in pricing.COLUMNS
                if (price := getattr(tier, name)) != getattr(before, name)
            ]
            if told:
                yield f"above {tier.over:,} tokens {', '.join(told)}"
        yield from (f"above {over:,} tokens as below" for over in old)


def compare(listed: Iterable[Priced]) -> list[Change]:
    """Changes to models of built-in providers that no operator has changed.

    What a list does not say stays. A 0 for what has had a price is a gap in the list: nobody's
    model becomes free by it.
    """
    known = {(each.provider, each.model): each for each in listed}
    rows = ProviderModel.objects.filter(provider__builtin=True, customised=False)
    changes = (
        _change(row, found)
        for row in rows.select_related("provider")
        if (found := known.get((row.provider.slug, row.name))) is not None
    )
    return [change for change in changes if change.prices or change.tiers is not None]


def _change(row: ProviderModel, found: Priced) -> Change:
    old = pricing.tiers(row.price_tiers)
    tiers = [_tier(old, new) for new in sorted(found.tiers, key=lambda tier: tier.over)]
    differ = bool(tiers) and tiers != old
    return Change(row, dict(_differing(row, found)), tiers if differ else None)


def _tier(old: Iterable[pricing.Tier], new: pricing.Tier) -> pricing.Tier:
    """What the list does not say stays as it is above the same size."""
    said = {name: price for name in pricing.COLUMNS if (price := getattr(new, name)) is not None}
    same = next((tier for tier in old if tier.over == new.over), new)
    return structs.replace(same, **said)


def _differing(
    row: ProviderModel, found: Priced
) -> Iterator[tuple[str, tuple[Decimal | None, Decimal]]]:
    for name, column in pricing.COLUMNS.items():
        old, new = getattr(row, column), getattr(found.prices, name)
        if new is not None and new != old and (new or not old):
            yield name, (old, new)


@transaction.atomic
def apply(
    changes: Iterable[Change],
    day: datetime.date,
    tell: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Write them. From then on a file of the catalogue that is older leaves these prices alone.

    `tell` is called with how many are written, and of how many.
    """
    rows = []
    for change in changes:
        for name, (_, new) in change.prices.items():
            setattr(change.row, pricing.COLUMNS[name], new)
        if change.tiers is not None:
            change.row.price_tiers = [as_json(tier) for tier in change.tiers]
        change.row.price_changes = []  # they were of the old list
        change.row.priced_on = day
        rows.append(change.row)
    fields = [*pricing.COLUMNS.values(), "price_tiers", "price_changes", "priced_on"]
    for first in range(0, len(rows), BATCH):
        ProviderModel.objects.bulk_update(rows[first : first + BATCH], fields)
        tell(min(first + BATCH, len(rows)), len(rows))
    state, _ = LoadedCatalogue.objects.get_or_create(pk=1)
    state.save()  # says so to all


def _text(price: Decimal | None, unknown: str = "unpriced") -> str:
    return unknown if price is None else f"{price.normalize():f}"
