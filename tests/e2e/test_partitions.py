"""The log on PostgreSQL: a partition a day, rows where they belong, and whole days dropped."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from analytics import records
from tests.analytics.rows import record
from tests.e2e.gateway import Gateway

pytestmark = pytest.mark.long

TABLE = "analytics_requestrecord"
NOW = datetime.now(UTC)
DAY = timedelta(days=1)


def manage(gateway: Gateway, code: str) -> str:
    return gateway.manage("shell", "--verbosity", "0", "-c", code)


def insert(gateway: Gateway, *ages: timedelta) -> None:
    lines = [records.encode(record(NOW - age, cost_picousd=7)).decode() for age in ages]
    manage(
        gateway,
        "import json; from analytics import records;"
        f"records.insert([line.encode() for line in json.loads({json.dumps(lines)!r})])",
    )


def partitions(url: str) -> dict[str, int]:
    """How many rows each holds."""
    with psycopg.connect(url) as connection:
        names = connection.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass",
            [TABLE],
        ).fetchall()
        return {
            name.removeprefix(TABLE): connection.execute(f"SELECT count(*) FROM {name}").fetchone()[
                0
            ]  # type: ignore[index]
            for (name,) in names
        }


def day(offset: int) -> str:
    return f"_{NOW + offset * DAY:%Y%m%d}"


def sums(url: str) -> tuple[int, int]:
    """Requests and their cost, by the days' sums."""
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT sum(requests)::bigint, sum(cost_picousd)::bigint FROM analytics_dailyusage "
            "WHERE \"user\" = '' AND dimension = ''"
        ).fetchone()
    assert row is not None
    return row[0], row[1]


def test_queries_are_not_compiled_and_the_address_says_how_to_connect(
    tmp_path: Path, postgres_url: str
) -> None:
    gateway = Gateway(tmp_path, DATABASE_URL=f"{postgres_url}?application_name=mine&sslmode=prefer")
    told = manage(
        gateway,
        "from django.db import connection as c; c.ensure_connection(); cursor = c.cursor();"
        "print([cursor.execute(f'SHOW {name}').fetchone() for name in ('jit', 'application_name')],"
        " c.settings_dict['OPTIONS']['sslmode'])",
    )
    assert told.split() == ["[('off',),", "('mine',)]", "prefer"]


def test_days_are_made_ahead_and_dropped_whole(tmp_path: Path, postgres_url: str) -> None:
    gateway = Gateway(tmp_path, DATABASE_URL=postgres_url)
    gateway.manage("migrate", "--verbosity", "0")
    insert(gateway, 0 * DAY, 40 * DAY)
    assert partitions(postgres_url) == {"_default": 2}
    chores = "from omniroute.tasks import delete_expired; delete_expired()"
    manage(gateway, chores)
    ahead = {day(offset): 0 for offset in range(1, 4)}
    assert partitions(postgres_url) == {"_default": 0, day(0): 1} | ahead
    assert sums(postgres_url) == (2, 14)

    manage(gateway, _made(31))
    insert(gateway, 31 * DAY, 0 * DAY)
    assert partitions(postgres_url)[day(-31)] == 1
    manage(gateway, chores)
    assert partitions(postgres_url) == {"_default": 0, day(0): 2} | ahead
    assert sums(postgres_url) == (4, 28)


def _made(days_ago: int) -> str:
    at = (NOW - days_ago * DAY).date()
    return f"from datetime import date; from analytics.partitions import make; make(date({at.year}, {at.month}, {at.day}))"


def test_a_log_from_before_is_the_first_partition(tmp_path: Path, postgres_url: str) -> None:
    gateway = Gateway(tmp_path, DATABASE_URL=postgres_url)
    gateway.manage("migrate", "analytics", "0009", "--verbosity", "0")
    insert(gateway, 0 * DAY, 3 * DAY)
    gateway.manage("migrate", "--verbosity", "0")
    old = f"_until{day(1)}"
    assert partitions(postgres_url) == {"_default": 0, old: 2}
    insert(gateway, 0 * DAY)
    manage(gateway, "from omniroute.tasks import delete_expired; delete_expired()")
    assert partitions(postgres_url) == {"_default": 0, old: 3, day(1): 0, day(2): 0, day(3): 0}
    assert sums(postgres_url) == (3, 21)


def test_an_id_is_unique_in_the_whole_table(tmp_path: Path, postgres_url: str) -> None:
    gateway = Gateway(tmp_path, DATABASE_URL=postgres_url)
    gateway.manage("migrate", "--verbosity", "0")
    line = records.encode(record(NOW)).decode()
    twice = f"from analytics import records; records.insert([{line.encode()!r}] * 2)"
    manage(gateway, twice)
    manage(
        gateway,
        "from datetime import UTC, datetime; from analytics.partitions import prepare; prepare(datetime.now(UTC))",
    )
    manage(gateway, twice)
    assert partitions(postgres_url)[day(0)] == 1
    manage(gateway, "from omniroute.tasks import roll_up; roll_up()")
    assert sums(postgres_url)[0] == 1
