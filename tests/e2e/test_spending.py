"""Whose budget, of which period and unit: refused when spent, told when soft, never in a free one's way."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from accounts.models import BUDGETS
from tests.e2e.gateway import (
    CLIENT,
    HELLO,
    MANAGE_KEY,
    Gateway,
    copy,
    key_of,
    keyed,
    request_id,
    until,
)
from tests.e2e.upstream import Upstream

# A call of `ask` takes 16 tokens and 0.000021 USD, and reserves at least 9 tokens and 0.000018 USD
# of it: of each there is room for two.
ROOM = {"usd": 0.000059, "tokens": 40, "requests": 2}
SECONDS = {"daily": 86_400, "weekly": 7 * 86_400, "monthly": 31 * 86_400}


def room(budget: str) -> float:
    return ROOM[budget.partition("_")[2]]


def configured() -> dict[str, Any]:
    users: list[dict[str, Any]] = []
    keys: list[dict[str, Any]] = []
    for budget in BUDGETS:
        for kind, field in (("hard", "budgets"), ("soft", "soft_budgets")):
            held = {field: {budget: room(budget)}}
            user, name = f"user-{kind}-{budget}", f"{kind}-{budget}"
            users.append({"username": user} | held)
            keys.append({"name": f"key-{name}", "key": key_of(f"key-{name}")} | held)
            keys.append({"name": f"of-{name}", "key": key_of(f"of-{name}"), "owner": user})
    for name in ("anyone", "poor", "poor-combo", "overspent", "few-tokens"):
        keys.append({"name": name, "key": key_of(name)})
    for name, usd in (("poor", 0.00003), ("poor-combo", 0.00003), ("overspent", 0.00004)):
        next(key for key in keys if key["name"] == name)["budgets"] = {"daily_usd": usd}
    keys[-1]["budgets"] = {"daily_tokens": 40}
    return {
        "models": [
            {"id": "mk/plain", "input_price": 1, "output_price": 2},
            {"id": "two/free", "input_price": 0, "output_price": 0},
        ],
        "combos": [
            {"name": "paid-first", "targets": [{"model": "mk/plain"}, {"model": "two/free"}]},
            {"name": "paid-only", "targets": [{"model": "mk/plain"}, {"model": "well/plain"}]},
        ],
        "users": users,
        "api_keys": keys,
    }


@pytest.fixture(scope="module")
def gateway(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = copy(prepared, tmp_path_factory.mktemp("spending"))
    Gateway(folder).apply(configured())
    gateway = Gateway(folder, "--no-worker", "--server", "uvicorn").start()
    yield gateway
    assert gateway.stop() == 0
    assert "Traceback" not in gateway.output()


def ask(gateway: Gateway, key: str, model: str = "mk/plain", **more: Any) -> httpx.Response:
    body = {"model": model, "messages": HELLO, "max_tokens": 9} | more
    return gateway.post("/v1/chat/completions", body, **keyed(key_of(key)))


# --- Hard ------------------------------------------------------------------------------------


@pytest.mark.parametrize("budget", BUDGETS)
@pytest.mark.parametrize("whose", ["key", "user"])
def test_what_is_spent_is_refused(gateway: Gateway, whose: str, budget: str) -> None:
    key = f"{'key' if whose == 'key' else 'of'}-hard-{budget}"
    answers = [ask(gateway, key) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 402, 402]
    _check_refusal(answers[-1], whose, budget)


def _check_refusal(answer: httpx.Response, whose: str, budget: str) -> None:
    error = answer.json()["error"]
    assert (error["type"], error["code"]) == ("insufficient_quota", "budget_exceeded")
    assert error["message"].startswith(f"the {whose}'s {budget} budget of ")
    assert 0 < int(answer.headers["retry-after"]) <= SECONDS[budget.partition("_")[0]]


@pytest.mark.parametrize("budget", BUDGETS)
def test_so_is_what_all_keys_together_have_spent(gateway: Gateway, budget: str) -> None:
    last = ask(gateway, "anyone")
    gateway.row(request_id(last))
    limit = _spent(gateway, budget.partition("_")[2]) + room(budget)
    try:
        _set(gateway, budgets={budget: limit})
        statuses = [ask(gateway, "anyone").status_code for _ in range(4)]
        assert statuses == [200, 200, 402, 402]
        _check_refusal(ask(gateway, "anyone"), "total", budget)
    finally:
        _set(gateway, budgets={})
    assert ask(gateway, "anyone").status_code == 200


def _set(gateway: Gateway, **settings: Any) -> None:
    """In force when it returns: so is the key that comes with it."""
    name = f"marker-{uuid4().hex[:12]}"
    api, manage = gateway.url + "/api", keyed(MANAGE_KEY)
    assert CLIENT.patch(api + "/settings", json=settings, headers=manage).status_code == 200
    made = CLIENT.post(api + "/keys", json={"name": name, "key": key_of(name)}, headers=manage)
    assert made.status_code == 201
    until(lambda: ask(gateway, name, "mk-no-such").status_code == 404)


def _spent(gateway: Gateway, unit: str) -> float:
    rows = gateway.rows("provider != ''")
    if unit == "requests":
        return len(rows)
    if unit == "tokens":
        return float(sum(row["input_tokens"] + row["output_tokens"] for row in rows))
    return float(sum(row["cost_picousd"] or 0 for row in rows) / 10**12)


# --- Free, and unpriced ------------------------------------------------------------------------


def test_what_costs_nothing_is_stopped_by_no_budget_of_money(gateway: Gateway) -> None:
    assert [ask(gateway, "poor").status_code for _ in range(3)] == [200, 402, 402]
    assert ask(gateway, "poor", "two/free").status_code == 200  # its price is 0
    assert ask(gateway, "poor", "an/plain").status_code == 200  # nobody knows its price
    assert ask(gateway, "poor").status_code == 402


def test_nor_by_one_that_was_overspent(gateway: Gateway) -> None:
    # The answer is longer than the client's bound said, so that more is spent than was there.
    assert ask(gateway, "overspent", max_tokens=1).status_code == 200
    last = ask(gateway, "overspent", max_tokens=1)
    assert last.status_code == 200
    gateway.row(request_id(last))
    assert ask(gateway, "overspent", max_tokens=1).status_code == 402
    for model in ("two/free", "an/plain"):
        assert ask(gateway, "overspent", model).status_code == 200


def test_a_combo_goes_on_to_what_there_is_money_for(gateway: Gateway, upstream: Upstream) -> None:
    first = ask(gateway, "poor-combo", "paid-first")
    assert first.headers["x-omniroute-model"] == "mk/plain"
    second = ask(gateway, "poor-combo", "paid-first")
    assert (second.status_code, second.headers["x-omniroute-model"]) == (200, "two/free")
    attempts = json.loads(gateway.row(request_id(second))["attempts"])
    assert [(a["model"], a["status"]) for a in attempts] == [("mk/plain", None), ("two/free", 200)]
    assert "daily_usd budget" in attempts[0]["error"]
    assert ask(gateway, "poor-combo", "paid-only").status_code == 402


def test_a_budget_of_tokens_stops_what_is_free_too(gateway: Gateway) -> None:
    statuses = [ask(gateway, "few-tokens", "two/free").status_code for _ in range(3)]
    assert statuses == [200, 200, 402]


# --- Soft ------------------------------------------------------------------------------------


@pytest.mark.parametrize("budget", BUDGETS)
@pytest.mark.parametrize("whose", ["key", "user"])
def test_a_soft_one_is_told_and_refuses_nothing(gateway: Gateway, whose: str, budget: str) -> None:
    key = f"{'key' if whose == 'key' else 'of'}-soft-{budget}"
    answers = [ask(gateway, key) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200] * 4
    assert "x-omniroute-warning" not in answers[0].headers
    told = until(lambda: ask(gateway, key).headers.get("x-omniroute-warning"))
    assert told.startswith(f"the {whose}'s soft {budget} budget of {room(budget):g} ")
    assert ask(gateway, key, stream=True).headers["x-omniroute-warning"]
    until(lambda: f"the {whose}'s soft {budget} budget" in gateway.output())


def test_that_of_all_keys_is_told_to_each(gateway: Gateway) -> None:
    try:
        _set(gateway, soft_budgets={"monthly_requests": 1, "daily_tokens": 10**9})
        told = ask(gateway, "anyone").headers["x-omniroute-warning"]
        assert told.startswith("the total's soft monthly_requests budget of 1 requests: ")
        assert "daily_tokens" not in told
    finally:
        _set(gateway, soft_budgets={})
    assert "x-omniroute-warning" not in ask(gateway, "anyone").headers
