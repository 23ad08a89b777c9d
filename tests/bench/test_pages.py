"""The log that pages are measured over, and what is found where rollups are not what it adds up to."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db.models import F

from analytics import rollups
from analytics.models import DailyUsage, FiveMinuteUsage, HourlyUsage, RequestRecord, Usage
from bench import rows, sums
from bench.log import DAY_S, Log

NOW = datetime(2026, 11, 30, 20, 7, tzinfo=UTC)
LOG = Log(count=600, days=3, until=NOW.timestamp())


def test_requests_are_of_their_days_and_the_same_for_the_same_seed() -> None:
    made, again = (list(LOG.rows()) for _ in range(2))
    assert [row[1:] for row in made] == [row[1:] for row in again]
    times = [datetime.fromisoformat(row[1]).replace(tzinfo=UTC).timestamp() for row in made]
    assert times == sorted(times)
    assert LOG.until - LOG.days * DAY_S <= times[0]
    assert times[-1] <= LOG.until
    assert {row[1] for row in LOG.arriving()} == {row[1] for row in made}


def test_some_requests_come_late() -> None:
    times = [row[1] for row in LOG.arriving()]
    assert times != sorted(times)


@pytest.mark.django_db
def test_rollups_are_what_the_log_adds_up_to() -> None:
    rows.insert(LOG)
    assert rollups.roll_up(NOW) == RequestRecord.objects.count() == LOG.count
    assert list(sums.differences()) == []


WRONG: list[tuple[type[Usage], dict[str, Any], str]] = [
    (DailyUsage, {"dimension": ""}, "analytics_dailyusage, total"),
    (HourlyUsage, {"dimension": "tag", "user": "user-01"}, "analytics_hourlyusage, tag"),
    (FiveMinuteUsage, {"dimension": "", "user": ""}, "analytics_fiveminuteusage, hours"),
]


@pytest.mark.django_db
@pytest.mark.parametrize(("table", "which", "words"), WRONG)
def test_the_least_that_a_sum_is_off_is_found(
    table: type[Usage], which: dict[str, Any], words: str
) -> None:
    rows.insert(LOG)
    rollups.roll_up(NOW)
    row = table.objects.filter(**which).earliest("start")
    table.objects.filter(pk=row.pk).update(cost_picousd=F("cost_picousd") + 1)
    found = list(sums.differences())
    assert any(difference.startswith(words) for difference in found)


@pytest.mark.django_db
def test_a_request_that_is_counted_nowhere_is_missed() -> None:
    rows.insert(LOG)
    rollups.roll_up(NOW)
    RequestRecord.objects.filter(pk=RequestRecord.objects.last().pk).delete()  # type: ignore[union-attr]
    assert len(list(sums.differences())) > 8
