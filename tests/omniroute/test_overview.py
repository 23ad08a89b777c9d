"""The overview as its readers get it: what each may see, files, and choices that cannot be."""

import csv
import io
import json
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from accounts import roles
from omniroute.console.exports import harmless
from omniroute.templatetags import amounts
from tests.analytics.rows import log
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

USD = 10**12


def signed_in(role: str = roles.ADMINISTRATOR, username: str = "someone") -> Client:
    client = Client()
    client.force_login(UserFactory.create(role=role, username=username))
    return client


def exported(client: Client, query: str = "") -> list[dict[str, str]]:
    answer = client.get("/overview.csv" + query)
    assert answer["Content-Disposition"] == 'attachment; filename="overview.csv"'
    return list(csv.DictReader(io.StringIO(answer.content.decode())))


def total(client: Client) -> dict[str, str]:
    return next(row for row in exported(client) if row["what"] == "total")


def test_who_is_not_signed_in_is_sent_to_sign_in() -> None:
    for path in ("/", "/overview.csv", "/overview.json"):
        answer = Client().get(path)
        assert answer.status_code == 302
        assert answer["Location"].startswith("/account/login/")


def test_a_member_sees_their_own_usage_and_a_viewer_everyones() -> None:
    for user in ("ops", "dev", "dev"):
        log(timezone.now(), user=user, key=f"{user}-key")
    assert total(signed_in(roles.VIEWER, "eve"))["requests"] == "3"
    member = signed_in(roles.MEMBER, "ops")
    assert total(member)["requests"] == "1"
    assert "dev-key" not in member.get("/").content.decode()
    assert "dev-key" not in member.get("/overview.json").content.decode()


def test_a_new_gateway_says_what_to_do() -> None:
    page = signed_in().get("/").content.decode()
    assert "Nothing has been asked yet" in page
    assert f"curl {settings.PUBLIC_URL}/v1/chat/completions" in page
    assert "demo/echo" in page
    assert "/admin/providers/connection/add/" in page
    assert "/admin/" not in first_steps(signed_in(roles.MEMBER, "member"))


def first_steps(client: Client) -> str:
    return client.get("/").content.decode().partition('id="seen"')[2]


def test_a_row_of_a_table_leads_to_its_requests() -> None:
    log(timezone.now(), model="mk/a b&c")
    page = signed_in().get("/").content.decode()
    assert "/logs/?model=mk%2Fa+b%26c&amp;since=" in page


def test_names_are_shown_as_text() -> None:
    log(timezone.now(), model="mk/<script>alert(1)</script>", tags='["</script><b>"]')
    page = signed_in().get("/").content.decode()
    assert "<script>alert" not in page
    assert "</script><b>" not in page


def test_a_name_turns_nothing_around() -> None:
    log(timezone.now(), model="mk/gpt\u202etxt")
    page = signed_in().get("/").content.decode()
    assert "\u202e" not in page
    assert page.count("gpt⟨U+202E⟩txt") >= 1


WRONG = [
    ("?range=2h", "Time"),
    ("?zone=Mars/Olympus", "There is no such time zone"),
    ("?zone=../../etc/passwd", "There is no such time zone"),
    ("?range=custom&since=2026-01-01T00:00", "needs both ends"),
    ("?range=custom&since=2026-01-02T00:00&until=2026-01-01T00:00", "The end comes after"),
    (  # half past two does not come on that day, and the clock that shows it is past three
        "?range=custom&zone=Europe/Vienna&since=2026-03-29T02:30&until=2026-03-29T03:10",
        "The end comes after",
    ),
    ("?range=custom&since=yesterday&until=2026-01-01T00:00", "From"),
    ("?stack=user&measure=fun", "Chart"),
]


@pytest.mark.parametrize(("query", "words"), WRONG)
def test_a_choice_that_cannot_be_is_named(query: str, words: str) -> None:
    client = signed_in()
    answer = client.get("/" + query)
    assert answer.status_code == 200
    assert words in answer.content.decode().partition('role="alert"')[2]
    assert client.get("/overview.csv" + query).status_code == 400


