"""Two gateway processes on one Redis, which stops and starts."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.gateway import CLIENT, HELLO, Gateway, key_of, keyed, request_id, until
from tests.e2e.upstream import Upstream
from tests.e2e.watching import following, signed_in, tail
from tests.gateway.state.own_redis import OwnRedis
from tests.services import require


@pytest.fixture
def server() -> Iterator[OwnRedis]:
    server = OwnRedis()
    require(server.start(), "Redis")
    yield server
    server.stop()


@pytest.fixture
def two(tmp_path: Path, upstream: Upstream, server: OwnRedis) -> Iterator[list[Gateway]]:
    """On one database, as two machines would be; each has its own journal."""
    first, second = (
        Gateway(
            tmp_path / name,
            "--no-worker",
            "--server",
            kind,
            DATABASE_URL=f"sqlite:///{tmp_path}/shared.db",
            REDIS_URL=server.url,
            GATEWAY_PROCESSES="2",
            SECRET_KEY="s" * 50,
            ENCRYPTION_KEYS="MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
        )
        for name, kind in (("first", "uvicorn"), ("second", "daphne"))
    )
    first.prepare(upstream.url)
    second.folder.mkdir()
    yield [first.start(), second.start()]
    for gateway in (first, second):
        assert gateway.stop() == 0
        assert "Traceback" not in gateway.output()


def answered(gateway: Gateway, times: int) -> list[int]:
    """With a key that may make 4 calls a minute."""
    body, key = {"model": "mk/plain", "messages": HELLO}, keyed(key_of("four"))
    return [gateway.post("/v1/chat/completions", body, **key).status_code for _ in range(times)]


def knows_the_key(gateway: Gateway) -> bool:
    """Asked by a request that no limit counts."""
    got = CLIENT.get(gateway.url + "/v1/models", headers=keyed(key_of("four")))
    return got.status_code == 200


def state(gateway: Gateway) -> str:
    return str(CLIENT.get(gateway.url + "/readyz").json()["state"])


def test_they_share_a_limit_and_while_redis_is_away_each_grants_its_share(
    two: list[Gateway], server: OwnRedis
) -> None:
    assert [state(gateway) for gateway in two] == ["ok, in Redis"] * 2
    key = {"name": "four", "key": key_of("four"), "limits": {"rpm": 4}}
    two[0].apply({"api_keys": [key]})
    until(lambda: all(knows_the_key(gateway) for gateway in two))
    assert answered(two[1], 1) == [200]
    assert answered(two[0], 2) == [200, 200]
    assert answered(two[1], 2) == [200, 429]

    server.stop()
    assert answered(two[0], 1) == [429]  # of its share of 2 both are used
    assert state(two[0]) == ("ok, in memory, this process's share: Redis is away (ConnectionError)")
    server.start()
    until(lambda: state(two[0]) == "ok, in Redis")
    assert answered(two[0], 1) == [200]  # a new Redis knows of no requests in the last minute
    assert "Redis is away" in two[0].output()


def test_a_page_of_one_shows_at_once_what_the_other_logs(two: list[Gateway]) -> None:
    with signed_in(two[0], "admin") as admin, tail(two[0], admin) as page:
        page.send("next")
        id = request_id(two[1].chat("mk/plain"))
        # By itself it would look again after ten seconds.
        assert following(page, within_s=8) == [id]
