"""Where a call went and why: in its row, and asked for without a call."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.gateway import MANAGE_KEY, Gateway, copy, keyed, request_id
from tests.e2e.upstream import Upstream

LASTING = {"cooldown_hint_max_s": 3600, "cooldown_auth_s": 120}


@pytest.fixture(scope="module")
def gateway(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    gateway = Gateway(
        copy(prepared, tmp_path_factory.mktemp("explaining")), "--no-worker", "--server", "uvicorn"
    )
    gateway.apply(
        {
            "models": [
                {"id": "mk/plain", "capabilities": {"images": False}},
                {"id": "well/plain", "input_price": 2, "output_price": 4},
            ],
            "combos": [
                {
                    "name": "cheap",
                    "strategy": "cost-optimized",
                    "targets": [{"model": "an/plain"}, {"model": "well/plain"}],
                },
                {
                    "name": "turns",
                    "strategy": "round-robin",
                    "targets": [{"model": "an/plain"}, {"model": "well/plain"}],
                },
                {
                    "name": "limited",
                    "targets": [{"model": "rs/status-429"}, {"model": "well/plain"}],
                },
            ],
            "settings": LASTING,
        }
    )
    yield gateway.start()
    gateway.kill()


def explain(gateway: Gateway, model: str, **more: Any) -> httpx.Response:
    return gateway.post("/api/explain", {"model": model, **more}, **keyed(MANAGE_KEY))


def test_candidates_come_in_order_with_what_decided(gateway: Gateway) -> None:
    told = explain(gateway, "cheap").json()
    assert told["strategy"] == "cost-optimized"
    assert [(c["model"], c["connection"]) for c in told["order"]] == [
        ("well/plain", "well-main"),
        ("an/plain", "an-main"),  # without a price it may cost anything
    ]
    assert told["order"][0]["score"] > 0
    assert told["order"][1]["cost_usd"] is None


def test_asking_takes_nobodys_turn(gateway: Gateway) -> None:
    first = [explain(gateway, "turns").json()["order"][0]["model"] for _ in range(3)]
    assert first == ["an/plain"] * 3
    assert gateway.chat("turns").headers["x-omniroute-model"] == "an/plain"
    assert explain(gateway, "turns").json()["order"][0]["model"] == "well/plain"


def test_what_cannot_be_answered_says_what_the_client_would_hear(gateway: Gateway) -> None:
    image = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    request = {"messages": [{"role": "user", "content": [image]}]}
    told = explain(gateway, "mk/plain", request=request).json()
    assert (told["order"], told["status"]) == ([], 400)
    assert "images" in told["refusal"]
    answer = gateway.post("/v1/chat/completions", request | {"model": "mk/plain"})
    assert answer.status_code == 400
    assert answer.json()["error"]["message"] == told["refusal"]


def test_a_key_sees_what_it_may_call(gateway: Gateway) -> None:
    assert explain(gateway, "an/plain", key="narrow").status_code == 403
    assert explain(gateway, "mk/plain", key="narrow").status_code == 200
    assert explain(gateway, "mk/plain", key="nobody").status_code == 404
    assert explain(gateway, "nowhere/x").status_code == 404


def test_an_inference_key_may_not_ask(gateway: Gateway) -> None:
    assert gateway.post("/api/explain", {"model": "mk/plain"}).status_code in (401, 403)


def test_a_cooldown_is_told_everywhere_and_can_be_cleared(
    gateway: Gateway, upstream: Upstream
) -> None:
    answer = gateway.chat("limited")
    assert answer.headers["x-omniroute-model"] == "well/plain"
    (left_out,) = explain(gateway, "limited").json()["excluded"]
    assert (left_out["connection"], left_out["why"]) == ("rs-main", "limit")
    assert 0 < left_out["left_s"] <= 7
    health = httpx.get(gateway.url + "/api/health", headers=keyed(MANAGE_KEY)).json()
    (block,) = health["connections"]
    assert (block["connection"], block["kind"], block["state"]) == (
        "rs-main",
        "rate_limit",
        "blocked",
    )
    row = gateway.row(request_id(gateway.chat("limited")))
    assert '"why":"limit"' in row["trace"].replace(" ", "")
    cleared = gateway.post("/api/health/clear", {"connection": "rs-main"}, **keyed(MANAGE_KEY))
    assert cleared.json() == {"cleared": 1}
    assert explain(gateway, "limited").json()["excluded"] == []


def test_the_log_has_the_choice_and_the_attempts(gateway: Gateway) -> None:
    gateway.post("/api/health/clear", {}, **keyed(MANAGE_KEY))
    answer = gateway.chat("limited")
    gateway.row(request_id(answer))
    url = f"{gateway.url}/api/logs/{request_id(answer)}"
    logged = httpx.get(url, headers=keyed(MANAGE_KEY)).json()
    assert [c["model"] for c in logged["trace"]["order"]] == ["rs/status-429", "well/plain"]
    assert [(a["status"], a["model"]) for a in logged["attempts"]] == [
        (429, "rs/status-429"),
        (200, "well/plain"),
    ]
