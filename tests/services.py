"""What some tests need beside Python: found, or started from the installed binary, or done without.

A test without its service is skipped and counted aloud at the end; with REQUIRE_SERVICES=1, as in
CI, it fails.
"""

import os
import shutil
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
import redis

from tests.servers import postgres_answers, postgres_server, redis_answers, redis_server

_missing: Counter[str] = Counter()


def require(found: object, what: str) -> None:
    """Skip the present test, or fail it where services are required, unless `found`."""
    if found:
        return
    if os.environ.get("REQUIRE_SERVICES") == "1":
        pytest.fail(f"{what} is needed, and REQUIRE_SERVICES=1")
    pytest.skip(f"{_MARK}{what}")


def want(found: object, what: str) -> None:
    """The same for what a clone of this repository alone cannot have: aloud, and never a failure."""
    if not found:
        pytest.skip(f"{_MARK}{what}")


_MARK = "needs "


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped and isinstance(report.longrepr, tuple):
        reason = str(report.longrepr[2]).removeprefix("Skipped: ")
        if reason.startswith(_MARK):
            _missing[reason.removeprefix(_MARK)] += 1


def pytest_terminal_summary(terminalreporter: Any) -> None:
    for what, times in sorted(_missing.items()):
        terminalreporter.write_line(
            f"NOT RUN: {times} tests need {what}, which is not on this machine", yellow=True
        )


@pytest.fixture(scope="session")
def wrk() -> str:
    path = shutil.which("wrk")
    require(path, "wrk")
    return str(path)


@pytest.fixture(scope="session")
def chromium() -> str:
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    require(path, "Chromium")
    return str(path)


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A Redis, and in it a database that was empty and is emptied again."""
    with _server("REDIS_URL", redis_server, redis_answers, "redis://127.0.0.1:6379") as server:
        require(server, "Redis")
        url = claim_database(str(server))
        yield url
        with redis.Redis.from_url(url) as client:
            client.flushdb()


def claim_database(server: str) -> str:
    """A database that is empty, and that no other test process has taken."""
    for number in range(16):
        url = _database(server, str(number))
        with redis.Redis.from_url(url) as client:
            claimed = client.set("omniroute-test", os.getpid(), nx=True, ex=3600)
            if claimed and client.dbsize() == 1:
                return url
            if client.get("omniroute-test") == str(os.getpid()).encode():
                client.delete("omniroute-test")
    pytest.fail(f"all databases of {server} are in use")


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """A PostgreSQL, for this test process."""
    standard = "postgres://postgres@127.0.0.1:5432/postgres"
    with _server("DATABASE_URL", postgres_server, postgres_answers, standard) as server:
        require(server, "PostgreSQL")
        yield str(server)


@pytest.fixture
def postgres_url(postgres: str) -> Iterator[str]:
    """An empty database, the test's alone."""
    name = f"omniroute_test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
        yield _database(postgres, name)
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def _database(server: str, name: str) -> str:
    return urlsplit(server)._replace(path=f"/{name}").geturl()


@contextmanager
def _server(
    variable: str,
    start: Callable[[], AbstractContextManager[str | None]],
    answers: Callable[[str], bool],
    standard: str,
) -> Iterator[str | None]:
    """What `variable` names, else a server of our own, else what answers where one usually does."""
    named = os.environ.get(f"TESTS_{variable}", "")
    if named.startswith(standard.partition(":")[0]) and answers(named):
        yield named
        return
    with start() as own:
        yield own or (standard if answers(standard) else None)
