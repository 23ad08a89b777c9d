"""`manage.py bootstrap`: the one step before `serve`, at the first start and at every other."""

import json
import os
import re
import shutil
import sqlite3
import stat
import subprocess
import sys
from dataclasses import dataclass
from functools import partial
from io import StringIO
from pathlib import Path

import psycopg
import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from accounts.keys import hash_key
from accounts.models import ApiKey, GatewaySettings, User
from providers import catalogue, rows
from providers.models import Connection, Provider
from tests.catalogue import copy_few
from tests.e2e.gateway import Gateway
from tests.services import require

ROOT = Path(__file__).resolve().parents[2]
GIVEN = "sk-omni-9d1c7f20e6b84a53a1f00b6c2d7e4f18"


@pytest.fixture(autouse=True)
def _few_providers(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "FOLDER", copy_few(tmp_path_factory.mktemp("catalog")))


def bootstrap() -> str:
    out = StringIO()
    call_command("bootstrap", stdout=out)
    return out.getvalue()


def printed(label: str, output: str) -> str:
    found = re.search(rf"{label}\s+(\S+)", output)
    assert found, output
    return found[1]


# --- What it prints --------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_first_start_shows_password_and_key_and_they_are_right() -> None:
    output = bootstrap()
    user, key = User.objects.get(), ApiKey.objects.get()
    assert user.username == "admin"
    assert user.check_password(printed("with the password", output))
    assert key.sha256 == hash_key(printed("API key:", output))
    assert "http://127.0.0.1:20128/admin/" in output
    assert "http://127.0.0.1:20128/v1" in output


@pytest.mark.django_db
def test_a_later_start_shows_neither_again_and_says_how_to_make_new_ones() -> None:
    first = bootstrap()
    second = bootstrap()
    assert printed("with the password", first) not in second
    assert "sk-omni-" not in second
    assert "reset_password" in second
    assert "http://127.0.0.1:20128/admin/" in second
    assert (User.objects.count(), ApiKey.objects.count()) == (1, 1)


@pytest.mark.django_db
def test_addresses_are_those_that_people_use(settings: Settings) -> None:
    settings.PUBLIC_URL = "https://gateway.example"
    output = bootstrap()
    assert "https://gateway.example/admin/" in output
    assert "curl -N https://gateway.example/v1/chat/completions" in output
    assert "127.0.0.1" not in output


@pytest.mark.django_db
def test_what_the_environment_gave_is_never_printed(settings: Settings) -> None:
    settings.ADMIN_USERNAME, settings.ADMIN_PASSWORD = "root", "correct-horse-battery"
    settings.API_KEY = GIVEN
    output = bootstrap()
    assert User.objects.get(username="root").check_password("correct-horse-battery")
    assert ApiKey.objects.get().sha256 == hash_key(GIVEN)
    assert "correct-horse" not in output
    assert GIVEN not in output


@pytest.mark.django_db
def test_a_start_that_changes_nothing_makes_no_process_read_anew(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary")
    settings.API_KEY = GIVEN
    bootstrap()
    before = GatewaySettings.objects.get(pk=1).version
    bootstrap()
    assert GatewaySettings.objects.get(pk=1).version == before


@pytest.mark.django_db
def test_a_variable_of_a_provider_makes_its_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-canary")
    bootstrap()
    row = Connection.objects.get(name="anthropic-env")
    assert (row.provider.slug, row.active) == ("anthropic", True)
    assert row.read_auth() == {"api_key": "env:ANTHROPIC_API_KEY"}


# --- What it refuses -------------------------------------------------------------------------


@dataclass(frozen=True)
class Refusal:
    setting: str
    value: str


@pytest.mark.django_db
@pytest.mark.parametrize(
    "refusal",
    [
        Refusal("API_KEY", "sk-1234"),
        Refusal("ADMIN_PASSWORD", "123456"),
        Refusal("ADMIN_USERNAME", "two words"),
    ],
    ids=lambda refusal: refusal.setting,
)
def test_a_weak_start_is_refused_by_the_name_of_the_variable(
    refusal: Refusal, settings: Settings
) -> None:
    setattr(settings, refusal.setting, refusal.value)
    with pytest.raises(CommandError, match=f"^{refusal.setting}: ") as caught:
        bootstrap()
    assert caught.value.returncode == 1
    if refusal.setting != "ADMIN_USERNAME":
        assert refusal.value not in str(caught.value)


@pytest.mark.django_db
def test_a_wrong_file_of_the_catalogue_stops_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "acme.yaml").write_text("id: [")
    monkeypatch.setattr(catalogue, "load", partial(catalogue.load, tmp_path))
    with pytest.raises(CommandError, match=r"^acme\.yaml: "):
        bootstrap()


