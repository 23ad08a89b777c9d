"""What a worker needs to know for alerts, a real gateway process writes down."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.gateway import Gateway, copy, until


@pytest.fixture
def gateway(prepared: Path, tmp_path: Path) -> Iterator[Gateway]:
    gateway = Gateway(copy(prepared, tmp_path), "--no-worker", "--server", "uvicorn")
    gateway.apply({"settings": {"breaker_failures": 1, "breaker_open_s": 60}})
    yield gateway.start()
    gateway.kill()


def open_breakers(gateway: Gateway) -> list[dict[str, Any]]:
    with sqlite3.connect(f"file:{gateway.folder / 'omniroute.db'}?mode=ro", uri=True) as database:
        rows = database.execute("SELECT breakers FROM analytics_gatewayprocess").fetchall()
    return [each for (told,) in rows for each in json.loads(told)]


def test_a_breaker_that_opens_is_written_down(gateway: Gateway) -> None:
    assert gateway.chat("mk/status-500").status_code >= 500
    (breaker, *_) = until(lambda: open_breakers(gateway), 30)
    assert breaker["model"] == "mk/status-500"
    assert breaker["cause"]
    assert breaker["since"] > 0
