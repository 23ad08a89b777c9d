"""`manage.py reset_password`: a new password, and every session of that user at its end."""

import getpass
import sys
from io import StringIO

import pytest
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django.fixtures import Settings

from accounts import roles
from accounts.models import User

OLD, NEW = "former-horse-battery", "correct-horse-battery"

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> User:
    return User.objects.create_user("ada", password=OLD, role=roles.ADMINISTRATOR)


@pytest.fixture
def bob() -> User:
    return User.objects.create_user("bob", password=OLD, role=roles.ADMINISTRATOR)


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def reset(*arguments: str) -> str:
    out = StringIO()
    call_command("reset_password", *arguments, stdout=out)
    return out.getvalue()


def give(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", StringIO(text))


def type_in(monkeypatch: pytest.MonkeyPatch, *answers: str) -> None:
    given = iter(answers)
    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(getpass, "getpass", lambda prompt: next(given))


def signed_in(user: User) -> Client:
    client = Client(headers={"host": "127.0.0.1"})
    client.force_login(user)
    assert is_signed_in(client)
    return client


def is_signed_in(client: Client) -> bool:
    return client.get("/admin/").status_code == 200


def test_a_password_from_standard_input(ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, f"{NEW}\n")
    assert NEW not in reset("ada")
    ada.refresh_from_db()
    assert ada.check_password(NEW)
    assert not ada.check_password(OLD)


def test_a_password_typed_twice(ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    type_in(monkeypatch, NEW, NEW)
    reset("ada")
    ada.refresh_from_db()
    assert ada.check_password(NEW)


def test_two_that_differ_change_nothing(ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    type_in(monkeypatch, NEW, NEW + "x")
    with pytest.raises(CommandError, match="differ"):
        reset("ada")
    ada.refresh_from_db()
    assert ada.check_password(OLD)


def test_one_that_is_made_up_is_printed_once(ada: User) -> None:
    output = reset("ada", "--generate")
    ada.refresh_from_db()
    password = output.split("is now ")[1].split()[0]
    assert len(password) >= 16
    assert ada.check_password(password)
    assert output.count(password) == 1


@pytest.mark.parametrize("password", ["", "123456", "password", "ada"])
def test_a_weak_one_is_refused_and_signs_nobody_out(
    password: str, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = signed_in(ada)
    give(monkeypatch, f"{password}\n")
    with pytest.raises(CommandError) as caught:
        reset("ada")
    assert caught.value.returncode == 1
    ada.refresh_from_db()
    assert ada.check_password(OLD)
    assert is_signed_in(client)


def test_every_session_of_the_user_ends_and_no_other(ada: User, bob: User) -> None:
    hers, also_hers, his = signed_in(ada), signed_in(ada), signed_in(bob)
    assert "sessions ended: 2" in reset("ada", "--generate")
    assert not is_signed_in(hers)
    assert not is_signed_in(also_hers)
    assert is_signed_in(his)
    assert Session.objects.count() == 1


def test_a_session_that_comes_back_from_a_backup_is_still_at_its_end(ada: User) -> None:
    client = signed_in(ada)
    [kept] = Session.objects.all()
    reset("ada", "--generate")
    Session.objects.create(
        session_key=kept.session_key,
        session_data=kept.session_data,
        expire_date=kept.expire_date,
    )
    assert not is_signed_in(client)


def test_a_session_that_nobody_can_read_stops_nothing(ada: User) -> None:
    client = signed_in(ada)
    [row] = Session.objects.all()
    Session.objects.create(
        session_key="x" * 32, session_data="damaged", expire_date=row.expire_date
    )
    reset("ada", "--generate")
    assert not is_signed_in(client)


def test_an_unknown_name_is_an_error_that_lists_no_known_one(ada: User, bob: User) -> None:
    with pytest.raises(CommandError, match="there is no user eve") as caught:
        reset("eve", "--generate")
    assert caught.value.returncode == 1
    assert "ada" not in str(caught.value)
    assert "bob" not in str(caught.value)


def test_without_a_name_it_is_the_first_administrator(settings: Settings) -> None:
    settings.ADMIN_USERNAME = "root"
    user = User.objects.create_user("root", password=OLD, role=roles.ADMINISTRATOR)
    reset("--generate")
    user.refresh_from_db()
    assert not user.check_password(OLD)
