"""`python -m bench rows --count 1000000`: a request log to look at, in the database that the environment
names (`DATABASE_URL`, `DATA_DIR`), which must have been migrated. One that holds requests gets no more;
what waits to be rolled up is."""

import argparse
import csv
import io
import os
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice

from bench.log import DAY_S, Log, Row

BATCH = 20_000  # in one transaction
NOTED = 20  # by one note to be counted, as a drain of the journal leaves them


def insert(log: Log) -> None:
    """Put the rows in, with notes that they are to be counted."""
    from django.db import connection, transaction

    is_postgres = connection.vendor == "postgresql"
    if is_postgres:
        _make_partitions(log)
    put = _copy if is_postgres else _many
    for batch in _batches(log.arriving()):
        with transaction.atomic():
            put(batch)
            _note([row[0] for row in batch])


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    left = iter(rows)
    while batch := list(islice(left, BATCH)):
        yield batch


def _make_partitions(log: Log) -> None:
    """Of each day that the log has: what belongs to none would all be in the default one."""
    from analytics.partitions import make

    first, last = (
        datetime.fromtimestamp(at, UTC).date() for at in (log.until - log.days * DAY_S, log.until)
    )
    for day in range((last - first).days + 1):
        make(first + timedelta(days=day))


def _columns() -> tuple[str, ...]:
    from analytics.records import Record

    return tuple(f'"{name}"' for name in Record.__struct_fields__)


def _copy(rows: list[Row]) -> None:
    from django.db import connection

    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_NONNUMERIC).writerows(rows)
    statement = (
        f"COPY analytics_requestrecord ({', '.join(_columns())}) FROM STDIN "
        "(FORMAT csv, FORCE_NULL (cost_picousd, first_byte_ms))"
    )
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(text.getvalue())


def _many(rows: list[Row]) -> None:
    from django.db import connection

    columns = _columns()
    places = ", ".join(["%s"] * len(columns))
    with connection.cursor() as cursor:
        cursor.executemany(
            f"INSERT INTO analytics_requestrecord ({', '.join(columns)}) VALUES ({places})", rows
        )


def _note(ids: list[str]) -> None:
    from analytics.models import Uncounted

    parts = [ids[first : first + NOTED] for first in range(0, len(ids), NOTED)]
    Uncounted.objects.bulk_create(Uncounted(ids=part, requests=len(part)) for part in parts)


def _settle() -> None:
    """As PostgreSQL does for itself in time, so that it is not measured while it does."""
    from django.db import connection

    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench rows", description=__doc__)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--days", type=float, default=90)
    parser.add_argument("--seed", type=int, default=1)
    told = parser.parse_args(arguments)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "omniroute.settings")
    import django

    django.setup()
    from django.utils import timezone

    from analytics import rollups
    from analytics.models import RequestRecord

    if not RequestRecord.objects.exists():
        began = time.monotonic()
        insert(Log(told.count, told.days, time.time(), told.seed))
        print(f"{told.count:,} requests inserted in {time.monotonic() - began:.0f} s")
    began = time.monotonic()
    if counted := rollups.roll_up(timezone.now()):
        print(f"{counted:,} rolled up in {time.monotonic() - began:.1f} s")
        _settle()
