"""Probes: what is asked on a clock, what its answer means, and that one process asks at a time."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from django.utils import timezone

from omniroute import http
from providers import catalogue, probes, quotas, rows, states
from providers.models import Connection, ConnectionState, Provider, Quota
from providers.quotas import Known
from tests.factories import ConnectionFactory, ProviderFactory

pytestmark = pytest.mark.django_db(transaction=True)

LIST = {"data": [{"id": "m"}]}
MODELS = [{"kind": "models", "dialect": "openai_chat", "base": "openai_chat", "path": "/models"}]
CREDIT = {"name": "credit", "unit": "USD", "limit": "total", "used": "used", "credit": "account"}
CREDITS = [{"path": "/credits", "quotas": [CREDIT]}]
KEY = "sk-canary-probe"


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests' database is in memory, where nobody waits for another's lock; and a new account
    is due in this turn of the clock, not the next."""
    monkeypatch.setattr(probes, "THREADS", 1)
    monkeypatch.setattr(probes, "NEW_APART_S", 0)


class Upstream:
    """Answers each path with a status and JSON; notes who asked for what."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, Any]] = {"/v1/models": (200, LIST)}
        self.asked: list[str] = []
        self.on_asked: Any = None
        upstream = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                upstream.asked.append(self.path)
                assert self.headers["authorization"] == f"Bearer {KEY}"
                if upstream.on_asked:
                    upstream.on_asked()
                status, told = upstream.answers.get(self.path, (404, {}))
                body = json.dumps(told).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Nobody reads it."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"
        Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    one = Upstream()
    yield one
    one.close()


@pytest.fixture
def provider(upstream: Upstream) -> Provider:
    return ProviderFactory(
        base_url=upstream.url, allow_private_network=True, builtin=True, endpoints=MODELS
    )


@pytest.fixture
def account(provider: Provider) -> Connection:
    return ConnectionFactory(name="mine", provider=provider, api_key=KEY)


def due(row: Connection) -> ConnectionState:
    """Its row, whose time has come."""
    ConnectionState.objects.filter(pk=row.pk).update(next_at=timezone.now())
    return ConnectionState.objects.select_related("connection__provider").get(pk=row.pk)


def state(row: Connection) -> tuple[str, str]:
    found = ConnectionState.objects.get(pk=row.pk)
    return found.status, found.cause


def asked_again(row: Connection) -> tuple[str, str]:
    assert probes.run(due(row))
    return state(row)


# --- What an answer means --------------------------------------------------------------------------


def test_an_account_that_answers_is_ok_and_is_asked_again_later(
    account: Connection, upstream: Upstream
) -> None:
    assert probes.run_due() == 1
    row = ConnectionState.objects.get()
    assert (row.status, row.cause, row.failures) == ("ok", "", 0)
    assert row.checked is not None
    assert timedelta(minutes=7) < row.next_at - timezone.now() < timedelta(minutes=13)
    assert probes.run_due() == 0
    assert upstream.asked == ["/v1/models"]


@dataclass(frozen=True)
class Case:
    id: str
    status: int
    state: str
    cause: str
    told: Any = field(default_factory=dict)


CASES = [
    Case("a refused key", 401, "needs_login", "the key was refused (401)"),
    Case("a key that may not list", 403, "degraded", "the key was refused (403)"),
    Case("a spent account", 402, "out_of_credit", "it answered 402"),
    Case("an outage", 503, "degraded", "it answered 503"),
    Case("a limit: it answers", 429, "ok", ""),
    Case("another page", 200, "degraded", "it answers, but with no list of models: is the base URL right?"),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_what_is_found_is_told(case: Case, account: Connection, upstream: Upstream) -> None:
    upstream.answers["/v1/models"] = (case.status, case.told)
    probes.run_due()
    assert state(account) == (case.state, case.cause)


def test_who_cannot_be_reached_is_degraded_and_asked_sooner(
    account: Connection, upstream: Upstream
) -> None:
    upstream.close()
    probes.run_due()
    row = ConnectionState.objects.get()
    assert (row.status, row.failures) == ("degraded", 1)
    assert row.next_at - timezone.now() < timedelta(minutes=2)


def test_it_is_ok_again_when_it_answers_again(account: Connection, upstream: Upstream) -> None:
    upstream.answers["/v1/models"] = (500, {})
    probes.run_due()
    upstream.answers["/v1/models"] = (200, LIST)
    assert asked_again(account) == ("ok", "")


# --- Credit ------------------------------------------------------------------------------------------


def spent(row: Connection) -> None:
    states.report({row.name: ("out_of_credit", "402: no credit")})


def test_a_top_up_is_noticed(account: Connection, provider: Provider, upstream: Upstream) -> None:
    provider.probes = CREDITS
    provider.save()
    spent(account)
    assert state(account) == ("out_of_credit", "402: no credit")
    upstream.answers["/v1/credits"] = (200, {"total": 5, "used": 5})
    assert asked_again(account) == ("out_of_credit", "nothing is left: credit")
    upstream.answers["/v1/credits"] = (200, {"total": 15, "used": 5})
    assert asked_again(account) == ("ok", "")
    row = Quota.objects.get()
    assert (row.name, row.unit, row.limit, row.remaining) == ("credit", "USD", 15, 10)


def test_a_list_of_models_is_no_proof_of_credit_nor_of_a_key(account: Connection) -> None:
    for trouble in ("out_of_credit", "needs_login"):
        states.report({account.name: (trouble, "as a call met it")})
        assert asked_again(account) == (trouble, "as a call met it")
        states.recovered([account.name])
        assert state(account) == ("ok", "")


def test_a_spent_account_that_cannot_be_asked_stays_spent(
    account: Connection, upstream: Upstream
) -> None:
    spent(account)
    upstream.answers["/v1/models"] = (500, {})
    assert asked_again(account) == ("out_of_credit", "402: no credit")


def test_who_may_not_see_the_credit_is_no_failure(
    account: Connection, provider: Provider, upstream: Upstream
) -> None:
    provider.probes = [CREDITS[0] | {"is_optional": True}]
    provider.save()
    upstream.answers["/v1/credits"] = (403, {})
    probes.run_due()
    assert state(account) == ("ok", "")
    assert not Quota.objects.exists()


def test_a_refused_question_proves_no_key_to_be_good(
    account: Connection, provider: Provider, upstream: Upstream
) -> None:
    provider.probes = [CREDITS[0] | {"is_optional": True}]
    provider.save()
    states.report({account.name: ("needs_login", "401: wrong key")})
    upstream.answers["/v1/credits"] = (401, {})
    assert asked_again(account) == ("needs_login", "401: wrong key")
    upstream.answers["/v1/credits"] = (200, {"total": 5, "used": 1})
    assert asked_again(account) == ("ok", "")


@pytest.mark.parametrize("told", [None, 7, "", "../../keys", "a/b", "a b", "a" * 99 + "?x"])
def test_what_is_told_first_is_one_part_of_the_path_or_nothing(
    account: Connection, provider: Provider, upstream: Upstream, told: Any
) -> None:
    first = {"path": "/projects", "at": "projects.0.id"}
    provider.probes = [CREDITS[0] | {"path": "/projects/{first}/credits", "first": first}]
    provider.save()
    upstream.answers["/v1/projects"] = (200, {"projects": [{"id": told}]})
    probes.run_due()
    assert upstream.asked == ["/v1/projects"]
    assert state(account)[0] == "degraded"


@pytest.mark.parametrize(
    ("told", "remains"),
    [([1, 2.5], 3.5), ([], None), ([None, "x", "4"], 4), ([1e308, 1e308], None), ("no list", None)],
)
def test_of_several_balances_there_is_the_sum(told: Any, remains: float | None) -> None:
    balances = [{"amount": each} for each in told] if isinstance(told, list) else told
    row = rows.QuotaRow(name="balance", remaining="balances.*.amount")
    known = probes.read({"balances": balances}, row, 0.0)
    assert (known and known.remaining) == remains


def test_a_vendor_without_chat_is_asked_for_quotas_at_its_own_address_alone() -> None:
    whole = [CREDITS[0] | {"path": "https://vendor.example/credits"}]
    owner = ProviderFactory(format="", base_url="", builtin=True, endpoints=MODELS, probes=whole)
    assert ConnectionFactory(provider=owner, api_key=KEY).is_probed
    assert not ConnectionFactory(provider=owner, api_key=KEY, probe=False).is_probed
    elsewhere = "https://relay.example"
    assert not ConnectionFactory(provider=owner, api_key=KEY, base_url=elsewhere).is_probed
    owner.probes = []
    owner.save()
    assert not ConnectionFactory(provider=owner, api_key=KEY, probe=True).is_probed


def test_an_answer_that_is_nested_without_end_is_none(
    account: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "get", lambda *_, **__: (200, b"[" * 100_000))
    probes.run_due()
    assert state(account) == (
        "degraded",
        "it answers, but with no list of models: is the base URL right?",
    )


def test_another_key_begins_anew(account: Connection) -> None:
    spent(account)
    account.priority = 7
    account.save()
    assert state(account)[0] == "out_of_credit"
    account.set_api_key("sk-another")
    account.save()
    assert state(account) == ("ok", "")
    assert ConnectionState.objects.get().next_at <= timezone.now()


# --- Who is asked, and by whom -------------------------------------------------------------------------


def test_two_workers_ask_once(account: Connection, upstream: Upstream) -> None:
    states.report({account.name: ("degraded", "")})
    mine = due(account)
    other = ConnectionState.objects.select_related("connection__provider").get(pk=mine.pk)
    seen = []
    upstream.on_asked = lambda: seen.append(
        ConnectionState.objects.filter(held_until__gt=timezone.now()).count()
    )
    assert probes.run(mine)
    assert not probes.run(other)  # it has been asked since that row was read
    assert upstream.asked == ["/v1/models"]
    assert seen == [1]


def test_a_claim_of_a_dead_worker_ends(account: Connection, upstream: Upstream) -> None:
    states.report({account.name: ("degraded", "")})
    row = due(account)
    held = ConnectionState.objects.filter(pk=row.pk)
    held.update(holder="dead", held_until=timezone.now() + timedelta(seconds=100))
    assert not probes.run(row)
    held.update(held_until=timezone.now() - timedelta(seconds=1))
    assert probes.run(row)


def test_what_a_call_meets_while_a_probe_runs_is_kept(
    account: Connection, upstream: Upstream
) -> None:
    probes.run_due()
    upstream.on_asked = lambda: spent(account)
    probes.run(due(account))
    assert state(account) == ("out_of_credit", "402: no credit")


WARNED = {"level": "high", "summary": "Accounts can be blocked."}


@pytest.mark.parametrize(
    ("provider_has", "probe", "is_asked"),
    [
        ({}, None, True),
        ({}, False, False),
        ({"builtin": False}, None, False),
        ({"builtin": False}, True, True),
        ({"endpoints": []}, None, False),
        ({"terms": WARNED}, None, False),
        ({"terms": WARNED}, True, True),
        ({"status": "restricted"}, None, True),  # without a word of warning
        ({"status": "restricted", "status_note": "Not for others."}, None, False),
        ({"base_url": "demo://here"}, True, False),
    ],
)
def test_only_what_costs_nothing_is_asked_unless_somebody_says_otherwise(
    provider_has: dict[str, Any], probe: bool | None, is_asked: bool, upstream: Upstream
) -> None:
    fields = {"base_url": upstream.url, "builtin": True, "endpoints": MODELS} | provider_has
    owner = ProviderFactory(allow_private_network=True, **fields)
    ConnectionFactory(provider=owner, api_key=KEY, probe=probe)
    assert probes.run_due() == is_asked
    assert bool(upstream.asked) == is_asked


def test_a_connection_that_is_switched_off_is_not_asked(
    account: Connection, upstream: Upstream
) -> None:
    account.active = False
    account.save()
    assert probes.run_due() == 0
    assert upstream.asked == []


def test_many_new_accounts_are_not_asked_at_once(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probes, "NEW_APART_S", 1.0)
    for _ in range(30):
        ConnectionFactory(provider=provider, api_key=KEY)
    began = timezone.now()
    probes._begin_new()
    times = [row.next_at for row in ConnectionState.objects.all()]
    assert len(set(times)) == 30
    assert began <= min(times)
    assert max(times) <= timezone.now() + timedelta(seconds=30)


def test_an_account_at_another_address_is_not_asked_what_the_vendor_is(
    provider: Provider, upstream: Upstream
) -> None:
    """The catalogue's question may be at the vendor's own host, which is not to get this key."""
    provider.probes = [{"path": "https://vendor.example/credits", "quotas": [CREDIT]}]
    provider.save()
    ConnectionFactory(provider=provider, api_key=KEY, base_url=upstream.url)
    probes.run_due()
    assert upstream.asked == ["/v1/models"]


# --- Vendors' answers, written after their documentation -----------------------------------------------


@dataclass(frozen=True)
class Vendor:
    """`answers` by URL; `known` is name, limit and what remains."""

    id: str
    answers: dict[str, Any]
    known: list[tuple[str, float | None, float | None]]
    resets: str = ""
    header: tuple[str, str] = ("authorization", f"Bearer {KEY}")


VENDORS = [
    Vendor(
        "openrouter",
        {
            "https://openrouter.ai/api/v1/key": {
                "data": {"label": "k", "limit": 5, "limit_remaining": 4.5, "usage": 0.5}
            },
            "https://openrouter.ai/api/v1/credits": {
                "data": {"total_credits": 100.5, "total_usage": 25.5}
            },
        },
        [("credit of the key", 5, 4.5), ("credit", 100.5, 75)],
    ),
    Vendor(
        "github",
        {
            "https://api.github.com/copilot_internal/user": {
                "copilot_plan": "individual",
                "quota_reset_date": "2030-02-01",
                "quota_snapshots": {
                    "chat": {"entitlement": 0, "remaining": 0, "unlimited": True},
                    "premium_interactions": {"entitlement": 300, "remaining": 120},
                },
            }
        },
        [("premium requests", 300, 120)],
        resets="2030-02-01",
    ),
    Vendor(
        "kimi-coding",
        {
            "https://api.kimi.com/coding/v1/usages": {
                "usage": {"limit": "100", "used": "26", "resetTime": "2030-02-01T00:00:00Z"},
                "limits": [
                    {
                        "window": {"duration": 300, "timeUnit": "TIME_UNIT_MINUTE"},
                        "detail": {
                            "limit": "100", "remaining": "85", "resetTime": "2030-02-01T00:00:00Z",
                        },
                    }
                ],
            }
        },
        [("week", 100, 74), ("5 hours", 100, 85)],
        resets="2030-02-01",
    ),
    Vendor(
        "deepseek",
        {
            "https://api.deepseek.com/user/balance": {
                "is_available": True,
                "balance_infos": [{"currency": "CNY", "total_balance": "110.00"}],
            }
        },
        [("balance", None, 110)],
    ),
    Vendor(
        "kimi",
        {"https://api.moonshot.ai/v1/users/me/balance": {"data": {"available_balance": 49.5}}},
        [("balance", None, 49.5)],
    ),
    Vendor(
        "kimi-cn",
        {"https://api.moonshot.cn/v1/users/me/balance": {"data": {"available_balance": 49.5}}},
        [("balance", None, 49.5)],
    ),
    Vendor(
        "siliconflow",
        {"https://api.siliconflow.com/v1/user/info": {"data": {"totalBalance": "88.00"}}},
        [("balance", None, 88)],
    ),
    Vendor(
        "vercel-ai-gateway",
        {"https://ai-gateway.vercel.sh/v1/credits": {"balance": "95.50", "total_used": "4.50"}},
        [("balance", None, 95.5)],
    ),
    Vendor(
        "poe",
        {"https://api.poe.com/usage/current_balance": {"current_point_balance": 1500}},
        [("balance", None, 1500)],
    ),
    Vendor(
        "elevenlabs",
        {
            "https://api.elevenlabs.io/v1/user/subscription": {
                "tier": "creator", "character_count": 17231, "character_limit": 100000,
                "next_character_count_reset_unix": 1_896_134_400, "status": "active",
            }
        },
        [("characters", 100_000, 82_769)],
        resets="2030-02-01",
        header=("xi-api-key", KEY),
    ),
    Vendor(
        "stability-ai",
        {"https://api.stability.ai/v1/user/balance": {"credits": 0.6336833840314097}},
        [("credits", None, 0.6336833840314097)],
    ),
    Vendor(
        "deepgram",
        {
            "https://api.deepgram.com/v1/projects": {
                "projects": [{"project_id": "a21e-77", "name": "mine"}, {"project_id": "b"}]
            },
            "https://api.deepgram.com/v1/projects/a21e-77/balances": {
                "balances": [
                    {"balance_id": "1", "amount": 102.5, "units": "usd", "purchase": "a"},
                    {"balance_id": "2", "amount": 7.5, "units": "usd", "purchase": "b"},
                ]
            },
        },
        [("balance", None, 110)],
        header=("authorization", f"Token {KEY}"),
    ),
    Vendor(
        "black-forest-labs",
        {"https://api.bfl.ai/v1/credits": {"credits": 123.4}},
        [("credits", None, 123.4)],
        header=("x-key", KEY),
    ),
    Vendor(
        "recraft",
        {"https://external.api.recraft.ai/v1/users/me": {"id": "u", "credits": 184250}},
        [("credits", None, 184_250)],
    ),
    Vendor(
        "fal-ai",
        {
            "https://api.fal.ai/v1/account/billing?expand=credits": {
                "username": "mine", "credits": {"current_balance": 24.5, "currency": "USD"},
            }
        },
        [("balance", None, 24.5)],
        header=("authorization", f"Key {KEY}"),
    ),
]  # fmt: skip


def test_every_row_that_tells_of_a_probe_is_among_them() -> None:
    assert {row.id for row in catalogue.read() if row.probes} == {vendor.id for vendor in VENDORS}


@pytest.mark.parametrize("vendor", VENDORS, ids=lambda vendor: vendor.id)
def test_a_vendors_quotas_are_read(vendor: Vendor, monkeypatch: pytest.MonkeyPatch) -> None:
    row = rows.read_file(rows.FOLDER / f"{vendor.id}.yaml")
    owner = Provider(slug=row.id, builtin=True, **catalogue._provider_fields(row))
    owner.save()
    account = ConnectionFactory(provider=owner, api_key=KEY, params={"integration_id": "x"})
    if "oauth" in row.auth and "api_key" not in row.auth:
        account.auth_type = "oauth"
        account.credential = account.sealed({"access_token": KEY})
        account.save()
    keys = []

    def get(url: str, headers: dict[str, str], **_: Any) -> tuple[int, bytes]:
        keys.append(headers.get(vendor.header[0]))
        return 200, json.dumps(vendor.answers[url]).encode()

    monkeypatch.setattr(http, "get", get)
    finding, known = probes.probe(account)
    assert finding.status == "ok"
    assert [(each.name, each.limit, each.remaining) for each in known] == vendor.known
    assert set(keys) == {vendor.header[1]}
    assert account.is_probed or owner.warning
    if vendor.resets:
        assert known[0].resets_at is not None
        assert time.strftime("%Y-%m-%d", time.gmtime(known[0].resets_at)) == vendor.resets


# --- What is known of quotas, and for how long -----------------------------------------------------------


def test_older_news_is_none(account: Connection) -> None:
    for observed, remaining in ((2000.0, 7.0), (1000.0, 9.0)):
        quotas.store({"mine": [Known("requests", observed, limit=10, remaining=remaining)]})
    assert quotas.read(["mine"])["mine"][0].remaining == 7


def test_a_quota_of_a_connection_that_is_gone_is_dropped() -> None:
    quotas.store({"gone": [Known("requests", 1000.0)]})
    assert not Quota.objects.exists()


def test_what_nobody_spoke_of_for_an_hour_is_stale_and_for_a_week_forgotten(
    account: Connection,
) -> None:
    now = timezone.now()
    known = Known("credit", now.timestamp() - 3700, limit=10, remaining=7)
    assert known.is_stale(now.timestamp())
    assert not known.is_stale(now.timestamp() - 200)
    quotas.store({"mine": [known]})
    quotas.forget(now)
    assert Quota.objects.exists()
    quotas.forget(now + timedelta(days=7))
    assert not Quota.objects.exists()
