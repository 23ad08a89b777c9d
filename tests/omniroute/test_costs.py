"""Limits and costs: budgets as they stand, a month to the cent, and who sees whose."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db.models import Sum
from django.test import Client
from django.utils import timezone

from accounts import keys, roles
from accounts.models import ApiKey, GatewaySettings
from analytics import rollups
from analytics.costs import format_usd
from analytics.models import GatewayProcess, RequestRecord
from gateway.state.budgets import DAY_S, midnight
from omniroute.console.budgets import forecast, standings
from providers.models import Quota
from tests.analytics.rows import log
from tests.factories import ConnectionFactory, ProviderFactory, ProviderModelFactory, UserFactory

pytestmark = pytest.mark.django_db

USD = 10**12
NOVEMBER = datetime(2026, 11, 10, 12, tzinfo=UTC)


def signed_in(role: str, username: str = "someone") -> Client:
    client = Client()
    client.force_login(UserFactory(role=role, username=username))
    return client


def key(name: str, **fields: Any) -> ApiKey:
    row, _ = keys.mint(name=name, **fields)
    row.save()
    return row


def fill() -> None:
    for n in range(40):
        log(
            NOVEMBER + timedelta(hours=11 * n),
            model=("mk/a", "mk/b")[n % 2],
            provider="mk",
            key=f"key-{n % 12}",
            user=("ann", "bob")[n % 2],
            tier=("subscription", "api_key")[n % 3 == 0],
            input_tokens=1000 + n,
            output_tokens=100,
            cost_picousd=None if n == 7 else 123_456_789_012 * n + 1,
        )
        if n == 25:
            rollups.roll_up(timezone.now())


def items(client: Client, query: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(client.get(f"/costs.json?{query}").content)["items"]
    return found


@pytest.mark.parametrize("by", ["provider", "model", "key"])
def test_a_month_is_what_the_log_adds_up_to(by: str) -> None:
    fill()
    client = signed_in(roles.VIEWER)
    logged = RequestRecord.objects.filter(time__month=11).aggregate(sum=Sum("cost_picousd"))["sum"]
    month = client.get(f"/costs/?month=2026-11&by={by}").context["month"]
    assert month.total.cost_picousd == logged
    assert sum(sums.cost_picousd for sums in month.days.values()) == logged
    assert sum(sums.cost_picousd for _, sums in month.names) == logged
    stacked = sum(s.cost_picousd for told in month.stacks.values() for s in told.values())
    assert stacked + sum(month.rest(day).cost_picousd for day in month.days) == logged


def test_a_name_that_has_requests_without_a_price_says_so() -> None:
    fill()
    page = signed_in(roles.VIEWER).get("/costs/?month=2026-11").content.decode()
    named = page.partition('aria-label="Cost by name"')[2].partition("</table>")[0]
    assert named.count("1 unpriced") == 1


def test_the_export_has_every_day_and_name_and_adds_up_too() -> None:
    fill()
    rows = items(signed_in(roles.VIEWER), "month=2026-11&by=key")
    total = sum(
        round(float(row[column]) * USD) for row in rows for column in ("cost_usd", "flat_rate_usd")
    )
    logged = RequestRecord.objects.filter(time__month=11).aggregate(sum=Sum("cost_picousd"))["sum"]
    assert round(total / USD, 6) == round(logged / USD, 6)
    assert {row["name"] for row in rows} == {f"key-{n}" for n in range(12)}


def test_what_begins_like_a_formula_is_text_in_the_file() -> None:
    log(NOVEMBER, model="=cmd|calc", cost_picousd=1)
    text = signed_in(roles.VIEWER).get("/costs.csv?month=2026-11&by=model").content.decode()
    assert "'=cmd|calc" in text


def test_a_member_sees_own_keys_budgets_and_usage_only() -> None:
    fill()
    member = signed_in(roles.MEMBER, "ann")
    key("anns", owner_id=member.get("/costs/").wsgi_request.user.pk, budgets={"daily_usd": 1})
    key("others", budgets={"daily_usd": 1})
    GatewaySettings.objects.update(budgets={"monthly_usd": 9})
    Quota.objects.create(
        connection=ConnectionFactory(name="not-theirs"), name="r", limit=2, remaining=1,
        observed=timezone.now(),
    )  # fmt: skip
    page = member.get("/costs/?month=2026-11&by=key")
    assert [row.name for row in page.context["budgets"]] == ["anns"]
    assert "not-theirs" not in page.content.decode()
    mine = RequestRecord.objects.filter(time__month=11, user="ann")
    assert page.context["month"].total.cost_picousd == mine.aggregate(s=Sum("cost_picousd"))["s"]
    assert {row["name"] for row in items(member, "month=2026-11&by=key")} == set(
        mine.values_list("key", flat=True)
    )


def test_a_budget_is_told_with_what_is_spent_reserved_and_left() -> None:
    key("laptop", budgets={"daily_usd": 2}, soft_budgets={"daily_requests": 10})
    now = timezone.now()
    log(now, key="laptop", cost_picousd=USD // 2)
    for pid, seen in ((1, now), (2, now), (3, now - timedelta(minutes=5))):
        GatewayProcess.objects.create(
            id=f"p{pid}", host="one", pid=pid, started=now, seen=seen,
            reserved={"key:laptop": [USD // 4, 100, 1]},
        )  # fmt: skip
    money, requests = standings(UserFactory(role=roles.VIEWER))
    assert (money.spent, money.reserved, money.left) == (USD // 2, USD // 2, USD)
    assert (money.percent, money.soft) == (50, False)
    assert (requests.spent, requests.reserved, requests.left, requests.soft) == (1, 2, 7, True)


def test_a_forecast_is_a_straight_line_once_there_is_something_to_go_by() -> None:
    first = 20_000
    assert midnight(first).tzinfo is UTC
    assert forecast(5, first, first + 30, first * DAY_S + 3600.0) is None
    assert forecast(50, first, first + 30, (first + 15) * DAY_S) == 100


def test_what_the_month_would_have_cost_with_another_model() -> None:
    log(NOVEMBER, model="mk/a", input_tokens=1_000_000, output_tokens=500_000, cost_picousd=9 * USD)
    owner = ProviderFactory(slug="other", alias="other")
    ProviderModelFactory(provider=owner, name="cheap", input_price=1, output_price=2)
    page = signed_in(roles.VIEWER).get("/costs/?month=2026-11&other=other/cheap")
    [row] = page.context["compared"]
    assert (row.least, row.most, row.least_difference) == (2 * USD, 2 * USD, -7 * USD)
    assert "-$7.00" in page.content.decode()
    assert format_usd(page.context["compared_total"].least) == "2"


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("month=yesterday", "A month is written as"),
        ("month=9999-12", "A month is written as"),
        ("other=none/such", "There is no such model"),
        ("other=other/free", "no price for tokens"),
        ("by=colour", "Select a valid choice"),
    ],
)
def test_what_cannot_be_asked_is_told_at_its_field(query: str, words: str) -> None:
    ProviderModelFactory(provider=ProviderFactory(slug="other", alias="other"), name="free")
    client = signed_in(roles.VIEWER)
    assert words in client.get(f"/costs/?{query}").content.decode()
    assert client.get(f"/costs.csv?{query}").status_code == 400


def test_accounts_are_told_with_the_least_left_first() -> None:
    for name, left in (("much", 90), ("little", 5)):
        Quota.objects.create(
            connection=ConnectionFactory(name=name), name="requests", limit=100, remaining=left,
            observed=timezone.now(),
        )  # fmt: skip
    page = signed_in(roles.VIEWER).get("/costs/")
    told = [(each["row"].connection.name, each["percent"]) for each in page.context["accounts"]]
    assert told == [("little", 5), ("much", 90)]
