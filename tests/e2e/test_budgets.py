"""Budgets over real sockets: refused when spent, across restarts, fallbacks and processes."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.e2e.gateway import HELLO, Gateway, copy, key_of, keyed, request_id
from tests.e2e.upstream import Upstream

CHAT = "/v1/chat/completions"
KEYS = {
    "three": {"daily_requests": 3},
    "poor": {"monthly_usd": 0.000001},
    "ten": {"daily_requests": 10},
}


def configure(folder: Path) -> None:
    keys = [{"name": name, "key": key_of(name), "budgets": KEYS[name]} for name in KEYS]
    owned = [{"name": "of-ops", "key": key_of("of-ops"), "owner": "ops"}]
    users = [{"username": "ops", "email": "ops@example.com", "budgets": {"weekly_tokens": 1100}}]
    document = {"users": users, "api_keys": keys + owned}
    Gateway(folder).manage("config", "apply", "-", stdin=json.dumps(document))


@pytest.fixture(scope="module")
def gateway(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = copy(prepared, tmp_path_factory.mktemp("budgets"))
    configure(folder)
    gateway = Gateway(folder, "--no-worker", "--server", "uvicorn").start()
    yield gateway
    gateway.kill()


def ask(gateway: Gateway, key: str, model: str = "mk/plain") -> int:
    asked = {"model": model, "messages": HELLO, "max_tokens": 9}
    return gateway.post(CHAT, asked, **keyed(key_of(key))).status_code


def test_a_spent_budget_is_a_402_in_the_clients_format_and_stays_one(gateway: Gateway) -> None:
    assert [ask(gateway, "three") for _ in range(4)] == [200, 200, 200, 402]
    asked = {"model": "mk/plain", "messages": HELLO, "max_tokens": 9}
    openai = gateway.post(CHAT, asked, **keyed(key_of("three")))
    error = openai.json()["error"]
    assert (error["type"], error["code"]) == ("insufficient_quota", "budget_exceeded")
    assert error["message"].startswith(
        "the key's daily_requests budget of 3 requests is spent until"
    )
    assert 0 < int(openai.headers["retry-after"]) <= 86_400
    anthropic = gateway.post("/v1/messages", asked, **keyed(key_of("three")))
    assert anthropic.status_code == 402
    assert anthropic.json()["error"]["type"] == "billing_error"
    assert gateway.row(request_id(openai))["status"] == 402
    # Nor does it start anew with the process: the log says what was spent, before the first call.
    assert gateway.stop() == 0
    gateway.start()
    assert ask(gateway, "three") == 402
    assert len(gateway.rows("key = 'three' AND status = 200")) == 3


def test_a_user_pays_for_keys_without_a_budget_of_their_own(gateway: Gateway) -> None:
    # 16 tokens a call, and 1,000 reserved for an answer whose length is not bounded.
    asked = {"model": "mk/plain", "messages": HELLO}
    answers = [gateway.post(CHAT, asked, **keyed(key_of("of-ops"))) for _ in range(8)]
    refused = [answer for answer in answers if answer.status_code != 200]
    assert 0 < len(refused) < 8
    assert "the user's weekly_tokens budget of 1100 tokens" in refused[-1].text


def test_a_dearer_target_is_not_asked_for_money_that_is_not_there(
    gateway: Gateway, upstream: Upstream
) -> None:
    before = len(upstream.of("plain"))
    assert ask(gateway, "poor", "an/plain") == 200  # no price: no money budget stops it
    asked = len(upstream.of("plain"))
    assert asked == before + 1
    # The first target has no price and fails; the second has one.
    answer = gateway.post(CHAT, {"model": "after-500", "messages": HELLO}, **keyed(key_of("poor")))
    assert answer.status_code == 502
    attempts = json.loads(gateway.row(request_id(answer))["attempts"])
    assert [(a["model"], a["status"]) for a in attempts] == [
        ("mk/status-500", 500),
        ("well/plain", None),
        ("mk/status-500", 500),
    ]
    assert "monthly_usd budget" in attempts[1]["error"]
    assert len(upstream.of("plain")) == asked


def test_several_processes_do_not_overrun_a_budget(prepared: Path, tmp_path: Path) -> None:
    folder = copy(prepared, tmp_path / "two")
    configure(folder)
    gateway = Gateway(folder, "--workers", "2", "--no-worker", "--server", "uvicorn").start()
    try:
        with ThreadPoolExecutor(8) as pool:
            statuses = list(pool.map(lambda _: ask(gateway, "ten"), range(60)))
            # And again, once each has read what the other has written.
            until = time.monotonic() + 3
            while time.monotonic() < until:
                statuses += pool.map(lambda _: ask(gateway, "ten"), range(8))
    finally:
        gateway.stop()
    assert set(statuses) == {200, 402}
    assert 5 <= statuses.count(200) <= 10
    assert len(gateway.rows("key = 'ten' AND status = 200")) == statuses.count(200)