def connect(name: str) -> Connection:
    provider, _ = Provider.objects.get_or_create(
        slug="mk", defaults={"alias": "mk", "name": "Mock", "base_url": "https://mk.example/v1"}
    )
    row = Connection(name=name, provider=provider)
    row.set_api_key("sk-canary")
    row.save()
    return row


@pytest.mark.django_db
def test_keys_that_open_nothing_stop_the_start_and_overwrite_nothing(settings: Settings) -> None:
    for name in ("first", "second"):
        connect(name)
    before = list(Connection.objects.values_list("name", "credential"))
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    with pytest.raises(CommandError, match=r"ENCRYPTION_KEYS: .* of first, second;"):
        bootstrap()
    assert list(Connection.objects.values_list("name", "credential")) == before
    assert not User.objects.exists()


@pytest.mark.django_db
def test_a_row_with_another_rows_credential_stops_nothing_and_is_named(
    caplog: pytest.LogCaptureFixture,
) -> None:
    first, second = connect("first"), connect("second")
    Connection.objects.filter(pk=first.pk).update(credential=second.credential)
    bootstrap()
    assert "connection first cannot be used" in caplog.text
    assert "second" not in caplog.text


# --- As a process, on a folder of its own ----------------------------------------------------


def manage(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", "bootstrap"],
        cwd=ROOT,
        env={**os.environ, "DATA_DIR": str(folder), **environment},
        capture_output=True,
        text=True,
        umask=0,
    )


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder after its first start with OPENAI_API_KEY, and what that start printed."""
    folder = tmp_path_factory.mktemp("home") / "data"
    done = manage(folder, OPENAI_API_KEY="sk-canary-7c2e")
    assert done.returncode == 0, done.stderr
    return folder, done.stdout


def test_everything_in_the_folder_is_for_its_owner_alone(home: tuple[Path, str]) -> None:
    folder, _ = home
    assert mode(folder) == 0o700
    assert {path.name for path in folder.iterdir()} >= {"omniroute.db", "encryption_keys"}
    for path in folder.glob("omniroute.db*"):
        assert mode(path) == 0o600, path.name
    assert mode(folder / "encryption_keys") == mode(folder / "secret_key") == 0o600


def test_no_file_holds_what_was_printed_or_given(home: tuple[Path, str]) -> None:
    folder, output = home
    secrets = (
        printed("API key:", output),
        printed("with the password", output),
        "sk-canary-7c2e",
    )
    content = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert [secret for secret in secrets if secret.encode() in content] == []


def test_the_wrong_keys_end_with_status_1_before_anything_is_served(
    home: tuple[Path, str], tmp_path: Path
) -> None:
    folder = shutil.copytree(home[0], tmp_path / "data")
    done = manage(folder, ENCRYPTION_KEYS=Fernet.generate_key().decode())
    assert (done.returncode, done.stdout) == (1, "")
    assert "ENCRYPTION_KEYS: no key decrypts the stored credential of openai-env" in done.stderr
    assert "Traceback" not in done.stderr
    assert manage(folder, OPENAI_API_KEY="sk-canary-7c2e").returncode == 0


def test_lost_keys_are_not_papered_over_by_new_ones(home: tuple[Path, str], tmp_path: Path) -> None:
    folder = shutil.copytree(home[0], tmp_path / "data")
    (folder / "encryption_keys").unlink()
    done = manage(folder)
    assert done.returncode == 1
    assert "ENCRYPTION_KEYS" in done.stderr


def test_the_printed_line_streams(tmp_path: Path) -> None:
    require(shutil.which("curl"), "curl")
    gateway = Gateway(tmp_path, "--no-worker", "--server", "uvicorn")
    output = gateway.manage("bootstrap")
    line = output[output.index("curl -N") :]
    gateway.start()
    try:
        done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=20)
    finally:
        gateway.kill()
    assert done.returncode == 0, done.stderr
    frames = [frame.removeprefix("data: ") for frame in done.stdout.split("\n\n") if frame]
    assert frames[-1] == "[DONE]"
    deltas = [json.loads(frame)["choices"][0]["delta"] for frame in frames[:-1]]
    words = "".join(delta.get("content") or "" for delta in deltas)
    assert "Hello from OmniRoute: these words come back one by one." in words


# --- Many at once ----------------------------------------------------------------------------

# Twenty children of one process that has Django loaded, so that they meet in the same instant.
RACE = """
import os, sys, multiprocessing, pathlib
import django
django.setup()
from django.conf import settings
from django.core.management import call_command
context = multiprocessing.get_context("fork")
barrier = context.Barrier(20)