@pytest.mark.parametrize("remembered", ["Berlin", "", "../x", "a" * 4000])
def test_a_zone_that_was_mistyped_is_not_remembered_for_good(remembered: str) -> None:
    client = signed_in()
    client.cookies["zone"] = remembered
    assert "There is no such time zone" not in client.get("/").content.decode()


def test_a_range_of_ones_own_is_in_the_chosen_zone() -> None:
    at = timezone.now().replace(minute=30) - timedelta(days=2)
    log(at)
    local = at + timedelta(hours=5, minutes=30)
    since, until = (local + timedelta(hours=h) for h in (-1, 1))
    query = (
        f"?range=custom&zone=Asia/Kolkata&since={since:%Y-%m-%dT%H:%M}&until={until:%Y-%m-%dT%H:%M}"
    )
    rows = exported(signed_in(), query)
    assert rows[0]["requests"] == "1"


def test_a_spreadsheet_computes_nothing_of_an_export() -> None:
    log(timezone.now(), model="=HYPERLINK(1)", cost_picousd=5 * USD)
    names = {row["name"]: row for row in exported(signed_in()) if row["what"] == "model"}
    assert names["'=HYPERLINK(1)"]["cost_usd"] == "5"
    assert [harmless(cell) for cell in ("+1", "-1", "@x", "a=b", -1)] == [
        "'+1",
        "'-1",
        "'@x",
        "a=b",
        -1,
    ]


def test_times_and_the_hours_of_the_week_are_in_the_files_too() -> None:
    at = timezone.now()
    for ms in (100, 200, 4000):
        log(at, duration_ms=ms, stream=True, first_byte_ms=ms // 2, output_tokens=ms)
    client = signed_in()
    seen, rows = client.get("/?stack=key").context["seen"], exported(client, "?stack=key")
    measured = seen.percentiles["duration_ms"]
    assert measured[50] is not None
    for row in (
        rows[0],
        next(row for row in rows if row["what"] == "bar" and row["requests"] == "3"),
    ):
        assert [float(row[f"duration_ms_p{at}"]) for at in (50, 95, 99)] == [
            round(measured[at], 1) for at in (50, 95, 99)
        ]
        assert float(row["first_byte_ms_p50"]) == round(seen.percentiles["first_byte_ms"][50], 1)
        assert float(row["tokens_per_s_p50"]) == round(seen.percentiles["tokens_per_s"][50], 1)
    hours = {row["name"]: row["requests"] for row in rows if row["what"] == "hour"}
    assert len(hours) == 7 * 24
    assert hours[f"{at:%a %H}:00"] == "3"


def test_both_files_hold_the_same() -> None:
    log(timezone.now(), model="mk/a", cost_picousd=138_000_001, tier="subscription")
    client = signed_in()
    items: list[dict[str, Any]] = json.loads(client.get("/overview.json").content)["items"]
    assert [{name: str(value) for name, value in item.items()} for item in items] == exported(
        client
    )
    assert items[0]["flat_rate_usd"] == "0.000138000001"


AMOUNTS = [
    (amounts.short(950), "950"),
    (amounts.short(12_345), "12.3k"),
    (amounts.short(1_000_000), "1M"),
    (amounts.usd(0), "$0"),
    (amounts.usd(12 * USD + USD // 2), "$12.50"),
    (amounts.usd(1_234_567 * USD), "$1,234,567.00"),
    (amounts.usd(138_000_000), "$0.000138"),
    (amounts.duration(None), "\N{EN DASH}"),
    (amounts.duration(230.4), "230 ms"),
    (amounts.duration(1400), "1.4 s"),
    (amounts.percent(1, 3), "33.3%"),
    (amounts.percent(0, 0), "0%"),
    (amounts.change(3, 2), "+50%"),
    (amounts.change(3, 0), ""),
]


@pytest.mark.parametrize(("text", "expected"), AMOUNTS)
def test_amounts_are_short(text: str, expected: str) -> None:
    assert text == expected


@pytest.mark.parametrize(
    ("failed", "words"), [(0, "0 requests;"), (1, "1 request;"), (2, "2 requests;")]
)
def test_one_failed_request_is_told_as_one(failed: int, words: str) -> None:
    log(timezone.now())
    for _ in range(failed):
        log(timezone.now(), outcome="error")
    assert words in signed_in().get("/").content.decode()
