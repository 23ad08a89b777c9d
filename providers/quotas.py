"""Quotas as they are observed, and their way into the table and out again."""

from collections import Counter
from collections.abc import Collection
from datetime import UTC, datetime, timedelta

from django.db import transaction
from msgspec import Struct

from providers.models import Connection, Quota

# What nobody has spoken of for so long is not known any more: its owner uses the account too. The
# state of a window holds until it is reset all the same: what is used of it stays used.
STALE_S = 3600.0
FORGOTTEN = timedelta(days=7)
# A client may name any model, and some have long names.
MAX_NAME = 300
# Of an account; a provider may name any limit.
MAX_ROWS = 2000


class Known(Struct, frozen=True):
    """A quota as it was observed. Times in Unix seconds.

    Args:
        model: `alias/model`; empty: the whole account's.
        limit, remaining: In `unit`s; null: not told.
        resets_at: When it is whole again; null: not told, or never, as credit.
        window_s: How long one of its windows is; null: not known.
    """

    name: str
    observed: float
    model: str = ""
    unit: str = ""
    limit: float | None = None
    remaining: float | None = None
    resets_at: float | None = None
    window_s: float | None = None

    def holds_until(self) -> float:
        """Until then what it says can be gone by."""
        if self.resets_at is not None:
            return self.resets_at
        return self.observed + (STALE_S if self.window_s is None else min(self.window_s, STALE_S))

    def is_reset(self, now: float) -> bool:
        """Has a new window begun since?"""
        return self.resets_at is not None and self.resets_at <= now

    def is_stale(self, now: float) -> bool:
        return now - self.observed > STALE_S


def store(observed: dict[str, list[Known]]) -> None:
    """Keep what was observed, by the names of connections; older news than what is there is none.

    Raises `DatabaseError`.
    """
    pks = dict(Connection.objects.filter(name__in=observed).values_list("name", "pk"))
    with transaction.atomic():
        present = {
            (connection, model, name): seen
            for connection, model, name, seen in Quota.objects.filter(
                connection__in=pks.values()
            ).values_list("connection_id", "model", "name", "observed")
        }
        rows = {
            (pk, known.model, known.name): _row(pk, known)
            for name, pk in pks.items()
            for known in observed[name]
            if len(known.model) <= MAX_NAME
        }
        held = Counter(pk for pk, _, _ in present)
        full = {pk for pk in pks.values() if held[pk] >= MAX_ROWS}
        Quota.objects.bulk_create(
            [
                row
                for key, row in rows.items()
                if (key[0] not in full if key not in present else row.observed > present[key])
            ],
            update_conflicts=True,
            unique_fields=["connection", "model", "name"],
            update_fields=["unit", "limit", "remaining", "resets_at", "window_s", "observed"],
        )


def _row(pk: int, known: Known) -> Quota:
    return Quota(
        connection_id=pk,
        model=known.model,
        name=known.name,
        unit=known.unit,
        limit=known.limit,
        remaining=known.remaining,
        resets_at=None if known.resets_at is None else _at(known.resets_at),
        window_s=None if known.window_s is None else round(known.window_s),
        observed=_at(known.observed),
    )


def read(connections: Collection[str]) -> dict[str, list[Known]]:
    """What is known of these, by their names."""
    found: dict[str, list[Known]] = {}
    if connections:
        rows = Quota.objects.filter(connection__name__in=connections).select_related("connection")
        for row in rows:
            found.setdefault(row.connection.name, []).append(known(row))
    return found


def known(row: Quota) -> Known:
    return Known(
        name=row.name,
        observed=row.observed.timestamp(),
        model=row.model,
        unit=row.unit,
        limit=row.limit,
        remaining=row.remaining,
        resets_at=row.resets_at.timestamp() if row.resets_at else None,
        window_s=row.window_s,
    )


def forget(now: datetime) -> None:
    """Delete what nobody has spoken of for long: models that are not asked for any more."""
    Quota.objects.filter(observed__lt=now - FORGOTTEN).delete()


def _at(unix: float) -> datetime:
    return datetime.fromtimestamp(unix, UTC)
