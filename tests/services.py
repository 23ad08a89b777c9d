"""What some tests need beside Python: found, or started from the installed binary, or done without.

A test without its service is skipped and counted aloud at the end; with REQUIRE_SERVICES=1, as in
CI, it fails.
"""

import os
import shutil
import uuid
from collections import Counter
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

_missing: Counter[str] = Counter()


def require(found: object, what: str) -> None:
    """Skip the present test, or fail it where services are required, unless `found`."""
    if found:
        return
    if os.environ.get("REQUIRE_SERVICES") == "1":
        pytest.fail(f"{what} is needed, and REQUIRE_SERVICES=1")
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
def postgres_url() -> Iterator[str]:
    """A database of its own on the server at POSTGRES_URL, or on the standard port."""
    server = os.environ.get("POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/postgres")
    try:
        connection = psycopg.connect(server, autocommit=True, connect_timeout=2)
    except psycopg.OperationalError:
        connection = None
    require(connection, "PostgreSQL")
    assert connection is not None
    name = f"omniroute_test_{uuid.uuid4().hex[:12]}"
    connection.execute(f'CREATE DATABASE "{name}"')
    yield server.rpartition("/")[0] + f"/{name}"
    connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    connection.close()
