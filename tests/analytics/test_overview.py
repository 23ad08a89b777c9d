"""What the overview shows is what the log holds, rolled up or not, and only what may be seen."""

import random
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db.models import QuerySet, Sum

from analytics import records, rollups
from analytics.models import DailyUsage, FiveMinuteUsage, HourlyUsage, RequestRecord
from analytics.overview import overview
from analytics.periods import Period, cover, period
from analytics.usage import Usage
from tests.analytics.rows import log, record

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 30, 20, 7, tzinfo=UTC)  # a Monday
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
VIENNA, KOLKATA = ZoneInfo("Europe/Vienna"), ZoneInfo("Asia/Kolkata")
LENGTHS = {"1h": HOUR, "6h": 6 * HOUR, "1d": DAY, "7d": 7 * DAY, "30d": 30 * DAY, "1y": 365 * DAY}


def last(length: timedelta, zone: Any = UTC) -> Period:
    return period(NOW - length, NOW, NOW, zone)


def fill() -> None:
    """Requests of the last year, most of them young; a third is not rolled up."""
    random.seed(7)
    rows = [
        record(
            NOW - timedelta(seconds=random.choice([3e3, 1e5, 1e6, 3e7]) * random.random()),
            model=random.choice(["mk/a", "mk/b", "two/c"]),
            provider=random.choice(["mk", "two"]),
            key=random.choice(["laptop", "phone"]),
            user=random.choice(["ops", "dev"]),
            combo=random.choice(["best", ""]),
            tags=random.choice(["[]", '["web"]', '["web","prod"]']),
            outcome=random.choice(["ok", "ok", "error"]),
            input_tokens=random.randrange(1000),
            cost_picousd=random.choice([None, random.randrange(10**15)]),
            duration_ms=random.randrange(5000),
        )
        for _ in range(90)
    ]
    records.insert([records.encode(row) for row in rows[:60]])
    rollups.roll_up(NOW)
    records.insert([records.encode(row) for row in rows[60:]])


def logged(period: Period, **of: Any) -> QuerySet[RequestRecord]:
    return RequestRecord.objects.filter(time__gte=period.since, time__lt=period.until, **of)


@pytest.mark.parametrize("length", LENGTHS.values(), ids=LENGTHS)
@pytest.mark.parametrize(("user", "zone"), [("", UTC), ("", VIENNA), ("dev", KOLKATA)], ids=str)
def test_every_sum_is_that_of_the_log(length: timedelta, user: str, zone: Any) -> None:
    fill()
    seen = overview(last(length, zone), user=user, stack="model")
    rows = logged(seen.period, **({"user": user} if user else {}))
    assert seen.total.requests == rows.count()
    for name in ("cost_picousd", "input_tokens"):
        assert getattr(seen.total, name) == (rows.aggregate(n=Sum(name))["n"] or 0)
    assert sum(bar.sums.requests for bar in seen.bars.values()) == rows.count()
    for name in ("provider", "model", "key", "combo"):
        told = {row.name: row.sums.requests for row in seen.top[name]}
        counted = Counter(rows.exclude(**{name: ""}).values_list(name, flat=True))
        assert told == dict(counted)
    stacked = sum(sums.requests for stack in seen.stacks.values() for sums in stack)
    assert seen.rest is not None
    assert stacked + sum(sums.requests for sums in seen.rest) == rows.count()
    before = logged(seen.period.before, **({"user": user} if user else {}))
    assert seen.before.requests == before.count()


CHOICES: list[tuple[timedelta, timedelta, Any, int]] = [
    (HOUR, HOUR, FiveMinuteUsage, 13),
    (HOUR, 3 * DAY, HourlyUsage, 2),
    (DAY, DAY, HourlyUsage, 25),
    (7 * DAY, 7 * DAY, HourlyUsage, 8),
    (31 * DAY, 31 * DAY, HourlyUsage, 32),
    (32 * DAY, 32 * DAY, DailyUsage, 33),
    (DAY, 500 * DAY, DailyUsage, 2),
]


@pytest.mark.parametrize(("length", "ago", "table", "bars"), CHOICES)
def test_a_chart_is_as_fine_as_what_is_known(
    length: timedelta, ago: timedelta, table: Any, bars: int
) -> None:
    chosen = period(NOW - ago, NOW - ago + length, NOW)
    assert (chosen.table, len(chosen.bars)) == (table, bars)


AGES: list[tuple[str, timedelta, timedelta, timedelta]] = [
    ("of an hour, the minutes that have passed", HOUR, timedelta(), 60 * MINUTE),
    ("of a day, the hours that have passed", DAY, timedelta(), 24 * HOUR),
    ("of 90 days, those that have passed", 90 * DAY, timedelta(), 91 * DAY),
    ("all of what is over", 6 * HOUR, 10 * HOUR, 6 * HOUR + 5 * MINUTE),
]


