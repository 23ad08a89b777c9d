"""A real gateway: what it hears and meets of its accounts is told, and a top-up is noticed."""

import asyncio
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import upstream as plain
from tests.e2e.gateway import CLIENT, HELLO, MANAGE_KEY, Gateway, key_of, keyed, until
from tests.e2e.upstream import Seen, Upstream

# What the catalogue would say of a provider that sells credit, as Django's shell writes it: nobody
# else can.
FACTS = """
from providers.models import Provider
credit = {"name": "credit", "remaining": "left", "credit": "account"}
for row in Provider.objects.filter(slug__in=["acme", "told"]):
    row.builtin, row.rate_limit_headers = True, ["x-ratelimit-limit", "x-ratelimit-remaining"]
    row.probes = [{"path": "/credits", "quotas": [credit]}]
    row.save()
"""
PROBE = """
from datetime import timedelta
from django.utils import timezone
from providers import probes
from providers.models import ConnectionState
past = timezone.now() - timedelta(seconds=1)
ConnectionState.objects.update(next_at=past)
print(probes.run_due())
"""


NAMES = ("acme", "told")


class Seller(Upstream):
    """Refuses calls while an account has no credit, and says how much it has."""

    def __init__(self) -> None:
        self.credit, self.remaining = 0, 90
        super().__init__()

    async def answer(self, seen: Seen, writer: asyncio.StreamWriter) -> bool:
        if seen.path.endswith("/credits"):
            await plain.send(writer, plain.json_answer({"left": self.credit}, 200, ""))
            return True
        if self.credit:
            limits = f"X-RateLimit-Limit: 100\r\nX-RateLimit-Remaining: {self.remaining}\r\n"
            body = plain.openai_json(seen.model)
            await plain.send(writer, plain.json_answer(body, 200, limits))
            return True
        error = {"error": {"message": "no credit", "type": "t"}}
        await plain.send(writer, plain.json_answer(error, 402, ""))
        return True


@pytest.fixture(scope="module")
def seller() -> Iterator[Seller]:
    one = Seller()
    yield one
    one.close()


@pytest.fixture(scope="module")
def gateway(seller: Seller, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder: Path = tmp_path_factory.mktemp("accounts")
    one = Gateway(folder, "--no-worker", "--server", "uvicorn")
    one.manage("bootstrap")
    account = {"type": "api_key", "api_key": "sk-canary"}
    one.apply(
        {
            "providers": [
                {"id": name, "alias": name, "base_url": seller.url, "allow_private_network": True}
                for name in NAMES
            ],
            "connections": [{"name": name, "provider": name, "auth": account} for name in NAMES],
            "api_keys": [
                {"name": "laptop", "key": key_of("laptop")},
                {"name": "ops", "key": MANAGE_KEY, "scopes": ["manage"], "owner": "admin"},
            ],
            "settings": {"cooldown_auth_s": 3600},
        }
    )  # fmt: skip
    one.manage("shell", "-c", FACTS)
    one.start()
    yield one
    assert one.stop() == 0
    assert "Traceback" not in one.output()
    assert "sk-canary" not in one.output()


def call(gateway: Gateway, alias: str) -> int:
    body = {"model": f"{alias}/plain", "messages": HELLO}
    where = gateway.url + "/v1/chat/completions"
    return CLIENT.post(where, json=body, headers=keyed(key_of("laptop"))).status_code


def account(gateway: Gateway, name: str) -> dict[str, Any]:
    answer = CLIENT.get(gateway.url + "/api/health", headers=keyed(MANAGE_KEY))
    assert "sk-canary" not in answer.text
    found: dict[str, Any] = next(
        each for each in answer.json()["accounts"] if each["connection"] == name
    )
    return found


def statuses(gateway: Gateway) -> list[str]:
    """As a probe in another process finds them."""
    with sqlite3.connect(f"file:{gateway.folder / 'omniroute.db'}?mode=ro", uri=True) as database:
        query = "SELECT status FROM providers_connectionstate WHERE reported"
        return [status for (status,) in database.execute(query)]


def test_a_spent_account_comes_back_by_itself_when_it_is_topped_up(
    gateway: Gateway, seller: Seller
) -> None:
    seller.credit = 0
    assert call(gateway, "acme") == 429
    state = account(gateway, "acme")["state"]
    assert (state["status"], state["cause"]) == ("out_of_credit", "402: no credit")
    seller.seen.clear()
    assert call(gateway, "acme") == 429
    assert not seller.seen
    until(lambda: statuses(gateway) == ["out_of_credit"], 15)
    gateway.manage("shell", "-c", PROBE)
    assert call(gateway, "acme") == 429
    seller.credit = 10
    gateway.manage("shell", "-c", PROBE)
    until(lambda: call(gateway, "acme") == 200, 15)
    assert account(gateway, "acme")["state"]["status"] == "ok"
    assert account(gateway, "acme")["quotas"][0]["remaining"] == 10


def test_quotas_in_the_headers_of_answers_are_told_and_a_reserve_is_kept_by_them(
    gateway: Gateway, seller: Seller
) -> None:
    seller.credit, seller.remaining = 10, 70
    where = gateway.url + "/api/connections/told"
    assert call(gateway, "told") == 200

    def learned() -> list[dict[str, Any]]:
        quotas: list[dict[str, Any]] = account(gateway, "told")["quotas"]
        return [each for each in quotas if each["name"] == "requests"]

    [quota] = until(learned, 15)
    assert (quota["limit"], quota["remaining"], quota["model"]) == (100, 70, None)
    assert (quota["stale"], quota["window_s"]) == (False, 60)
    seller.remaining = 50
    CLIENT.patch(where, json={"headroom": 0.5}, headers=keyed(MANAGE_KEY)).raise_for_status()
    until(lambda: call(gateway, "told") == 429, 15)
    seller.seen.clear()
    assert call(gateway, "told") == 429
    assert not seller.seen
    state = account(gateway, "told")["state"]
    assert state["status"] == "cooling"
    assert state["cause"].startswith("50% of the account is left to its owner: of requests 50")
    CLIENT.patch(where, json={"headroom": 0}, headers=keyed(MANAGE_KEY)).raise_for_status()
    until(lambda: call(gateway, "told") == 200, 15)
