"""Credentials at rest: encrypted, bound to their row, and read wherever they stand."""

import logging
import uuid
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from django.db import connection as database
from pytest_django.fixtures import Settings

from gateway import snapshot
from providers import credentials
from providers.models import Connection, Provider

OLD, NEW, OTHER = (Fernet.generate_key().decode() for _ in range(3))
CANARY = "sk-canary-5d1f0c"


def connect(name: str, api_key: str = CANARY) -> Connection:
    provider, _ = Provider.objects.get_or_create(
        slug="mk", defaults={"alias": "mk", "name": "Mock", "base_url": "https://mk.example/v1"}
    )
    row = Connection(name=name, provider=provider)
    row.set_api_key(api_key)
    row.save()
    return row


def test_what_was_sealed_opens_for_its_owner_alone() -> None:
    owner = uuid.uuid4()
    sealed = credentials.seal(owner, {"api_key": CANARY})
    assert credentials.open_sealed(owner, sealed) == {"api_key": CANARY}
    with pytest.raises(credentials.CredentialUnreadable, match="another connection"):
        credentials.open_sealed(uuid.uuid4(), sealed)


def test_the_same_key_is_sealed_differently_each_time() -> None:
    owner = uuid.uuid4()
    first, second = (credentials.seal(owner, {"api_key": CANARY}) for _ in range(2))
    assert first != second


def test_a_text_that_was_changed_does_not_open() -> None:
    owner = uuid.uuid4()
    sealed = credentials.seal(owner, {"api_key": CANARY})
    middle = len(sealed) // 2
    changed = sealed[:middle] + ("A" if sealed[middle] != "A" else "B") + sealed[middle + 1 :]
    with pytest.raises(credentials.NoKeyFits):
        credentials.open_sealed(owner, changed)


@dataclass(frozen=True)
class Keys:
    id: str
    sealed_with: list[str]
    opened_with: list[str]
    opens: bool


KEYS = [
    Keys("the same key", [OLD], [OLD], True),
    Keys("a newer one before it", [OLD], [NEW, OLD], True),
    Keys("sealed with the first of two", [NEW, OLD], [NEW], True),
    Keys("and not with the second", [NEW, OLD], [OLD], False),
    Keys("another key", [OLD], [OTHER], False),
]


@pytest.mark.parametrize("keys", KEYS, ids=lambda keys: keys.id)
def test_every_configured_key_opens_and_the_newest_seals(keys: Keys, settings: Settings) -> None:
    owner = uuid.uuid4()
    settings.ENCRYPTION_KEYS = keys.sealed_with
    sealed = credentials.seal(owner, {"api_key": CANARY})
    settings.ENCRYPTION_KEYS = keys.opened_with
    if keys.opens:
        assert credentials.open_sealed(owner, sealed) == {"api_key": CANARY}
    else:
        with pytest.raises(credentials.NoKeyFits):
            credentials.open_sealed(owner, sealed)


@pytest.mark.django_db
def test_no_column_of_the_row_holds_the_secret() -> None:
    connect("mine")
    with database.cursor() as cursor:
        cursor.execute("SELECT * FROM providers_connection")
        assert CANARY not in str(cursor.fetchall())


@pytest.mark.django_db
def test_swapped_credentials_fail_closed(caplog: pytest.LogCaptureFixture) -> None:
    first, second, third = connect("first"), connect("second", "sk-other"), connect("third")
    for row, text in ((first, second.credential), (second, first.credential)):
        Connection.objects.filter(pk=row.pk).update(credential=text)
    with caplog.at_level(logging.WARNING):
        built = snapshot.build()
    assert [c.name for c in built.providers["mk"].connections] == [third.name]
    assert {(p.kind, p.name) for p in built.problems} == {
        ("connection", "first"),
        ("connection", "second"),
    }
    assert "belongs to another connection" in caplog.text
    assert CANARY not in caplog.text + str(built.problems)


@pytest.mark.django_db
def test_a_key_lost_leaves_its_rows_out_and_the_others_in(settings: Settings) -> None:
    settings.ENCRYPTION_KEYS = [OLD]
    connect("lost")
    settings.ENCRYPTION_KEYS = [NEW]
    connect("kept")
    built = snapshot.build()
    assert [c.name for c in built.providers["mk"].connections] == ["kept"]
    assert [p.name for p in built.problems] == ["lost"]


# --- Secrets that stand elsewhere ------------------------------------------------------------


def test_a_plain_secret_is_itself() -> None:
    assert credentials.resolve("sk-plain:with-colon") == "sk-plain:with-colon"


def test_a_variable_is_read_when_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_KEY", "first")
    assert credentials.resolve("env:ACME_KEY") == "first"
    monkeypatch.setenv("ACME_KEY", " second\n")
    assert credentials.resolve("env:ACME_KEY") == "second"


@pytest.mark.parametrize("value", [None, "", " \n"])
def test_a_variable_that_holds_nothing_is_named(
    value: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ACME_KEY", raising=False)
    if value is not None:
        monkeypatch.setenv("ACME_KEY", value)
    with pytest.raises(credentials.CredentialUnreadable, match="ACME_KEY is not set"):
        credentials.resolve("env:ACME_KEY")


def test_a_file_is_read_when_it_is_used(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("sk-file\n")
    assert credentials.resolve(f"file:{file}") == "sk-file"


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "No such file"), (b"", "empty"), (b" \n", "empty"), (b"\xff\xfe\x00", "not text")],
    ids=["absent", "empty", "blank", "binary"],
)
def test_a_file_that_holds_no_secret_is_named(
    content: bytes | None, reason: str, tmp_path: Path
) -> None:
    file = tmp_path / "key"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(credentials.CredentialUnreadable, match=f"{file}: {reason}"):
        credentials.resolve(f"file:{file}")


def test_a_folder_is_no_secret(tmp_path: Path) -> None:
    with pytest.raises(credentials.CredentialUnreadable, match="directory"):
        credentials.resolve(f"file:{tmp_path}")