@pytest.mark.parametrize(
    ("length", "ago", "before"), [case[1:] for case in AGES], ids=[case[0] for case in AGES]
)
def test_what_has_passed_of_a_period_is_compared_with_as_much_before(
    length: timedelta, ago: timedelta, before: timedelta
) -> None:
    chosen = period(NOW - ago - length, NOW - ago, NOW)
    assert chosen.before.until == chosen.since
    assert chosen.before.until - chosen.before.since == before


def test_the_period_before_is_read_of_what_is_kept() -> None:
    for hours in (44, 50):
        log(NOW - hours * HOUR)
    rollups.roll_up(NOW)
    seen = overview(period(NOW - 46 * HOUR, NOW - 40 * HOUR, NOW))
    assert (seen.total.requests, seen.before.requests) == (1, 1)


def test_days_are_those_of_the_zone() -> None:
    log(datetime(2026, 11, 28, 23, 30, tzinfo=UTC))
    rollups.roll_up(NOW)
    for zone, day in ((UTC, "2026-11-28"), (VIENNA, "2026-11-29")):
        seen = overview(last(7 * DAY, zone))
        assert [name for name, bar in seen.bars.items() if bar.sums.requests] == [day]


def test_the_hour_that_comes_twice_is_two_bars() -> None:
    day = datetime(2026, 10, 24, 22, tzinfo=UTC)  # midnight of the day with 25 hours
    assert len(period(day, day + 25 * HOUR, day + 2 * DAY, VIENNA).bars) == 25


def test_the_heatmap_is_by_weekday_and_hour() -> None:
    log(NOW)
    log(NOW - 6 * DAY)
    for zone, hour in ((UTC, 20), (VIENNA, 21)):
        seen = overview(last(HOUR, zone)).heatmap
        assert (seen[0][hour], seen[1][hour]) == (1, 1)
        assert sum(map(sum, seen)) == 2


def test_percentiles_are_of_answers() -> None:
    for ms in (100, 200, 300, 400, 10_000):
        log(NOW, duration_ms=ms)
    log(NOW, duration_ms=1, outcome="error")
    rollups.roll_up(NOW)
    told = overview(last(HOUR)).percentiles
    assert told["duration_ms"][50] == pytest.approx(300, rel=0.05)
    assert told["duration_ms"][95] == pytest.approx(10_000, rel=0.05)
    assert told["first_byte_ms"][50] is None


def test_only_the_largest_names_are_stacked_and_the_rest_is_told_together() -> None:
    for number in range(12):
        for _ in range(number + 1):
            log(NOW, model=f"mk/{number:02}")
    seen = overview(last(HOUR), stack="model")
    assert list(seen.stacks) == [f"mk/{number:02}" for number in range(11, 3, -1)]
    assert len(seen.top["model"]) == 10
    assert seen.rest is not None
    assert sum(sums.requests for sums in seen.rest) == 1 + 2 + 3 + 4


def test_the_largest_is_that_of_the_measure() -> None:
    log(NOW, model="mk/dear", cost_picousd=9)
    for _ in range(2):
        log(NOW, model="mk/cheap", cost_picousd=1)
    for measure, first in (("requests", "mk/cheap"), ("cost", "mk/dear")):
        assert overview(last(HOUR), measure=measure).top["model"][0].name == first
    assert overview(last(HOUR), measure="errors").stacks == {}


def test_what_a_flat_rate_covers_is_not_billed() -> None:
    log(NOW, cost_picousd=5, tier="subscription")
    log(NOW, cost_picousd=2, tier="api_key")
    total = overview(last(HOUR)).total
    assert (total.billed_picousd, total.flat_picousd) == (2, 5)


def test_tags_overlap_so_they_have_no_rest() -> None:
    log(NOW, tags='["a","b"]')
    seen = overview(last(HOUR), stack="tag")
    assert set(seen.stacks) == {"a", "b"}
    assert seen.rest is None


def test_costs_by_day_and_name_are_those_of_the_log() -> None:
    fill()
    month = datetime(2026, 11, 1, tzinfo=UTC)
    told = Usage().daily("model", month, NOW)
    rows = RequestRecord.objects.filter(time__gte=month, time__lt=NOW)
    expected: Counter[Any] = Counter()
    for row in rows:
        expected[row.time.date(), row.model] += row.cost_picousd or 0
    assert {place: sums.cost_picousd for place, sums in told.items()} == dict(expected)


def test_whole_days_are_read_by_the_day() -> None:
    pieces = cover(NOW - 2 * DAY, NOW)
    assert [(piece.table, piece.until - piece.since) for piece in pieces] == [
        (HourlyUsage, 4 * HOUR),
        (DailyUsage, DAY),
        (HourlyUsage, 21 * HOUR),
    ]
    assert [piece.table for piece in cover(NOW, NOW + HOUR)] == [HourlyUsage]


@pytest.mark.parametrize("stack", ["provider", "tag"])
def test_queries_are_as_many_for_few_rows_as_for_many(
    stack: str, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    fill()
    with django_assert_max_num_queries(16):
        overview(last(30 * DAY), stack=stack)