def start(number):
    own = pathlib.Path(sys.argv[1]) / str(number)
    own.mkdir()
    if sys.argv[2] == "folder of its own":
        settings.DATA_DIR = own
    with (own / "output").open("w") as out:
        barrier.wait()
        call_command("bootstrap", stdout=out)

children = [context.Process(target=start, args=(number,)) for number in range(20)]
for child in children: child.start()
for child in children: child.join()
sys.exit(sum(child.exitcode != 0 for child in children))
"""


def race(folder: Path, where: str, **environment: str) -> list[str]:
    """What each of twenty starts printed."""
    outputs = folder / "outputs"
    outputs.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", RACE, str(outputs), where],
        cwd=ROOT,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "omniroute.settings",
            "DATA_DIR": str(folder / "data"),
            "OPENAI_API_KEY": "sk-canary",
            **environment,
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return [path.read_text() for path in outputs.glob("*/output")]


COUNTS = {
    "SELECT count(*) FROM accounts_user": 1,
    "SELECT count(*) FROM accounts_user WHERE is_superuser": 1,
    "SELECT count(*) FROM accounts_apikey": 1,
    "SELECT count(*) FROM providers_provider": len(rows.read()),
    "SELECT count(*) FROM providers_connection": 2,
}


def test_twenty_starts_at_once_make_one_administrator_and_one_key(tmp_path: Path) -> None:
    outputs = race(tmp_path, "one folder")
    assert len(outputs) == 20
    assert sum("with the password" in output for output in outputs) == 1
    assert sum("API key:  sk-omni-" in output for output in outputs) == 1
    with sqlite3.connect(tmp_path / "data/omniroute.db") as database:
        assert {query: database.execute(query).fetchone()[0] for query in COUNTS} == COUNTS


def test_twenty_machines_on_one_postgresql_make_one_too(tmp_path: Path, postgres_url: str) -> None:
    outputs = race(tmp_path, "folder of its own", DATABASE_URL=postgres_url)
    assert sum("with the password" in output for output in outputs) == 1
    assert sum("API key:  sk-omni-" in output for output in outputs) == 1
    with psycopg.connect(postgres_url) as database:
        found = {query: database.execute(query.encode()).fetchone() for query in COUNTS}
    assert found == {query: (count,) for query, count in COUNTS.items()}
