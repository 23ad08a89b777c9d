"""`manage.py rotate_keys`: every credential under the newest key, whenever it is stopped."""

from io import StringIO
from typing import Any

import pytest
from cryptography.fernet import Fernet, InvalidToken
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from accounts.models import GatewaySettings
from gateway import snapshot
from omniroute.management.commands import rotate_keys
from providers import credentials
from providers.models import Connection, Provider

OLD, NEW, LOST = (Fernet.generate_key().decode() for _ in range(3))

pytestmark = pytest.mark.django_db


def connect(name: str, key: str, settings: Settings) -> Connection:
    """A connection whose credential is under the encryption key `key`."""
    provider, _ = Provider.objects.get_or_create(
        slug="mk", defaults={"alias": "mk", "name": "Mock", "base_url": "https://mk.example/v1"}
    )
    row = Connection(name=name, provider=provider)
    settings.ENCRYPTION_KEYS = [key]
    row.set_api_key(f"sk-{name}")
    row.save()
    return row


def rotate() -> str:
    out = StringIO()
    call_command("rotate_keys", stdout=out)
    return out.getvalue()


def is_under(name: str, key: str) -> bool:
    try:
        Fernet(key).decrypt(Connection.objects.get(name=name).credential)
    except InvalidToken:
        return False
    return True


def test_every_row_is_readable_once_the_old_key_is_dropped(settings: Settings) -> None:
    for name in ("a", "b", "c"):
        connect(name, OLD, settings)
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    assert rotate() == "3 credentials are under the newest key.\n"
    settings.ENCRYPTION_KEYS = [NEW]
    assert {row.name: row.read_auth() for row in Connection.objects.all()} == {
        name: {"api_key": f"sk-{name}"} for name in ("a", "b", "c")
    }


def test_the_credential_stays_bound_to_its_row(settings: Settings) -> None:
    first, second = connect("a", OLD, settings), connect("b", OLD, settings)
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    rotate()
    second.refresh_from_db()
    Connection.objects.filter(pk=first.pk).update(credential=second.credential)
    first.refresh_from_db()
    with pytest.raises(credentials.CredentialUnreadable, match="another connection"):
        first.read_auth()


def test_what_was_killed_halfway_is_finished_by_the_next_run(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b", "c"):
        connect(name, OLD, settings)
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    done: list[str] = []

    def dies_at_the_third(sealed: str) -> str:
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(sealed)
        return credentials.rotate(sealed)

    monkeypatch.setattr(rotate_keys, "rotate", dies_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        rotate()
    assert [is_under(name, NEW) for name in ("a", "b", "c")] == [True, True, False]
    # Both halves serve meanwhile.
    assert len(snapshot.build().providers["mk"].connections) == 3

    monkeypatch.undo()
    rotate()
    assert all(is_under(name, NEW) for name in ("a", "b", "c"))


def test_a_credential_entered_meanwhile_is_not_overwritten(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = connect("a", OLD, settings)
    settings.ENCRYPTION_KEYS = [NEW, OLD]

    def while_somebody_saves(sealed: str) -> str:
        row.set_api_key("sk-entered-meanwhile")
        row.save()
        return credentials.rotate(sealed)

    monkeypatch.setattr(rotate_keys, "rotate", while_somebody_saves)
    assert rotate().startswith("0 credentials")
    row.refresh_from_db()
    assert row.read_auth() == {"api_key": "sk-entered-meanwhile"}


def test_rows_that_no_key_opens_are_named_and_left_as_they_are(settings: Settings) -> None:
    lost = connect("lost", LOST, settings)
    connect("kept", OLD, settings)
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    with pytest.raises(CommandError, match=r"the credential of: lost$") as caught:
        rotate()
    assert caught.value.returncode == 1
    assert is_under("kept", NEW)
    assert Connection.objects.get(name="lost").credential == lost.credential


def test_connections_without_a_credential_are_passed_over(settings: Settings) -> None:
    row = connect("none", OLD, settings)
    row.credential, row.auth_type = "", Connection.Auth.NONE
    row.save()
    assert rotate().startswith("0 credentials")


def test_processes_read_the_configuration_anew_once(settings: Settings) -> None:
    def version() -> Any:
        return GatewaySettings.objects.get(pk=1).version

    for name in ("a", "b"):
        connect(name, OLD, settings)
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    before = version()
    rotate()
    assert version() == before + 1
