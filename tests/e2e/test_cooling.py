"""An account that its provider limits for a moment, and nobody else to ask: the call waits for it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.gateway import Gateway, copy

SHORT_S = 0.4


@pytest.fixture(scope="module")
def gateway(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    gateway = Gateway(
        copy(prepared, tmp_path_factory.mktemp("cooling")), "--no-worker", "--server", "uvicorn"
    )
    gateway.apply(
        {
            "combos": [
                {"name": name, "targets": [{"model": target}, {"model": "two/m"}]}
                for name, target in (("limited", "mk/plain"), ("nobody", "an/plain"))
            ],
            "connections": [
                # Both of its accounts fail: whoever is asked first, nobody else answers.
                {"name": "two-second", "provider": "two", "model_map": {"m": "status-503"}},
            ],
            "settings": {"cooldown_hint_max_s": SHORT_S},
        }
    )
    yield gateway.start()
    gateway.kill()


def limit(gateway: Gateway, alias: str) -> None:
    assert gateway.chat(f"{alias}/status-429").status_code == 429


def test_a_call_waits_where_nobody_can_be_asked(gateway: Gateway) -> None:
    limit(gateway, "mk")
    answer = gateway.chat("mk/plain")
    assert answer.status_code == 200
    assert answer.headers["x-omniroute-attempts"] == "1"
    assert answer.elapsed.total_seconds() > SHORT_S / 2


def test_a_call_waits_where_everybody_else_has_failed(gateway: Gateway) -> None:
    limit(gateway, "mk")
    answer = gateway.chat("limited")
    assert answer.status_code == 200
    assert answer.headers["x-omniroute-model"] == "mk/plain"
    assert int(answer.headers["x-omniroute-attempts"]) > 1


def test_a_call_that_wants_no_other_target_waits_for_none(gateway: Gateway) -> None:
    limit(gateway, "mk")
    headers = {"x-omniroute-no-fallback": "1"}
    body = {"model": "limited", "messages": [{"role": "user", "content": "Hi"}]}
    assert gateway.post("/v1/chat/completions", body, **headers).status_code == 502


def test_nobody_waits_for_a_limit_that_lasts(gateway: Gateway) -> None:
    gateway.apply({"settings": {"cooldown_hint_max_s": 3600}})
    gateway.manage("check")  # by when the new settings have been seen
    limit(gateway, "an")
    refused = gateway.chat("an/plain")
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) > 2
    assert refused.elapsed.total_seconds() < 1.5
