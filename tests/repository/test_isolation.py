"""Tests touch nothing of the developer's, and call nothing but this machine."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(__file__).resolve().parents[2]


def test_the_settings_are_read_in_a_folder_of_this_very_process() -> None:
    assert settings.DATA_DIR.name.startswith(f"omniroute-test-{os.getpid()}-")
    assert "sqlite3" in settings.DATABASES["default"]["ENGINE"]
    assert settings.REDIS_URL == ""


def run(folder: Path, body: str) -> subprocess.CompletedProcess[str]:
    """One test with `body`, in a pytest of its own under this repository's conftest."""
    (folder / "test_probe.py").write_text(
        f"import contextlib, socket\n\ndef test_probe():\n    {body}\n"
    )
    return subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-p", "tests.conftest", "-p", "no:django"),
            *("-p", "no:cacheprovider", "-c", "/dev/null", "--rootdir", str(folder), str(folder)),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize(
    "call",
    [
        "socket.create_connection(('192.0.2.1', 80), timeout=1)",
        "socket.socket().connect_ex(('192.0.2.1', 80))",
        "socket.getaddrinfo('api.openai.com', 443)",
        "socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 53))",
    ],
)
def test_a_call_to_another_machine_fails_the_run_though_it_is_swallowed(
    call: str, tmp_path: Path
) -> None:
    done = run(tmp_path, f"with contextlib.suppress(BaseException): {call}")
    assert done.returncode == 1
    assert "1 passed, 1 error" in done.stdout
    assert "reached for another machine" in done.stdout


def test_a_call_to_this_machine_is_free(tmp_path: Path) -> None:
    body = (
        "with socket.create_server(('127.0.0.1', 0)) as door:"
        " socket.create_connection(('localhost', door.getsockname()[1])).close()"
    )
    done = run(tmp_path, body)
    assert done.returncode == 0, done.stdout
