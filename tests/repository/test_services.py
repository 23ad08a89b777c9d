"""A missing service is skipped aloud, and a failure where services are required."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import redis

from tests.repository.test_isolation import ROOT
from tests.services import claim_database

PROBES = """\
def test_one(wrk): pass
def test_two(wrk): pass
def test_three(): pass
"""


def run(folder: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Tests that need wrk, on a machine that has nothing installed."""
    (folder / "test_probe.py").write_text(PROBES)
    return subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-p", "tests.services", "-p", "no:django"),
            *("-p", "no:cacheprovider", "-c", "/dev/null", "--rootdir", str(folder), str(folder)),
            *options,
        ],
        cwd=ROOT,
        env=os.environ | {"PATH": str(folder), "REQUIRE_SERVICES": ""} | environment,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("options", [(), ("-n", "2")], ids=["alone", "in parallel"])
def test_a_missing_service_is_counted_aloud(tmp_path: Path, options: tuple[str, ...]) -> None:
    done = run(tmp_path, *options)
    assert done.returncode == 0, done.stdout
    assert "1 passed, 2 skipped" in done.stdout
    assert "NOT RUN: 2 tests need wrk, which is not on this machine" in done.stdout


def test_a_missing_service_fails_where_services_are_required(tmp_path: Path) -> None:
    done = run(tmp_path, REQUIRE_SERVICES="1")
    assert done.returncode == 1
    assert "1 passed, 2 errors" in done.stdout
    assert "wrk is needed, and REQUIRE_SERVICES=1" in done.stdout


def test_each_test_process_has_a_redis_of_its_own(redis_url: str) -> None:
    other = claim_database(redis_url)
    assert other != redis_url
    with redis.Redis.from_url(other) as client:
        assert client.keys() == [b"omniroute-test"]
        client.flushdb()
