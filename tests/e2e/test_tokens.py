"""Tokens that are renewed while real gateways serve: one refresh, whoever wants it."""

import asyncio
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.e2e.gateway import HELLO, KEY, MANAGE_KEY, ROOT, Gateway, until
from tests.providers.oauth.server import CLIENT, AuthorizationServer, authorization_server

SHARED = {
    "SECRET_KEY": "s" * 50,
    "ENCRYPTION_KEYS": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
    "TEST_OAUTH_CLIENT_ID": CLIENT,
}


@pytest.fixture
def server() -> Iterator[AuthorizationServer]:
    with authorization_server() as one:
        yield one


@pytest.fixture
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., Gateway]]:
    """Gateways on one database, each with a journal of its own."""
    if "postgres_url" in request.fixturenames:
        request.getfixturevalue("postgres_url")  # made first, so that it goes last
    made: list[Gateway] = []

    def one(*options: str, **environment: str) -> Gateway:
        folder = tmp_path / str(len(made))
        folder.mkdir()
        shared = SHARED | {"DATABASE_URL": f"sqlite:///{tmp_path}/shared.db"} | environment
        gateway = Gateway(folder, *options, **shared)
        if not made:
            gateway.manage("bootstrap")
        made.append(gateway)
        return gateway

    yield one
    for gateway in made:
        if hasattr(gateway, "process"):
            assert gateway.stop() == 0, gateway.output()
            assert "Traceback" not in gateway.output()


def configured(
    server: AuthorizationServer, lasts_s: float, names: tuple[str, ...] = ("mine",), **more: Any
) -> dict[str, Any]:
    """Connections whose tokens end in so many seconds."""
    return {
        "providers": [
            {"id": "acme", "alias": "acme", "base_url": server.api, "allow_private_network": True,
             "oauth": server.row()}
        ],
        "connections": [
            {"name": name, "provider": "acme", "auth": pasted(server, lasts_s)} for name in names
        ],
        "api_keys": [
            {"name": "laptop", "key": KEY},
            {"name": "ops", "key": MANAGE_KEY, "scopes": ["manage"], "owner": "admin"},
        ],
    } | more  # fmt: skip


def pasted(server: AuthorizationServer, lasts_s: float) -> dict[str, Any]:
    told = server.issue(lifetime_s=lasts_s)
    return {
        "type": "oauth", "access_token": told["access_token"],
        "refresh_token": told["refresh_token"], "expires": str(time.time() + lasts_s),
    }  # fmt: skip


async def fifty(*gateways: Gateway) -> Counter[int]:
    """Fifty calls at once, over all of them: how they were answered."""
    body = {"model": "acme/m1", "messages": HELLO}
    headers = {"authorization": f"Bearer {KEY}"}

    async def call(session: aiohttp.ClientSession, number: int) -> int:
        url = gateways[number % len(gateways)].url + "/v1/chat/completions"
        async with session.post(url, json=body, headers=headers) as answer:
            await answer.read()
            return answer.status

    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        return Counter(await asyncio.gather(*(call(session, number) for number in range(50))))


async def test_fifty_calls_with_an_expired_token_cause_one_refresh(
    make: Callable[..., Gateway], server: AuthorizationServer
) -> None:
    gateway = make("--no-worker", "--server", "uvicorn")
    gateway.apply(configured(server, -1))
    gateway.start()
    server.delay_s = 0.3
    assert await fifty(gateway) == {200: 50}
    assert server.asked["refresh_token"] == 1
    assert len(server.served) == 1
    server.delay_s = 0
    assert await fifty(gateway) == {200: 50}
    assert server.asked["refresh_token"] == 1


async def one_refresh_for_two_processes(
    make: Callable[..., Gateway], server: AuthorizationServer, **environment: str
) -> None:
    first = make("--no-worker", "--server", "uvicorn", **environment)
    first.apply(configured(server, -1))
    second = make("--no-worker", "--server", "daphne", **environment)
    first.start()
    second.start()
    server.delay_s = 0.5
    assert await fifty(first, second) == {200: 50}
    assert server.asked["refresh_token"] == 1
    assert not any(family.revoked for family, _ in server.tokens.values())


