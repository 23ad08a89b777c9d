"""Rollups: what the log adds up to, kept by five minutes, hours and days, so that no page has to
read the log for it.

Each row of the log is counted once, whenever it comes: the transaction that inserts it notes its
id (`Uncounted`), and the one that adds it to the sums deletes that note. So it does not matter how
late a row is, how often this runs, or whether it is killed; and what no rollup holds yet is known
exactly, so that a page can add it (`tail`).
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import connection, transaction
from django.db.models import Sum

from analytics import spread, tally
from analytics.models import (
    DailyUsage,
    FiveMinuteUsage,
    HourlyUsage,
    Uncounted,
    Usage,
)
from analytics.tally import MEASURES, NOTHING, SPREADS, Place, Tally

Table = type[Usage]

FIVE_MINUTES, HOUR, DAY = tally.SPAN, timedelta(hours=1), timedelta(days=1)
SPANS: dict[Table, timedelta] = {FiveMinuteUsage: FIVE_MINUTES, HourlyUsage: HOUR, DailyUsage: DAY}
KEPT: dict[Table, timedelta] = {
    FiveMinuteUsage: timedelta(days=2),
    HourlyUsage: timedelta(days=400),
}

# Requests that are counted in one transaction: on SQLite nobody else can write meanwhile.
BATCH = 5_000
# What a page counts itself of what waits; more waits only where no worker runs, or far too few.
TAIL = 10_000


def roll_up() -> int:
    """Count whatever waits. Returns how many requests that were."""
    counted = 0
    while (more := _roll_up_batch()) > 0:
        counted += more
    return counted


def _roll_up_batch() -> int:
    notes: list[Uncounted] = []
    for note in Uncounted.objects.order_by("id")[:BATCH].iterator(100):
        notes.append(note)
        if sum(note.requests for note in notes) >= BATCH:
            break
    found = tally.of([id for note in notes for id in note.ids])
    with transaction.atomic():
        _wait_for_others()
        gone, _ = Uncounted.objects.filter(pk__in=[note.pk for note in notes]).delete()
        if gone != len(notes):  # somebody else has counted them meanwhile, and goes on
            transaction.set_rollback(True)
            return 0
        for table, span in SPANS.items():
            _add(table, tally.coarser(found, span))
    return sum(note.requests for note in notes)


def _wait_for_others() -> None:
    """Sums are read and written again, so one at a time; SQLite lets no two write anyway."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f'LOCK TABLE "{DailyUsage._meta.db_table}" IN SHARE ROW EXCLUSIVE MODE')


def _add(table: Table, found: Tally) -> None:
    starts = {place.start for place in found.sums}
    users = {place.user for place in found.sums}
    there = {
        Place(*row[:4]): row[4:]
        for row in table.objects.filter(start__in=starts, user__in=users).values_list(
            *Place._fields, *MEASURES, *SPREADS
        )
    }
    rows = []
    for place, sums in found.sums.items():
        *before, one, two, three = there.get(place, (*NOTHING, {}, {}, {}))
        spreads = (one, two, three)
        for total, more in zip(spreads, found.spreads.get(place, ()), strict=False):
            spread.add(total, more)
        values = zip(MEASURES + SPREADS, (*sums.plus(before), *spreads), strict=True)
        rows.append(table(**place._asdict(), **dict(values)))
    table.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=list(Place._fields),
        update_fields=[*MEASURES, *SPREADS],
    )


class Tail(NamedTuple):
    """What is counted in no rollup yet. `missing`: requests beyond those that a page counts."""

    tally: Tally
    missing: int


def tail() -> Tail:
    ids: list[str] = []
    for note in Uncounted.objects.order_by("-id").iterator(100):
        if len(ids) + note.requests > TAIL:
            break
        ids += note.ids
    waiting = Uncounted.objects.aggregate(requests=Sum("requests"))["requests"] or 0
    return Tail(tally.of(ids), max(waiting - len(ids), 0))


def prune(now: datetime) -> None:
    for table, age in KEPT.items():
        table.objects.filter(start__lt=now - age).delete()
