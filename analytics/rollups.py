"""Rollups: what the log adds up to, kept by five minutes, hours and days, so that no page has to
read the log for it.

Each row of the log is counted once, whenever it comes: the transaction that inserts it notes its
id (`Uncounted`), and the one that adds it to the sums deletes that note. So it does not matter how
late a row is, how often this runs, or whether it is killed; and what no rollup holds yet is known
exactly, so that a page can add it (`tail`).
"""

import json
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import connection, transaction
from django.db.models import Sum

from analytics import spread, tally
from analytics.ids import first_id
from analytics.models import (
    DailyUsage,
    FiveMinuteUsage,
    HourlyUsage,
    Uncounted,
    Usage,
)
from analytics.spread import Spread
from analytics.tally import MEASURES, SPREADS, Place, Sums, Tally

Table = type[Usage]

FIVE_MINUTES, HOUR, DAY = timedelta(minutes=5), timedelta(hours=1), timedelta(days=1)
# From the finest on.
SPANS: dict[Table, timedelta] = {FiveMinuteUsage: FIVE_MINUTES, HourlyUsage: HOUR, DailyUsage: DAY}
KEPT: dict[Table, timedelta] = {
    FiveMinuteUsage: timedelta(days=2),
    HourlyUsage: timedelta(days=400),
}

# Requests that are counted in one transaction: on SQLite nobody else can write meanwhile.
BATCH = 20_000
# What a page counts itself of what waits; more waits only where no worker runs, or far too few.
TAIL = 10_000


def roll_up(now: datetime) -> int:
    """Count whatever waits. Returns how many requests that were."""
    counted = 0
    while (more := _roll_up_batch(now)) > 0:
        counted += more
    return counted


def _roll_up_batch(now: datetime) -> int:
    notes: list[Uncounted] = []
    ids: list[str] = []
    for note in Uncounted.objects.order_by("id")[:BATCH].iterator(100):
        notes.append(note)
        ids += note.ids
        if len(ids) >= BATCH:
            break
    if not notes:
        return 0
    tables = _tables(max(ids), now)
    found = tally.of(ids, SPANS[tables[0]])
    with transaction.atomic():
        _wait_for_others()
        gone, _ = Uncounted.objects.filter(pk__in=[note.pk for note in notes]).delete()
        if gone != len(notes):  # somebody else has counted them meanwhile, and goes on
            transaction.set_rollback(True)
            return 0
        for table in tables:
            found = found.by(SPANS[table])
            age = KEPT.get(table)
            _add(table, found if age is None else found.since(now - age))
    return len(ids)


def _tables(newest: str, now: datetime) -> list[Table]:
    """Those that keep anything of requests up to that id, from the finest on: what was logged
    long ago is not told apart by five minutes first."""
    oldest = {table: first_id((now - age).timestamp()) for table, age in KEPT.items()}
    return [table for table in SPANS if newest >= oldest.get(table, "")]


def _wait_for_others() -> None:
    """Sums are read and written again, so one at a time; SQLite lets no two write anyway."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f'LOCK TABLE "{DailyUsage._meta.db_table}" IN SHARE ROW EXCLUSIVE MODE')


def _add(table: Table, found: Tally) -> None:
    _add_sums(table, found)
    _add_spreads(table, found)


def _add_sums(table: Table, found: Tally) -> None:
    rows = [
        (connection.ops.adapt_datetimefield_value(place.start), *place[1:], *sums)
        for place, sums in found.sums.items()
    ]
    name, measures = table._meta.db_table, ", ".join(MEASURES)
    adding = ", ".join(f"{measure} = {name}.{measure} + excluded.{measure}" for measure in MEASURES)
    columns = f'start, "user", dimension, name, {measures}, {", ".join(SPREADS)}'
    conflict = f'ON CONFLICT ("user", dimension, start, name) DO UPDATE SET {adding}'
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":  # one statement for all, as in `analytics.records`
            types = ("timestamptz", "text", "text", "text", *["bigint"] * len(MEASURES))
            values = ", ".join(f"(line->>{at})::{type}" for at, type in enumerate(types))
            cursor.execute(
                f"INSERT INTO {name} ({columns}) SELECT {values}, '{{}}', '{{}}', '{{}}' "  # noqa: S608
                f"FROM jsonb_array_elements(%s::jsonb) AS line {conflict}",
                [json.dumps(rows, default=str)],
            )
        else:
            values = ", ".join(["%s"] * (len(Place._fields) + len(MEASURES)))
            cursor.executemany(
                f"INSERT INTO {name} ({columns}) VALUES ({values}, '{{}}', '{{}}', '{{}}') "  # noqa: S608
                f"{conflict}",
                rows,
            )


def _add_spreads(table: Table, found: Tally) -> None:
    starts = {start for start, _ in found.spreads}
    users = {user for _, user in found.spreads}
    rows = table.objects.filter(start__in=starts, user__in=users, dimension="")
    totals = [
        [*(json.dumps(spread.sum_of(*pair)) for pair in zip(there, more, strict=True)), pk]
        for pk, start, user, *there in rows.values_list("pk", "start", "user", *SPREADS)
        if (more := found.spreads.get((start, user)))
    ]
    names = ", ".join(f"{name} = %s" for name in SPREADS)
    with connection.cursor() as cursor:
        cursor.executemany(f"UPDATE {table._meta.db_table} SET {names} WHERE id = %s", totals)  # noqa: S608


class Tail(NamedTuple):
    """What is counted in no rollup yet. `missing`: requests beyond those that a page counts."""

    sums: dict[Place, Sums]
    spreads: dict[tuple[datetime, str], tuple[Spread, ...]]
    missing: int


def tail() -> Tail:
    ids: list[str] = []
    for note in Uncounted.objects.order_by("-id").iterator(100):
        if len(ids) + note.requests > TAIL:
            break
        ids += note.ids
    waiting = Uncounted.objects.aggregate(requests=Sum("requests"))["requests"] or 0
    found = tally.of(ids, FIVE_MINUTES)
    return Tail(found.sums, found.spreads, max(waiting - len(ids), 0))


def prune(now: datetime) -> None:
    for table, age in KEPT.items():
        table.objects.filter(start__lt=now - age).delete()
