"""The log's partitions on PostgreSQL: one a day, made ahead and dropped whole when it is old.

Ids sort by time, so a day is a range of ids, and they stay unique in the whole table. A row of a
day that has no partition goes to the default one: what comes very late, and everything while no
worker runs. On SQLite there is nothing to do here.
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from django.db import connection, transaction

from analytics.ids import first_id
from analytics.models import RequestRecord

AHEAD = 3  # days
TABLE = RequestRecord._meta.db_table
DEFAULT = f"{TABLE}_default"
# What was there before there were partitions is one, up to the day that its name ends with.
LEGACY = f"{TABLE}_until_"
LOCK_TIMEOUT = "5s"  # what waits for a lock holds up whoever comes after it


class Partition(NamedTuple):
    name: str
    first: str | None  # id; null: from the very first
    until: date

    @property
    def ids(self) -> dict[str, str]:
        """As a filter of rows."""
        bounds = {"id__lt": _first_id(self.until)}
        return bounds if self.first is None else bounds | {"id__gte": self.first}


def is_partitioned() -> bool:
    return connection.vendor == "postgresql"


def boundary(moment: datetime) -> datetime:
    """What is older than this may go, where all that is older than `moment` is to go."""
    return datetime.combine(moment.date(), time(), UTC) if is_partitioned() else moment


def before(cutoff: datetime) -> list[Partition]:
    """The partitions that end by then, the oldest first."""
    return [found for found in _partitions() if found.until <= cutoff.date()]


def prepare(now: datetime) -> None:
    """Make those of today and the next days."""
    if not is_partitioned():
        return
    ends = [now.date(), *(partition.until for partition in _partitions())]
    for days in range((now.date() + timedelta(days=AHEAD) - max(ends)).days + 1):
        make(max(ends) + timedelta(days=days))


def lock() -> None:
    """Keep everybody off the table until the transaction ends, or fail where that takes long."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
        cursor.execute(f'LOCK TABLE "{TABLE}" IN ACCESS EXCLUSIVE MODE')


def drop(partition: Partition) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f'DROP TABLE "{partition.name}"')


def make(day: date) -> None:
    """With what the default partition holds of that day."""
    name, first, until = f"{TABLE}_{day:%Y%m%d}", _first_id(day), _first_id(day + timedelta(days=1))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
        cursor.execute(f'LOCK TABLE "{DEFAULT}" IN ACCESS EXCLUSIVE MODE')
        cursor.execute(f'CREATE TABLE "{name}" (LIKE "{TABLE}" INCLUDING ALL)')
        cursor.execute(
            f'WITH moved AS (DELETE FROM "{DEFAULT}" WHERE id >= %s AND id < %s RETURNING *) '  # noqa: S608  # names of ours
            f'INSERT INTO "{name}" SELECT * FROM moved',
            [first, until],
        )
        cursor.execute(
            f'ALTER TABLE "{TABLE}" ATTACH PARTITION "{name}" FOR VALUES FROM (%s) TO (%s)',
            [first, until],
        )


def _partitions() -> list[Partition]:
    """All but the default one, the oldest first."""
    if not is_partitioned():
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass",
            [TABLE],
        )
        names = [name for (name,) in cursor.fetchall() if name != DEFAULT]
    return sorted(map(_partition, names), key=lambda found: found.until)


def _partition(name: str) -> Partition:
    day = datetime.strptime(name[-8:], "%Y%m%d").replace(tzinfo=UTC).date()
    if name.startswith(LEGACY):
        return Partition(name, None, day)
    return Partition(name, _first_id(day), day + timedelta(days=1))


def _first_id(day: date) -> str:
    return first_id(datetime.combine(day, time(), UTC).timestamp())
