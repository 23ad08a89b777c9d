"""The containers, on a machine without an engine: their own steps and commands, run for real."""

import os
import re
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest

from tests.e2e.gateway import free_port, until
from tests.repository.containers import ROOT, Image, build, compose, copy_context, interpolate
from tests.repository.test_documents import PROVIDER_KEYS, settings_read

KEY = f"sk-omni-{secrets.token_hex(16)}"
GIVEN = {"POSTGRES_PASSWORD": "pg", "ADMIN_PASSWORD": "correct-horse-battery-9", "API_KEY": KEY}
OURS = ("gateway", "worker", "beat")


@contextmanager
def running(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)


def succeeds(command: Sequence[str], port: int, environment: Mapping[str, str]) -> bool:
    """A health check, asked of the port that stands for the container's."""
    moved = [word.replace(":20128/", f":{port}/") for word in command]
    return subprocess.run(moved, env=environment, capture_output=True).returncode == 0


def wait_until_healthy(
    process: subprocess.Popen[bytes],
    command: Sequence[str],
    port: int,
    environment: Mapping[str, str],
    log: Path,
) -> None:
    deadline = time.monotonic() + 60
    while not succeeds(command, port, environment):
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.2)


def ask(port: int) -> str:
    answer = httpx.post(
        f"http://127.0.0.1:{port}/v1/chat/completions",
        json={"model": "demo/echo", "messages": [{"role": "user", "content": "one two"}]},
        headers={"authorization": f"Bearer {KEY}"},
        timeout=20,
    )
    assert answer.status_code == 200, answer.text
    return str(answer.json()["choices"][0]["message"]["content"])


def files(folder: Path) -> dict[str, float]:
    return {str(path): path.stat().st_mtime for path in folder.rglob("*") if path.is_file()}


# --- The image -------------------------------------------------------------------------------


@pytest.mark.long
def test_the_image_is_built_and_serves(tmp_path: Path) -> None:
    """One test, for the build takes long: locked packages are installed into an empty folder."""
    copy_context(tmp_path / "context")
    (tmp_path / "image").mkdir()
    dockerfile = (tmp_path / "context/Dockerfile").read_text()
    image = build(tmp_path / "image", tmp_path / "context", dockerfile)
    check_settings(image)

    port, log = free_port(), tmp_path / "log"
    environment = image.process_environment() | {"API_KEY": KEY, "PORT": str(port)}
    environment["HOST"] = "127.0.0.1"  # this machine is no container
    before = files(image.path("."))
    with running(image.command, image.path("."), environment, log) as process:
        wait_until_healthy(process, image.health_check, port, environment, log)
        assert "one two" in ask(port)
        page = httpx.get(f"http://127.0.0.1:{port}/account/login/")
        assert page.status_code == 200
        assert "Sign in" in page.text
        process.send_signal(getattr(signal, image.stop_signal))
        assert process.wait(40) == 0, log.read_text()
    assert not succeeds(image.health_check, port, environment)
    assert "Traceback" not in log.read_text()
    assert files(image.path(".")) == before, "the code's folder must do read-only"


def check_settings(image: Image) -> None:
    found = re.fullmatch(r"python:(\d+)\.(\d+)-slim", image.base)
    assert found
    assert (int(found[1]), int(found[2])) >= (3, 11)
    assert image.user == "omniroute"
    assert image.environment["HOST"] == "0.0.0.0"
    assert image.environment["DATA_DIR"] == str(image.path("/data"))
    assert image.volumes == ["/data"]
    assert "/data" in (image.root / "shims/chown.calls").read_text()
    assert image.ports == ["20128"]
    assert "127.0.0.1:20128/healthz" in image.health_check[-1]
    assert set(image.environment) - settings_read() == {
        "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "PIP_NO_CACHE_DIR",
    }  # fmt: skip


# --- The compose file ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return compose(GIVEN)


def test_compose_has_every_part(document: dict[str, Any]) -> None:
    assert set(document["services"]) == {*OURS, "redis", "postgres"}


@pytest.mark.parametrize("name", OURS)
def test_compose_sets_only_variables_that_are_read(document: dict[str, Any], name: str) -> None:
    assert set(document["services"][name]["environment"]) <= settings_read() | PROVIDER_KEYS


def test_the_three_share_their_secrets_and_their_folder(document: dict[str, Any]) -> None:
    services = [document["services"][name] for name in OURS]
    for key in ("environment", "volumes", "image"):
        assert all(service[key] == services[0][key] for service in services)
    assert services[0]["volumes"] == ["data:/data"]


