"""Each row of the log is in the sums once, whenever it came and however often they are made."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db.models import Sum

from analytics import records, rollups
from analytics.models import DailyUsage, FiveMinuteUsage, HourlyUsage, RequestRecord, Uncounted
from analytics.retention import delete_older
from analytics.tally import MEASURES
from tests.analytics.rows import log

pytestmark = pytest.mark.django_db

AT = datetime(2026, 11, 30, 20, 7, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
CALL: dict[str, Any] = {
    "cost_picousd": 7, "input_tokens": 3, "output_tokens": 2, "model": "mk/plain", "tier": "api_key",
}  # fmt: skip

TABLES = (FiveMinuteUsage, HourlyUsage, DailyUsage)


def totals(table: Any = HourlyUsage, user: str = "") -> dict[str, int]:
    rows = table.objects.filter(user=user, dimension="")
    return {name: rows.aggregate(n=Sum(name))["n"] or 0 for name in MEASURES}


def by(dimension: str, table: Any = DailyUsage, user: str = "") -> dict[str, int]:
    rows = table.objects.filter(user=user, dimension=dimension)
    return dict(rows.values_list("name").annotate(n=Sum("requests")))


def test_sums_are_those_of_the_log() -> None:
    random.seed(1)
    outcomes = ["ok", "ok", "ok", "error", "truncated", "aborted", "interrupted"]
    for _ in range(60):
        log(
            AT - random.randrange(2800) * MINUTE,
            **CALL
            | {
                "cost_picousd": random.choice([None, 0, 10**17 + random.randrange(1000)]),
                "input_tokens": random.randrange(1000),
                "outcome": random.choice(outcomes),
                "key": random.choice(["laptop", "phone", ""]),
                "user": random.choice(["ops", "dev", ""]),
            },
        )
    assert rollups.roll_up(AT) == 60
    for table in TABLES:
        sums = totals(table)
        assert sums["requests"] == 60
        for name in ("input_tokens", "cost_picousd"):
            assert sums[name] == RequestRecord.objects.aggregate(n=Sum(name))["n"]
        unpriced = RequestRecord.objects.filter(cost_picousd=None).count()
        assert sums["unpriced"] == unpriced
        assert sums["errors"] == RequestRecord.objects.filter(outcome="error").count()
        assert by("key", table)["phone"] == RequestRecord.objects.filter(key="phone").count()
        dev = RequestRecord.objects.filter(user="dev")
        assert totals(table, "dev")["requests"] == dev.count()
        for name in ("ops", "dev"):
            mine = RequestRecord.objects.filter(user=name, key="laptop").count()
            assert by("key", table, name).get("laptop", 0) == mine


def test_counting_again_counts_nothing_twice() -> None:
    log(AT, **CALL)
    assert [rollups.roll_up(AT), rollups.roll_up(AT)] == [1, 0]
    assert totals()["requests"] == 1


def test_a_row_that_comes_late_is_counted_too() -> None:
    log(AT, **CALL)
    rollups.roll_up(AT)
    log(AT - 40 * DAY, **CALL)
    log(AT - MINUTE, **CALL)
    rollups.roll_up(AT)
    days = DailyUsage.objects.filter(user="", dimension="").order_by("start")
    assert [(row.start.date().isoformat(), row.requests) for row in days] == [
        ("2026-10-21", 1),
        ("2026-11-30", 2),
    ]


def test_a_row_that_is_replayed_is_counted_once() -> None:
    id = log(AT, **CALL)
    row = records.Record(
        id=id, time=records.timestamp(AT.timestamp()), client_format="", path="", status=200
    )
    new = records.Record(
        id=id[:-1] + "~", time=row.time, client_format="", path="", status=200, key="other"
    )
    rollups.roll_up(AT)
    records.insert([records.encode(row), records.encode(new), records.encode(new)])
    assert Uncounted.objects.get().ids == [new.id]
    rollups.roll_up(AT)
    assert totals()["requests"] == RequestRecord.objects.count() == 2


def test_what_was_deleted_stays_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollups, "BATCH", 2)
    for _ in range(5):
        log(AT - 31 * DAY, **CALL)
    assert delete_older(AT, 30) == 5
    assert totals(DailyUsage)["cost_picousd"] == 35
    log(AT - 31 * DAY, **CALL)
    rollups.roll_up(AT)
    assert totals(DailyUsage)["cost_picousd"] == 42


def test_a_request_counts_for_each_of_its_names() -> None:
    log(AT, **CALL | {"tags": '["web","prod"]', "combo": "best"})
    log(AT, **CALL | {"tags": '["web"]', "user": "dev"})
    rollups.roll_up(AT)
    assert by("tag") == {"web": 2, "prod": 1}
    assert by("tag", user="dev") == {"web": 1}
    assert by("combo") == {"best": 1, "": 1}
    assert by("user") == {"ops": 1, "dev": 1}
    assert by("model") == {"mk/plain": 2}
    assert totals()["requests"] == 2


def test_what_a_subscription_and_the_cache_save_is_told_apart() -> None:
    log(AT, **CALL | {"tier": "subscription"})
    log(AT, **CALL | {"cost_picousd": 0, "cache": "hit", "saved_picousd": 5})
    log(AT, **CALL)
    rollups.roll_up(AT)
    sums = totals()
    assert (sums["cost_picousd"], sums["flat_picousd"], sums["saved_picousd"]) == (14, 7, 5)
    assert sums["cached"] == 1


def test_spans_begin_on_the_clock() -> None:
    for minutes in (0, 4, 5, 59, 60):
        log(AT.replace(minute=0) + minutes * MINUTE, **CALL)
    rollups.roll_up(AT)
    everyone = {"user": "", "dimension": ""}
    assert [
        (row.start.strftime("%H:%M"), row.requests)
        for row in FiveMinuteUsage.objects.filter(**everyone).order_by("start")
    ] == [("20:00", 2), ("20:05", 1), ("20:55", 1), ("21:00", 1)]
    assert [row.requests for row in HourlyUsage.objects.filter(**everyone).order_by("start")] == [
        4,
        1,
    ]
    assert DailyUsage.objects.get(**everyone).start == AT.replace(hour=0, minute=0)


def test_the_last_instant_of_a_span_belongs_to_it() -> None:
    last = AT.replace(minute=59, second=59, microsecond=999_999)
    log(last, **CALL)
    rollups.roll_up(AT)
    assert HourlyUsage.objects.get(user="", dimension="").start.hour == last.hour


def test_answers_are_measured_and_failures_are_not() -> None:
    log(
        AT,
        **CALL | {"stream": True, "first_byte_ms": 100, "duration_ms": 1100, "output_tokens": 50},
    )
    log(AT, **CALL | {"duration_ms": 300, "first_byte_ms": 299})
    log(AT, **CALL | {"duration_ms": 9, "outcome": "error"})
    log(AT, **CALL | {"duration_ms": 9, "cache": "hit"})
    rollups.roll_up(AT)
    log(AT, **CALL | {"duration_ms": 300})
    rollups.roll_up(AT)
    row = HourlyUsage.objects.get(user="ops", dimension="")
    assert row.duration_ms == {"60": 2, "74": 1}
    assert row.first_byte_ms == {"49": 1}
    assert row.tokens_per_s == {"42": 1}


def test_what_is_not_counted_yet_is_told_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    log(AT, **CALL)
    rollups.roll_up(AT)
    log(AT, **CALL)
    log(AT + HOUR, **CALL)
    assert sum(sums[0] for place, sums in tail_places("").items()) == 2
    monkeypatch.setattr(rollups, "TAIL", 1)
    assert rollups.tail().missing == 1
    rollups.roll_up(AT)
    assert tail_places("") == {}


def tail_places(dimension: str) -> dict[Any, tuple[int, ...]]:
    found = rollups.tail().sums
    return {
        place: sums
        for place, sums in found.items()
        if not place.user and place.dimension == dimension
    }


def test_short_spans_go_and_days_stay() -> None:
    for age in (0, 3, 401):
        log(AT - age * DAY, **CALL)
    rollups.roll_up(AT)
    rollups.prune(AT)
    assert [totals(table)["requests"] for table in TABLES] == [1, 2, 3]
