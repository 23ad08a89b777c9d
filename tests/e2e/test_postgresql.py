"""The gateway where it is deployed: PostgreSQL for rows, Redis for the worker's queue."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.gateway import CLIENT, MANAGE_KEY, Gateway, keyed, request_id, until
from tests.e2e.upstream import Upstream


@pytest.fixture
def deployed(
    tmp_path: Path, upstream: Upstream, postgres_url: str, redis_url: str
) -> Iterator[Gateway]:
    gateway = Gateway(tmp_path, "--workers", "2", DATABASE_URL=postgres_url, REDIS_URL=redis_url)
    gateway.prepare(upstream.url)
    yield gateway.start()
    assert gateway.stop() == 0
    assert "Traceback" not in gateway.output()


def test_an_answer_is_a_row_there_too(deployed: Gateway) -> None:
    def logged(id: str) -> Any:
        answer = CLIENT.get(f"{deployed.url}/api/logs/{id}", headers=keyed(MANAGE_KEY))
        return answer.json() if answer.status_code == 200 else None

    answers = (deployed.chat("mk/plain"), deployed.messages("mk/plain", stream=True))
    for id in map(request_id, answers):
        row = until(partial(logged, id))
        usage = row["usage"]
        assert row["outcome"] == "ok"
        assert (usage["input_tokens"], usage["output_tokens"]) == (11, 5)


def test_a_change_of_configuration_is_noticed_there_too(deployed: Gateway) -> None:
    combo = {"name": "fresh", "targets": [{"model": "mk/plain"}]}
    answer = deployed.post("/api/combos", combo, **keyed(MANAGE_KEY))
    assert answer.status_code == 201
    until(lambda: deployed.chat("fresh").status_code == 200, 2)
