"""Second factors: asked for, kept encrypted, changed only by who has just said who they are."""

from typing import Any
from unittest.mock import patch

import pytest
from allauth.mfa.models import Authenticator
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.db import connection as database
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from accounts import roles
from accounts.models import User
from tests.accounts.browsing import (
    PASSWORD,
    browser,
    confirm,
    is_signed_in,
    make_user,
    set_up_app,
    sign_in,
    signed_in,
    totp,
)

pytestmark = pytest.mark.django_db


class Clock:
    """Of the codes: it goes on when a test says so."""

    now = 1_800_000_000.0

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Any:
    clock = Clock()
    with patch("allauth.mfa.totp.internal.auth.time", clock):
        yield clock


@pytest.fixture
def ada() -> User:
    return make_user("ada", roles.ADMINISTRATOR)


@pytest.fixture
def secret(ada: User, clock: Clock) -> str:
    """Of the app that Ada has set up."""
    made = set_up_app(signed_in(ada), clock.time)
    clock.now += 30
    return made


def begin(name: str = "ada") -> Client:
    client = browser()
    assert sign_in(client, name).url == reverse("mfa_authenticate")
    return client


def give(client: Client, code: str) -> Any:
    return client.post(reverse("mfa_authenticate"), {"code": code})


def test_a_password_alone_signs_in_no_more(secret: str) -> None:
    assert not is_signed_in(begin())


def test_password_and_code_sign_in(secret: str, clock: Clock) -> None:
    client = begin()
    give(client, totp(secret, clock.now))
    assert is_signed_in(client)


@pytest.mark.parametrize(
    "code", ["", "000000", "12345", "\u0661\u0662\u0663\u0664\u0665\u0666", "x" * 10_000]
)
def test_another_code_does_not(secret: str, code: str) -> None:
    client = begin()
    assert give(client, code).status_code == 200
    assert not is_signed_in(client)


def test_a_code_is_good_once(secret: str, clock: Clock) -> None:
    code = totp(secret, clock.now)
    first, second = begin(), begin()
    give(first, code), give(second, code)
    assert (is_signed_in(first), is_signed_in(second)) == (True, False)


def test_codes_cannot_be_guessed_by_trying(secret: str, clock: Clock) -> None:
    client = begin()
    for _ in range(5):
        give(client, "000000")
    give(client, totp(secret, clock.now))
    assert not is_signed_in(client)


def codes_of(client: Client) -> list[str]:
    confirm(client)
    client.post(reverse("mfa_generate_recovery_codes"))
    shown: list[str] = client.get(reverse("mfa_view_recovery_codes")).context["unused_codes"]
    return shown


def test_a_recovery_code_stands_in_for_the_app_once(ada: User, secret: str, clock: Clock) -> None:
    client = begin()
    give(client, totp(secret, clock.now))
    codes = codes_of(client)
    assert len(set(codes)) == 10
    first, second = begin(), begin()
    give(first, codes[3]), give(second, codes[3])
    assert (is_signed_in(first), is_signed_in(second)) == (True, False)


def test_recovery_codes_are_shown_once(secret: str, clock: Clock) -> None:
    client = begin()
    give(client, totp(secret, clock.now))
    codes = codes_of(client)
    again = client.get(reverse("mfa_view_recovery_codes")).content.decode()
    assert not any(code in again for code in codes)
    assert client.get(reverse("mfa_download_recovery_codes")).status_code == 403


CHANGES = [
    "mfa_activate_totp", "mfa_deactivate_totp", "mfa_add_webauthn", "mfa_generate_recovery_codes",
]  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_asks_who_one_is(ada: User, secret: str, clock: Clock, name: str) -> None:
    client = begin()
    give(client, totp(secret, clock.now))
    before = list(Authenticator.objects.values_list("pk", "data"))
    for answer in (client.get(reverse(name)), client.post(reverse(name), {"code": "1"})):
        assert answer.status_code == 302
    assert list(Authenticator.objects.values_list("pk", "data")) == before


def test_a_wrong_password_confirms_nothing(ada: User, clock: Clock) -> None:
    client = signed_in(ada)
    confirm(client, "wrong")
    assert client.get(reverse("mfa_activate_totp")).status_code == 302


# --- At rest -----------------------------------------------------------------------------------


def test_secrets_lie_encrypted(ada: User, secret: str) -> None:
    with database.cursor() as cursor:
        cursor.execute("SELECT * FROM mfa_authenticator")
        assert secret not in str(cursor.fetchall())


def test_a_newer_encryption_key_takes_them_over(
    ada: User, secret: str, clock: Clock, settings: Settings
) -> None:
    newer = Fernet.generate_key().decode()
    settings.ENCRYPTION_KEYS = [newer, *settings.ENCRYPTION_KEYS]
    call_command("rotate_keys")
    settings.ENCRYPTION_KEYS = [newer]
    client = begin()
    give(client, totp(secret, clock.now))
    assert is_signed_in(client)


def test_without_its_key_the_factor_is_said_to_be_lost(
    ada: User, secret: str, clock: Clock, settings: Settings
) -> None:
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    client = begin()
    assert b"No key of ENCRYPTION_KEYS decrypts it" in give(client, "123456").content
    with pytest.raises(CommandError, match="the second factor of ada"):
        call_command("rotate_keys")


# --- What an administrator does ------------------------------------------------------------------


def reset(client: Client, user: User) -> Any:
    chosen = {"action": "reset_second_factor", "_selected_action": [user.pk], "confirmed": "yes"}
    return client.post(reverse("admin:accounts_user_changelist"), chosen)


def test_an_administrator_resets_anothers_factor_and_says_who_they_are(
    ada: User, secret: str
) -> None:
    client = signed_in(make_user("root", roles.ADMINISTRATOR))
    asked = reset(client, ada)
    assert Authenticator.objects.exists()
    client.post(asked.url, {"password": PASSWORD})  # which goes on with what was asked for
    assert not Authenticator.objects.exists()
    assert is_signed_in(signed_in(ada))


@pytest.mark.parametrize("role", [roles.OPERATOR, roles.VIEWER, roles.MEMBER])
def test_nobody_else_does(ada: User, secret: str, role: str) -> None:
    client = signed_in(make_user("other", role))
    confirm(client)
    reset(client, ada)
    assert Authenticator.objects.filter(user=ada).exists()


# --- Where it is required ------------------------------------------------------------------------


@pytest.fixture
def required(settings: Settings) -> None:
    settings.SECOND_FACTOR_REQUIRED = True


@pytest.mark.parametrize("role", [roles.ADMINISTRATOR, roles.OPERATOR, roles.VIEWER])
@pytest.mark.parametrize("page", ["/", "/admin/", "/admin/accounts/user/", "/account/keys/"])
def test_staff_without_one_can_only_set_one_up(required: None, role: str, page: str) -> None:
    client = browser()
    make_user("eve", role)
    sign_in(client, "eve")
    assert client.get(page).headers["location"] == reverse("mfa_index")
    assert client.get(reverse("mfa_index")).status_code == 200
    assert client.get("/api/settings").status_code == 403


def test_with_one_they_go_on(ada: User, secret: str, clock: Clock, required: None) -> None:
    client = begin()
    give(client, totp(secret, clock.now))
    assert client.get("/admin/").status_code == 200


def test_a_member_needs_none(required: None) -> None:
    assert is_signed_in(signed_in(make_user("mia")))
