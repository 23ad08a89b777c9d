"""Models that a provider lists and nobody has entered, kept up by the clock.

Discovery touches its own rows alone: what the catalogue brought or an operator entered stays as it
is. What a list has no more is marked, and offered to nobody by itself; who asks for it by its name
still gets it. Each deed is safe to do twice, and at the same time.
"""

import logging
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from random import Random

from django.db import transaction
from django.utils import timezone
from msgspec import Struct

from providers import listing
from providers.credentials import CredentialUnreadable
from providers.models import ModelList, Provider, ProviderModel
from providers.offers import Offer

log = logging.getLogger(__name__)

EVERY = timedelta(hours=6)
AFTER_FAILURE = timedelta(hours=1)
SPREAD = 0.2  # of an interval: a hundred providers are not asked at once
ACCOUNTS = 3  # that are tried, one after another, until one is answered

_rng = Random()  # noqa: S311  # it spreads, and keeps no secret


class Difference(Struct, frozen=True):
    """Names that a list has and had not before, had and has not, and has again."""

    new: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    back: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.new or self.gone or self.back)


def claim_due(now: datetime) -> Iterator[int]:
    """The providers to be asked now, each for one caller only."""
    for provider in Provider.objects.filter(connections__active=True).distinct():
        if not provider.is_discovered:
            continue
        row, is_new = ModelList.objects.get_or_create(
            provider=provider, defaults={"due": now + EVERY * _rng.uniform(0, SPREAD)}
        )
        if is_new or row.due > now:
            continue
        later = now + EVERY * _rng.uniform(1 - SPREAD, 1 + SPREAD)
        if ModelList.objects.filter(pk=row.pk, due=row.due).update(due=later):
            yield provider.pk


def discover(provider: int) -> None:
    """Ask the first account that is answered, and take over what it says."""
    row = Provider.objects.filter(pk=provider).first()
    if row is None or not row.is_discovered:
        return
    now, problem = timezone.now(), ""
    state = ModelList.objects.filter(provider=row)
    for account in row.connections.filter(active=True).select_related("provider")[:ACCOUNTS]:
        try:
            offers = listing.offers(account)
        except (listing.ListFailed, CredentialUnreadable) as error:
            problem = f"{account.name}: {error}"[:300]
            continue
        found = take_over(row, offers, now)
        # Not by `save`, which says that the configuration has changed.
        state.update(asked=now, listed=len(offers), problem="")
        if found:
            log.info("%s: %d models are new, %d gone", row.slug, len(found.new), len(found.gone))
        return
    if problem:
        state.update(asked=now, problem=problem, due=now + AFTER_FAILURE)
        log.warning("models of %s are not listed: %s", row.slug, problem)


@transaction.atomic
def take_over(provider: Provider, offers: list[Offer], now: datetime) -> Difference:
    """Make the discovered rows of a provider what its list says. A list of nothing says nothing."""
    if not offers:
        return Difference()
    present = {row.name: row for row in provider.offered_models.all()}
    found = _compare(offers, present.values())
    kinds = listing.known_kinds(found.new)
    made = [listing.row_of(provider, offer, kinds) for offer in offers if offer.name in found.new]
    for row in made:
        row.discovered_on = now.date()
    ProviderModel.objects.bulk_create(made, ignore_conflicts=True)  # somebody else was first
    own = provider.offered_models.exclude(discovered_on=None)
    for names, day in ((found.gone, now.date()), (found.back, None)):
        for start in range(0, len(names), 900):  # SQLite takes so many at once
            own.filter(name__in=names[start : start + 900]).update(vanished_on=day)
    if found:  # rows in bulk send no word of it; this one does
        ModelList.objects.update_or_create(
            provider=provider,
            defaults={"changed": now},
            create_defaults={"changed": now, "due": now},
        )
    return found


def _compare(offers: list[Offer], present: Iterable[ProviderModel]) -> Difference:
    listed = {offer.name for offer in offers if len(offer.name) <= 200}
    rows = {row.name: row for row in present}
    own = [row for row in rows.values() if row.discovered_on is not None]
    return Difference(
        new=tuple(sorted(listed - rows.keys())),
        gone=tuple(r.name for r in own if r.name not in listed and r.vanished_on is None),
        back=tuple(r.name for r in own if r.name in listed and r.vanished_on is not None),
    )