async def test_and_one_on_two_processes_too(
    make: Callable[..., Gateway], server: AuthorizationServer
) -> None:
    await one_refresh_for_two_processes(make, server)


async def test_and_one_on_postgresql(
    make: Callable[..., Gateway], server: AuthorizationServer, postgres_url: str
) -> None:
    await one_refresh_for_two_processes(make, server, DATABASE_URL=postgres_url)


def test_a_token_that_the_upstream_refuses_early_is_renewed_once(
    make: Callable[..., Gateway], server: AuthorizationServer
) -> None:
    gateway = make("--no-worker", "--server", "uvicorn")
    document = configured(server, 3600)
    gateway.apply(document)
    refused = document["connections"][0]["auth"]["access_token"]
    family, _ = server.tokens[refused]
    server.tokens[refused] = (family, 0.0)  # ended at the server, and by our clock it has not
    gateway.start()
    assert gateway.chat("acme/m1").status_code == 200
    assert gateway.chat("acme/m1").status_code == 200
    assert server.asked["refresh_token"] == 1


def test_a_reused_refresh_token_needs_login_and_after_that_calls_are_answered(
    make: Callable[..., Gateway], server: AuthorizationServer
) -> None:
    gateway = make("--no-worker", "--server", "uvicorn")
    document = configured(server, -1)
    gateway.apply(document)
    server.refreshes[document["connections"][0]["auth"]["refresh_token"]].used = True
    gateway.start()
    answers = [gateway.chat("acme/m1") for _ in range(3)]
    assert {answer.status_code for answer in answers} <= {502, 503}
    assert "sign in again" in answers[0].text
    assert server.asked["refresh_token"] == 1
    again = configured(server, 3600)["connections"]
    gateway.apply({"connections": again})
    until(lambda: gateway.chat("acme/m1").status_code == 200, 5)


@pytest.mark.long
def test_without_redis_beat_renews_a_token_that_ends_soon_while_the_gateway_serves(
    make: Callable[..., Gateway], server: AuthorizationServer
) -> None:
    gateway = make("--server", "uvicorn")
    document = configured(server, 60)
    old = document["connections"][0]["auth"]["access_token"]
    gateway.apply(document)
    gateway.start()
    assert gateway.chat("acme/m1").status_code == 200
    assert server.served[old] == 1
    until(lambda: server.asked["refresh_token"] == 1, 40)

    def serves_the_new_one() -> bool:
        assert gateway.chat("acme/m1").status_code == 200
        return len(server.served) == 2

    until(serves_the_new_one, 5)
    assert server.asked["refresh_token"] == 1


@pytest.mark.long
def test_with_redis_and_two_workers_each_token_is_renewed_once(
    make: Callable[..., Gateway], server: AuthorizationServer, redis_url: str
) -> None:
    names = tuple(f"account-{number}" for number in range(12))
    server.delay_s = 0.2  # so that both workers are at it
    gateway = make("--server", "uvicorn", REDIS_URL=redis_url)
    gateway.apply(configured(server, 60, names))
    gateway.start()
    second = subprocess.Popen(
        [sys.executable, "-m", "celery", "-q", "-A", "omniroute.celery:app", "worker",
         "--pool=solo", "--concurrency=1", "--loglevel=warning"],
        cwd=ROOT, env=gateway._environment, stdout=gateway.log, stderr=gateway.log,
    )  # fmt: skip
    try:
        for _ in range(4):  # as if beats of several machines ran
            gateway.manage("shell", "-c", SEND)
        until(lambda: server.asked["refresh_token"] >= 12, 40)
        for _ in range(4):
            gateway.manage("shell", "-c", SEND)
        until(lambda: gateway.chat("acme/m1").status_code == 200, 5)
    finally:
        second.terminate()
        second.wait(20)
    assert server.asked["refresh_token"] == 12
    assert not any(family.revoked for family, _ in server.tokens.values())


SEND = "from providers.tasks import renew_tokens; renew_tokens.delay()"
