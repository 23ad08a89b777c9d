"""`python -m bench sums`: do the rollups hold what the log does?

Asks the log of the database that the environment names in SQL of its own, by each name and by the
hour. Fails where a sum is another one, by as little as 10⁻¹² USD, or a percentile off by 5%.
"""

import os
import sys
from collections.abc import Iterator

LOG = "analytics_requestrecord"
TABLES = ("analytics_hourlyusage", "analytics_dailyusage")
FINEST = "analytics_fiveminuteusage"  # of the last two days
ANSWERS = "outcome = 'ok' AND provider <> '' AND cache NOT IN ('hit', 'again')"
PERCENTS, OFF = (50, 95, 99), 0.05

MEASURES = {
    "requests": "count(*)",
    "errors": "count(CASE outcome WHEN 'error' THEN 1 END)",
    "truncated": "count(CASE outcome WHEN 'truncated' THEN 1 END)",
    "aborted": "count(CASE outcome WHEN 'aborted' THEN 1 END)",
    "interrupted": "count(CASE outcome WHEN 'interrupted' THEN 1 END)",
    "cached": "count(CASE cache WHEN 'hit' THEN 1 END)",
    "unpriced": "count(*) - count(cost_picousd)",
    "input_tokens": "sum(input_tokens)",
    "output_tokens": "sum(output_tokens)",
    "cache_read_tokens": "sum(cache_read_tokens)",
    "cache_write_tokens": "sum(cache_write_tokens)",
    "reasoning_tokens": "sum(reasoning_tokens)",
    "cost_picousd": "sum(coalesce(cost_picousd, 0))",
    "flat_picousd": "sum(CASE tier WHEN 'subscription' THEN coalesce(cost_picousd, 0) ELSE 0 END)",
    "saved_picousd": "sum(saved_picousd)",
}
LOGGED = ", ".join(MEASURES.values())
ROLLED_UP = ", ".join(f"sum({name})" for name in MEASURES)

Sums = dict[tuple[str, str], tuple[int, ...]]  # by user, with everyone's under an empty name


def differences() -> Iterator[str]:
    for dimension in ("", "provider", "model", "key", "combo", "tag", "tier", "user"):
        log = _by_name(dimension)
        for table in TABLES:
            where = f"WHERE dimension = '{dimension}'"
            kept = _asked(f'SELECT "user", name, {ROLLED_UP} FROM {table} {where} GROUP BY 1, 2')
            yield from _compared(f"{table}, {dimension or 'total'}", kept, log)
    log = _by_hour(LOG, "time", LOGGED, "1 = 1")
    yield from _compared(f"{TABLES[0]}, hours", _hours(TABLES[0]), log)
    log = _by_hour(LOG, "time", LOGGED, f"time >= (SELECT min(start) FROM {FINEST})")
    yield from _compared(f"{FINEST}, hours", _hours(FINEST), log)
    yield from _percentiles()


def _by_name(dimension: str) -> Sums:
    """What the log adds up to: of everyone and of each user, by each name of that dimension."""
    rows, name = LOG, f'"{dimension}"' if dimension else "''"
    if dimension == "tag":
        rows, name = f"{LOG}, {_each_tag()}", "tag.value"
    found = Sums()
    for (user, named), sums in _asked(
        f'SELECT "user", {name}, {LOGGED} FROM {rows} GROUP BY 1, 2'
    ).items():
        for whose in {"", user} if dimension != "user" else {""}:
            kept = found.get((whose, named), (0,) * len(MEASURES))
            found[whose, named] = tuple(map(sum, zip(kept, sums, strict=True)))
    return found


def _hours(table: str) -> Sums:
    return _by_hour(table, "start", ROLLED_UP, "\"user\" = '' AND dimension = ''")


def _by_hour(table: str, column: str, measures: str, where: str) -> Sums:
    hour = f"strftime('%Y-%m-%d %H', {column})"
    if _is_postgres():
        hour = f"to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24')"
    return _asked(f"SELECT '', {hour}, {measures} FROM {table} WHERE {where} GROUP BY 2")


def _percentiles() -> Iterator[str]:
    from analytics import spread
    from analytics.models import DailyUsage

    total: spread.Spread = {}
    for counts in DailyUsage.objects.filter(user="", dimension="").values_list("duration_ms"):
        spread.add(total, *counts)
    for percent in PERCENTS:
        before = -(-sum(total.values()) * percent // 100) - 1
        (((_, _), (exact,)),) = _asked(
            f"SELECT '', '', duration_ms FROM {LOG} WHERE {ANSWERS} "
            f"ORDER BY duration_ms LIMIT 1 OFFSET {before}"
        ).items()
        told = spread.percentile(total, percent)
        if told is None or abs(told - exact) > exact * OFF:
            yield f"{percent}% of answers take up to {exact} ms, and not {told}"


def _compared(where: str, kept: Sums, log: Sums) -> Iterator[str]:
    for place in sorted(kept.keys() | log.keys()):
        if (told := kept.get(place)) != (logged := log.get(place)):
            yield f"{where} {place}: {told}, and in the log {logged}"


def _asked(query: str) -> Sums:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(query)
        return {(user, name): tuple(map(int, sums)) for user, name, *sums in cursor.fetchall()}


def _each_tag() -> str:
    if _is_postgres():
        return "jsonb_array_elements_text(tags) AS tag(value)"
    return "json_each(tags) AS tag"


def _is_postgres() -> bool:
    from django.db import connection

    return connection.vendor == "postgresql"


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "omniroute.settings")
    import django

    django.setup()
    if found := list(differences()):
        sys.exit("\n".join(found[:20]))
    print("The sums of the rollups are those of the log, to 10⁻¹² USD.")