@pytest.mark.parametrize("name", OURS)
def test_a_service_of_ours_has_no_rights_that_it_does_not_need(
    document: dict[str, Any], name: str
) -> None:
    service = document["services"][name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["read_only"] is True


def test_compose_publishes_the_gateway_on_loopback_only(document: dict[str, Any]) -> None:
    services = document["services"]
    assert services["gateway"]["ports"] == ["127.0.0.1:20128:20128"]
    assert [name for name, service in services.items() if "ports" in service] == ["gateway"]


def test_who_is_waited_for_says_when_it_is_healthy(document: dict[str, Any]) -> None:
    services = document["services"]
    for service in services.values():
        for needed, how in service.get("depends_on", {}).items():
            assert how == {"condition": "service_healthy"}
            assert services[needed]["healthcheck"]["test"]


def test_volumes_are_declared(document: dict[str, Any]) -> None:
    used = {
        volume.partition(":")[0]
        for service in document["services"].values()
        for volume in service["volumes"]
    }
    assert used == set(document["volumes"])


def test_the_addresses_are_those_of_the_services(document: dict[str, Any]) -> None:
    services = document["services"]
    environment = services["gateway"]["environment"]
    database = urlsplit(environment["DATABASE_URL"])
    server = services[str(database.hostname)]["environment"]
    assert database.username == server["POSTGRES_USER"]
    assert database.password == server["POSTGRES_PASSWORD"]
    assert database.path == "/" + server["POSTGRES_DB"]
    assert database.port == 5432
    assert urlsplit(environment["REDIS_URL"]).hostname in services


def test_redis_forgets_nothing_when_it_is_full(document: dict[str, Any]) -> None:
    command = document["services"]["redis"]["command"]
    assert command[command.index("--maxmemory-policy") + 1] == "noeviction"


@pytest.mark.parametrize("name", ["POSTGRES_PASSWORD", "ADMIN_PASSWORD"])
def test_compose_does_not_start_without_a_password(name: str) -> None:
    with pytest.raises(AssertionError, match=name):
        compose(GIVEN | {name: ""})


def test_the_health_check_is_let_in_whatever_hosts_are_added() -> None:
    hosts = compose(GIVEN | {"ALLOWED_HOSTS": "gateway.example"})["services"]["gateway"][
        "environment"
    ]["ALLOWED_HOSTS"]
    assert hosts == "localhost,127.0.0.1,gateway.example"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${A}", "a"),
        ("x${B:-y}${A:-z}", "xya"),
        ("${B:-${A}}", "a"),
        ("1${A:+,${A}}${B:+,${B}}", "1,a"),
    ],
)
def test_variables_are_filled_in_as_compose_does(text: str, value: str) -> None:
    assert interpolate(text, {"A": "a"}) == value


@pytest.mark.long
def test_the_services_run_together(
    document: dict[str, Any], redis_url: str, postgres_url: str, tmp_path: Path
) -> None:
    """Each service's own command, on a real PostgreSQL and Redis; one call, one row."""
    port = free_port()
    services = document["services"]
    environment = services["gateway"]["environment"] | {
        "DATABASE_URL": postgres_url,
        "REDIS_URL": redis_url,
        "DATA_DIR": str(tmp_path / "data"),
        "PORT": str(port),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.defpath]),
    }

    def start(name: str) -> Any:
        return running(services[name]["command"], ROOT, environment, tmp_path / name)

    def worker() -> str:
        return str(httpx.get(f"http://127.0.0.1:{port}/readyz").json()["worker"])

    with start("gateway") as gateway:
        check = services["gateway"]["healthcheck"]["test"]
        assert check[0] == "CMD"
        wait_until_healthy(gateway, check[1:], port, environment, tmp_path / "gateway")
        assert worker() == "never seen"
        with start("worker") as working, start("beat") as beating:
            assert "one two" in ask(port)
            until(lambda: worker() == "ok", 60)
            for process in (beating, working, gateway):
                process.send_signal(signal.SIGTERM)
            statuses = {process.wait(40) for process in (beating, working, gateway)}
    texts = [(tmp_path / name).read_text() for name in OURS]
    assert statuses == {0}, texts
    assert not any("Traceback" in text for text in texts), texts
    with psycopg.connect(postgres_url) as connection:
        rows = connection.execute("SELECT outcome FROM analytics_requestrecord").fetchall()
    assert rows == [("ok",)]
