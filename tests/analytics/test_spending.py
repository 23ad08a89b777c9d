"""What the log says has been spent, a period and a name."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from analytics.models import DeletedSpending
from analytics.spending import Amounts, spent
from tests.analytics.rows import log

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)  # a Wednesday
TODAY = datetime(2026, 11, 25, tzinfo=UTC)
STARTS = {
    "daily": TODAY,
    "weekly": datetime(2026, 11, 23, tzinfo=UTC),
    "monthly": datetime(2026, 11, 1, tzinfo=UTC),
}
MS = timedelta(milliseconds=1)
CALL = {"cost_picousd": 7, "input_tokens": 3, "output_tokens": 2}
ONE, NONE, UNPRICED, FAILED = (7, 5, 1), (0, 0, 0), (0, 5, 1), (0, 0, 1)


@dataclass(frozen=True)
class Case:
    id: str
    at: datetime
    daily: Amounts
    weekly: Amounts
    monthly: Amounts
    row: dict[str, Any] = field(default_factory=lambda: CALL)


CASES = [
    Case("a call of today counts in all three", NOW, ONE, ONE, ONE),
    Case("midnight is of the day that begins", TODAY, ONE, ONE, ONE),
    Case("the last of yesterday is of the week", TODAY - MS, NONE, ONE, ONE),
    Case("the week begins on Monday", STARTS["weekly"], NONE, ONE, ONE),
    Case("Sunday is of the month only", STARTS["weekly"] - MS, NONE, NONE, ONE),
    Case("the month begins on the first", STARTS["monthly"], NONE, NONE, ONE),
    Case("an unpriced call costs nothing and counts", NOW, UNPRICED, UNPRICED, UNPRICED, CALL | {"cost_picousd": None}),
    Case("a failed call counts as a request", NOW, FAILED, FAILED, FAILED, {"status": 502, "outcome": "error"}),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
@pytest.mark.parametrize(("by", "name"), [("key", "laptop"), ("user", "ops")])
def test_a_call_counts_in_the_periods_that_it_began_in(case: Case, by: str, name: str) -> None:
    log(case.at, **case.row)
    sums = spent(by, STARTS)
    assert {period: sums.get((name, period), NONE) for period in STARTS} == {
        "daily": case.daily,
        "weekly": case.weekly,
        "monthly": case.monthly,
    }


def test_what_is_before_every_period_or_refused_at_the_door_does_not_count() -> None:
    log(STARTS["monthly"] - MS, **CALL)
    log(NOW, provider="", status=429, outcome="error")
    assert spent("key", STARTS) == {}


def test_names_are_apart_and_nobody_is_nobody() -> None:
    log(NOW, **CALL)
    log(NOW, **CALL)
    log(NOW, **CALL | {"key": "phone"})
    log(NOW, **CALL | {"key": "", "user": ""})
    only_today = {"daily": TODAY}
    assert spent("key", only_today) == {
        ("laptop", "daily"): (14, 10, 2),
        ("phone", "daily"): ONE,
    }
    assert spent("user", only_today) == {("ops", "daily"): (21, 15, 3)}


def test_a_week_can_begin_in_the_month_before() -> None:
    starts = {
        "weekly": datetime(2026, 6, 29, tzinfo=UTC),
        "monthly": datetime(2026, 7, 1, tzinfo=UTC),
    }
    log(datetime(2026, 6, 30, tzinfo=UTC), **CALL)
    assert spent("key", starts) == {("laptop", "weekly"): ONE, ("laptop", "monthly"): NONE}


def test_only_what_began_before_a_moment() -> None:
    log(NOW - MS, **CALL)
    log(NOW, **CALL)
    assert spent("key", {"daily": TODAY}, until=NOW) == {("laptop", "daily"): ONE}


def test_what_was_deleted_goes_on_counting() -> None:
    log(NOW, **CALL)
    DeletedSpending.objects.create(
        day=STARTS["weekly"], key="laptop", user="ops", cost_picousd=70, tokens=50, requests=10
    )
    DeletedSpending.objects.create(
        day=STARTS["monthly"] - timedelta(days=1), key="laptop", tokens=9
    )
    DeletedSpending.objects.create(day=STARTS["monthly"], key="phone", requests=1)
    assert spent("key", STARTS) == {
        ("laptop", "daily"): ONE,
        ("laptop", "weekly"): (77, 55, 11),
        ("laptop", "monthly"): (77, 55, 11),
        ("phone", "daily"): NONE,
        ("phone", "weekly"): NONE,
        ("phone", "monthly"): (0, 0, 1),
    }


def test_large_sums_are_exact() -> None:
    for _ in range(3):
        log(NOW, cost_picousd=10**18 + 1, input_tokens=2**53 + 1)
    assert spent("key", {"daily": TODAY}) == {
        ("laptop", "daily"): (3 * 10**18 + 3, 3 * 2**53 + 3, 3)
    }
