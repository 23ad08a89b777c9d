"""Old rows go; what budgets still ask for stays, as sums."""

from datetime import UTC, date, datetime, timedelta

import pytest

from analytics import retention
from analytics.models import DeletedSpending, RequestRecord
from analytics.retention import delete_bodies, delete_older
from analytics.spending import spent
from tests.analytics.rows import log

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 12, 31, 12, tzinfo=UTC)  # a Thursday
MONTH = {"monthly": datetime(2026, 12, 1, tzinfo=UTC), "weekly": datetime(2026, 12, 28, tzinfo=UTC)}
CALL = {"cost_picousd": 7, "input_tokens": 3, "output_tokens": 2}


def days(count: float) -> timedelta:
    return timedelta(days=count)


def left() -> list[str]:
    return list(RequestRecord.objects.order_by("id").values_list("id", flat=True))


def test_what_is_older_goes_and_the_rest_stays() -> None:
    log(NOW - days(31))
    log(NOW - days(30) - timedelta(milliseconds=1))
    kept = [log(NOW - days(30)), log(NOW - days(1))]
    assert delete_older(NOW, 30) == 2
    assert left() == kept


def test_deleting_again_deletes_nothing() -> None:
    log(NOW - days(31), **CALL)
    assert [delete_older(NOW, 30), delete_older(NOW, 30)] == [1, 0]


def test_more_than_one_batch_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    for _ in range(5):
        log(NOW - days(25), **CALL)
    kept = log(NOW, **CALL)
    before = spent("key", MONTH)
    assert delete_older(NOW, 7) == 5
    assert left() == [kept]
    assert spent("key", MONTH) == before


@pytest.mark.parametrize("by", ["key", "user", "total"])
def test_a_budget_forgets_nothing_of_its_period(by: str) -> None:
    for age in (31, 30.4, 20, 3, 2, 0):
        log(NOW - days(age), **CALL)
        log(NOW - days(age), **CALL | {"key": "phone"})
        log(NOW - days(age), **CALL | {"key": "", "user": ""})  # where no key is required
        log(NOW - days(age), **CALL | {"cost_picousd": 0, "cache": "hit"})
        log(NOW - days(age), provider="", status=401, outcome="error")
    log(NOW - days(3), **CALL | {"cost_picousd": None})
    before = spent(by, MONTH)
    for keep in (30, 25, 2, 1):
        delete_older(NOW, keep)
        assert spent(by, MONTH) == before
    assert RequestRecord.objects.count() == 5


def test_sums_are_kept_by_day_key_and_user() -> None:
    for at in (1, 1, 2):
        log(datetime(2026, 12, at, tzinfo=UTC), **CALL)
    log(datetime(2026, 12, 1, 23, 59, tzinfo=UTC), **CALL | {"user": "dev"})
    delete_older(NOW, 7)
    rows = DeletedSpending.objects.order_by("day", "user").values_list(
        "day", "key", "user", "cost_picousd", "tokens", "requests"
    )
    assert list(rows) == [
        (date(2026, 12, 1), "laptop", "dev", 7, 5, 1),
        (date(2026, 12, 1), "laptop", "ops", 14, 10, 2),
        (date(2026, 12, 2), "laptop", "ops", 7, 5, 1),
    ]


def test_nothing_is_kept_of_what_no_provider_was_asked() -> None:
    log(datetime(2026, 12, 2, tzinfo=UTC), provider="", status=401, outcome="error")
    assert delete_older(NOW, 7) == 1
    assert DeletedSpending.objects.count() == 0


def test_sums_go_when_no_period_holds_their_day() -> None:
    log(datetime(2026, 12, 2, tzinfo=UTC), **CALL)
    delete_older(NOW, 7)
    assert DeletedSpending.objects.count() == 1
    delete_older(datetime(2027, 1, 1, tzinfo=UTC), 7)
    assert DeletedSpending.objects.count() == 0


def test_a_week_that_began_in_the_month_before_keeps_its_days() -> None:
    first = datetime(2026, 7, 2, tzinfo=UTC)  # a Thursday; its week began on June 29
    log(datetime(2026, 6, 28, tzinfo=UTC), **CALL)
    log(datetime(2026, 6, 29, tzinfo=UTC), **CALL)
    delete_older(first, 1)
    assert [row.day for row in DeletedSpending.objects.all()] == [date(2026, 6, 29)]


def test_what_was_said_goes_before_the_rest_of_its_row() -> None:
    said = {"request_body": "q", "response_body": "a", "request_headers": '{"accept": "*/*"}'}
    old, silent, new = log(NOW - days(8), **said), log(NOW - days(8)), log(NOW - days(6), **said)
    assert [delete_bodies(NOW, 7), delete_bodies(NOW, 7)] == [1, 0]
    assert left() == sorted([old, silent, new])
    cleared = RequestRecord.objects.get(id=old)
    assert (cleared.request_body, cleared.response_body, cleared.request_headers) == ("", "", {})
    assert RequestRecord.objects.get(id=new).request_body == "q"


def test_old_bodies_are_found_without_reading_rows_that_have_none() -> None:
    oldest = RequestRecord.objects.filter(id__lt="req_1").extra(where=[retention._HAS_BODY])
    assert "kept_bodies" in oldest.values_list("id").explain()
