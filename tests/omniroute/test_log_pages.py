"""The pages of the request log: who sees which rows, what filters find, how pages are turned."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.conf import settings
from django.db import connection
from django.test import AsyncClient, Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import roles
from accounts.models import ApiKey, User
from omniroute.console import logs
from tests.analytics.rows import log
from tests.factories import ProviderFactory, ProviderModelFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def viewer() -> Client:
    return signed_in(UserFactory(role=roles.VIEWER))


@pytest.fixture
def member() -> Client:
    return signed_in(UserFactory(username="ann", role=roles.MEMBER))


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def ago(**past: float) -> datetime:
    return timezone.now() - timedelta(**past)


def shown(client: Client, path: str) -> list[str]:
    return [row.id for row in client.get(path).context["rows"]]


def file(client: Client, path: str) -> str:
    """What a browser saves."""
    user = User.objects.get(pk=client.session["_auth_user_id"])

    async def read() -> str:
        asynchronous = AsyncClient()
        await asynchronous.aforce_login(user)
        answer: Any = await asynchronous.get(path)
        return b"".join([piece async for piece in answer.streaming_content]).decode()

    return async_to_sync(read)()


# --- Who sees what ---------------------------------------------------------------------------


def test_a_member_sees_own_requests_only(member: Client) -> None:
    own, other = log(ago(minutes=2), user="ann"), log(ago(minutes=1), user="ben")
    assert shown(member, "/logs/") == [own]
    assert shown(member, "/logs/?key=laptop") == [own]
    assert member.get(f"/logs/{own}/").status_code == 200
    assert member.get(f"/logs/{other}/").status_code == 404


@pytest.mark.django_db(transaction=True)
def test_a_member_saves_own_requests_only(member: Client) -> None:
    own, other = log(ago(minutes=2), user="ann"), log(ago(minutes=1), user="ben")
    for format in ("csv", "json"):
        saved = file(member, f"/logs/export.{format}")
        assert own in saved
        assert other not in saved


def test_a_member_is_told_of_no_key_but_their_own(member: Client) -> None:
    for name in ("ann", "ben"):
        owner = User.objects.filter(username=name).first() or UserFactory(username=name)
        ApiKey.objects.create(name=f"{name}s-key", owner=owner, sha256=name)
    page = member.get("/logs/").content.decode()
    assert "anns-key" in page
    assert "bens-key" not in page


@pytest.mark.parametrize("path", ["/logs/", "/logs/export.csv", "/logs/req_1/"])
def test_nobody_else_sees_anything(client: Client, path: str) -> None:
    assert client.get(path)["location"].startswith("/account/login/")


# --- What is found ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    id: str
    query: str
    row: dict[str, Any]


FOUND = [
    Case("provider", "provider=mock", {"provider": "mock"}),
    Case("model", "model=mock/a", {"model": "mock/a"}),
    Case("key", "key=desk", {"key": "desk"}),
    Case("combo", "combo=best", {"combo": "best"}),
    Case("outcome", "outcome=error", {"outcome": "error"}),
    Case("status", "status=502", {"status": 502}),
    Case("tag", "tag=nightly", {"tags": '["nightly","x"]'}),
    Case("cost from", "cost_min=0.5", {"cost_picousd": 500_000_000_000}),
    Case("cost to", "cost_min=0.4&cost_max=0.5", {"cost_picousd": 500_000_000_000}),
    Case("takes long", "ms_min=9000", {"duration_ms": 9_000}),
    Case("takes a while", "ms_min=5000&ms_max=9000", {"duration_ms": 9_000}),
    Case("error", "error=TIMED+out", {"error": "it timed out"}),
]


@pytest.mark.parametrize("case", FOUND, ids=lambda case: case.id)
def test_a_filter_finds_its_rows_and_no_other(viewer: Client, case: Case) -> None:
    log(ago(minutes=3), provider="other", key="", outcome="ok", cost_picousd=1, duration_ms=1)
    wanted = log(ago(minutes=2), **{"provider": "third"} | case.row)
    assert shown(viewer, f"/logs/?{case.query}") == [wanted]


def test_without_a_time_the_last_day_is_shown(viewer: Client) -> None:
    old, new = log(ago(hours=25)), log(ago(hours=23))
    assert shown(viewer, "/logs/") == [new]
    assert shown(viewer, "/logs/?range=7d") == [new, old]
    since = (ago(hours=26)).strftime("%Y-%m-%dT%H:%M:%SZ")
    until = (ago(hours=24)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert shown(viewer, f"/logs/?since={since}&until={until}") == [old]


MISTAKES = ["since=yesterday", "status=9", "cost_min=-1", "ms_min=x", "outcome=good", "range=1y",
            "since=2026-01-02&until=2026-01-01", "model=" + "m" * 251]  # fmt: skip


@pytest.mark.parametrize("query", MISTAKES)
def test_a_filter_that_makes_no_sense_is_said_at_its_field(viewer: Client, query: str) -> None:
    answer = viewer.get(f"/logs/?{query}")
    assert answer.status_code == 200
    assert 'role="alert"' in answer.content.decode()
    assert viewer.get(f"/logs/export.csv?{query}").status_code == 400


def test_where_nothing_is_found_the_page_says_what_to_do(viewer: Client) -> None:
    assert "Every call of a model is listed here" in viewer.get("/logs/").content.decode()
    assert "Nothing matches" in viewer.get("/logs/?model=x").content.decode()


# --- Pages -----------------------------------------------------------------------------------


def test_pages_are_turned_by_key_to_the_end_and_back(
    viewer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "PAGE", 3)
    ids = [log(ago(minutes=minutes)) for minutes in range(7)]
    first = viewer.get("/logs/").context
    assert [row.id for row in first["rows"]] == ids[:3]
    assert (first["newer"], first["older"]) == (False, True)
    second = viewer.get(f"/logs/?before={ids[2]}").context
    assert [row.id for row in second["rows"]] == ids[3:6]
    assert (second["newer"], second["older"]) == (True, True)
    last = viewer.get(f"/logs/?before={ids[5]}").context
    assert [row.id for row in last["rows"]] == ids[6:]
    assert (last["newer"], last["older"]) == (True, False)
    back = viewer.get(f"/logs/?after={ids[6]}").context
    assert [row.id for row in back["rows"]] == ids[3:6]
    assert (back["newer"], back["older"]) == (True, True)


def test_a_page_takes_as_many_queries_whatever_stands_on_it(viewer: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as counted:
            viewer.get("/logs/?range=7d")
        assert not any("COUNT(" in query["sql"] for query in counted.captured_queries)
        return len(counted)

    log(ago(minutes=1))
    few = queries()
    for minutes in range(60):
        log(ago(minutes=minutes))
    assert queries() == few <= 7


def test_a_part_of_the_page_is_given_where_a_part_is_asked_for(viewer: Client) -> None:
    log(ago(minutes=1), model="mock/a")
    part = viewer.get("/logs/?model=mock/a&key=&status=", headers={"hx-request-type": "partial"})
    assert "<html" not in part.content.decode()
    assert part["hx-push-url"] == "/logs/?model=mock%2Fa"
    assert "HX-Request-Type" in part["vary"]


# --- Files -----------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_file_holds_what_the_filters_find(viewer: Client) -> None:
    log(ago(minutes=3), model="mock/b")
    ids = [log(ago(minutes=m), model="mock/a", cost_picousd=21_000_000) for m in (1, 2)]
    rows = json.loads(file(viewer, "/logs/export.json?model=mock/a"))
    assert [row["id"] for row in rows] == ids
    assert rows[0]["cost_usd"] == "0.000021"
    assert rows[0]["time"].endswith("Z")
    assert "request_body" not in rows[0]
    header, *lines = file(viewer, "/logs/export.csv?model=mock/a").splitlines()
    assert header.split(",")[:2] == ["id", "time"]
    assert [line.split(",")[0] for line in lines] == ids


@pytest.mark.django_db(transaction=True)
def test_a_file_of_nothing_is_whole(viewer: Client) -> None:
    assert json.loads(file(viewer, "/logs/export.json")) == []


@pytest.mark.django_db(transaction=True)
def test_a_spreadsheet_computes_nothing_that_a_client_has_sent(viewer: Client) -> None:
    log(ago(minutes=1), requested_model='=HYPERLINK("http://x.example")')
    assert "'=HYPERLINK" in file(viewer, "/logs/export.csv")


@pytest.mark.django_db(transaction=True)
def test_a_file_has_an_end_however_long_the_log_is(
    viewer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("omniroute.console.log_export.MAX_ROWS", 5)
    monkeypatch.setattr("omniroute.console.log_export.BATCH", 2)
    ids = [log(ago(minutes=minutes)) for minutes in range(7)]
    assert [row["id"] for row in json.loads(file(viewer, "/logs/export.json"))] == ids[:5]


# --- One request -----------------------------------------------------------------------------

HOSTILE = "<script>alert(1)</script> \u202eright to left \x1b[31mred"


def test_what_clients_send_is_shown_and_does_nothing(viewer: Client) -> None:
    body = json.dumps({"messages": [{"content": HOSTILE}]}, ensure_ascii=False)
    id = log(
        ago(minutes=1), requested_model=HOSTILE, error=HOSTILE, key=HOSTILE, request_body=body,
        response_body=HOSTILE, tags=json.dumps([HOSTILE]), dropped=json.dumps([HOSTILE]),
    )  # fmt: skip
    for path in ("/logs/", f"/logs/{id}/"):
        page = viewer.get(path).content.decode()
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)" in page
        assert "⟨U+202E⟩" in page
        assert "⟨U+001B⟩[31mred" in page
        assert not {"\u202e", "\x1b"} & set(page)


def test_a_price_is_told_by_kinds_of_tokens(viewer: Client) -> None:
    provider = ProviderFactory(alias="mock")
    ProviderModelFactory(
        provider=provider, name="m", input_price=3, output_price=15, cache_read_price="0.3"
    )
    cost = 800 * 3_000_000 + 200 * 300_000 + 10 * 15_000_000
    id = log(
        ago(minutes=1), model="mock/m", input_tokens=1_000, cache_read_tokens=200,
        output_tokens=10, cost_picousd=cost,
    )  # fmt: skip
    detail = viewer.get(f"/logs/{id}/").context["detail"]
    assert [(line.tokens, line.per_million, line.cost) for line in detail.bill] == [
        (800, 3 * 10**12, 2_400_000_000),
        (200, 3 * 10**11, 60_000_000),
        (10, 15 * 10**12, 150_000_000),
    ]
    assert detail.is_as_billed
    dearer = log(ago(minutes=1), model="mock/m", input_tokens=1_000, cost_picousd=cost)
    assert "The price has changed since" in viewer.get(f"/logs/{dearer}/").content.decode()


@pytest.mark.parametrize(
    ("score", "words"),
    [
        ({}, ""),
        ({"score": 620_000_000.0, "measure": "cost_picousd"}, "$0.00062 estimated"),
        ({"score": 0.0, "measure": "cost_picousd"}, "$0 estimated"),
        ({"score": 1.24, "measure": "answer_s"}, "an answer in 1.2 s"),
        ({"score": 0.85, "measure": "load_s"}, "a wait of 850 ms"),
        ({"score": 12_300.0, "measure": "used_tokens"}, "12.3k tokens in an hour"),
        ({"score": 3.0, "measure": "weight"}, "weight 3"),
        ({"score": 0.2, "measure": "lot"}, "by its session"),
        ({"score": 0.25}, "score 0.25"),
    ],
)
def test_what_put_a_candidate_in_its_place_is_said_in_its_unit(
    viewer: Client, score: dict[str, Any], words: str
) -> None:
    trace = {"order": [{"model": "a/m", "connection": "one"} | score], "excluded": []}
    id = log(ago(minutes=1), trace=json.dumps(trace))
    page = viewer.get(f"/logs/{id}/")
    assert page.context["detail"].order == [{"model": "a/m", "connection": "one", "score": words}]
    assert f'<span class="muted">{words}</span>' in page.content.decode() or not words


def test_attempts_lie_where_they_were_in_time(viewer: Client) -> None:
    attempts = [
        {
            "model": "a/m",
            "connection": "one",
            "status": 500,
            "error": "broken",
            "ms": 50,
            "at_ms": 0,
        },
        {
            "model": "b/m",
            "connection": "two",
            "status": 200,
            "error": None,
            "ms": 100,
            "at_ms": 100,
        },
    ]
    id = log(ago(minutes=1), attempts=json.dumps(attempts), duration_ms=200, first_byte_ms=150)
    detail = viewer.get(f"/logs/{id}/").context["detail"]
    assert [(bar.start, bar.width, bar.answered) for bar in detail.bars] == [
        ("0.00", "25.00", False),
        ("50.00", "50.00", True),
    ]
    assert detail.first_byte == "75.00"


def test_a_request_can_be_asked_again_from_a_shell_with_the_readers_own_key(
    viewer: Client,
) -> None:
    id = log(ago(minutes=1), request_body="""{"model": "it's"}""")
    curl = viewer.get(f"/logs/{id}/").context["detail"].curl
    assert '"Authorization: Bearer $OMNIROUTE_API_KEY"' in curl
    assert """'{"model": "it'"'"'s"}'""" in curl
    cut = log(ago(minutes=1), request_body='{"model": "m", "mess')
    assert viewer.get(f"/logs/{cut}/").context["detail"].curl == ""


def test_what_the_playground_asked_is_asked_from_a_shell_at_a_clients_address(
    viewer: Client,
) -> None:
    id = log(ago(minutes=1), request_body='{"model": "m"}', path="/playground/call/7/")
    curl = viewer.get(f"/logs/{id}/").context["detail"].curl
    assert curl.startswith(f"curl {settings.PUBLIC_URL}/v1/chat/completions ")


def test_where_bodies_are_not_kept_the_page_says_how_they_would_be(viewer: Client) -> None:
    id = log(ago(minutes=1))
    assert "log_bodies" in viewer.get(f"/logs/{id}/").content.decode()
