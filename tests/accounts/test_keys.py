"""API keys: made, hashed, and shown once."""

import hashlib

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection as database

from accounts import first, keys, roles
from accounts.models import ApiKey, User

GIVEN = "sk-omni-9d1c7f20e6b84a53a1f00b6c2d7e4f18"


def test_a_key_that_is_made_has_128_random_bits() -> None:
    made = {keys.mint(name="a")[1] for _ in range(100)}
    assert len(made) == 100
    assert {(key[: len(keys.PREFIX)], len(key)) for key in made} == {(keys.PREFIX, 8 + 32)}


def test_a_row_keeps_the_hash_of_the_whole_key() -> None:
    row, key = keys.mint(name="a")
    assert row.sha256 == hashlib.sha256(key.encode()).hexdigest()
    assert row.sha256 != keys.hash_key(key[:-1] + ("0" if key[-1] != "0" else "1"))


def test_what_stays_readable_is_too_short_to_guess_from() -> None:
    row, key = keys.mint(GIVEN, name="a")
    assert key == GIVEN
    assert row.prefix == "sk-omni-9d1c"


@pytest.mark.django_db
def test_no_column_of_the_row_holds_the_key() -> None:
    row, key = keys.mint(name="a")
    row.save()
    with database.cursor() as cursor:
        cursor.execute("SELECT * FROM accounts_apikey")
        assert key not in str(cursor.fetchall())


@pytest.mark.django_db
def test_a_replaced_key_is_found_no_more() -> None:
    row, old = keys.mint(name="a")
    row.save()
    new = keys.assign(row)
    row.save()
    assert not ApiKey.objects.filter(sha256=keys.hash_key(old)).exists()
    assert ApiKey.objects.get(sha256=keys.hash_key(new)).name == "a"


# --- The first key, and that of the environment ----------------------------------------------


@pytest.mark.django_db
def test_the_first_key_is_the_first_administrators_and_calls_models_only() -> None:
    first.make_administrator("root", "")
    key = first.make_key()
    row = ApiKey.objects.get()
    assert key is not None
    assert (row.name, row.scope, row.sha256) == ("default", "inference", keys.hash_key(key))
    assert row.owner == User.objects.get(username="root")


@pytest.mark.django_db
def test_there_is_one_first_key() -> None:
    assert first.make_key()
    assert first.make_key() is None
    assert ApiKey.objects.count() == 1


@pytest.mark.django_db
def test_the_environments_key_follows_the_variable() -> None:
    first.keep_environment_key(GIVEN)
    first.keep_environment_key(GIVEN)
    first.keep_environment_key(GIVEN[::-1])
    row = ApiKey.objects.get()
    assert (row.name, row.scope, row.sha256) == ("env", "inference", keys.hash_key(GIVEN[::-1]))


@pytest.mark.django_db
def test_the_environments_key_stays_off_once_an_operator_switched_it_off() -> None:
    first.keep_environment_key(GIVEN)
    ApiKey.objects.update(active=False)
    first.keep_environment_key(GIVEN)
    assert not ApiKey.objects.get().active


WEAK = {
    "short": "sk-1234",
    "one character short": "9d1c7f20e6b84a53a1f",
    "a sample": "sk-1234sk-1234sk-1234sk-1234",
    "the sample of the documents": "sk-omni-0123456789abcdef0123456789abcdef",
    "words": "changeme-changeme-please-changeme",
    "one letter": "a" * 40,
    "spaces inside": "9d1c7f20 e6b84a53 a1f00b6c",
    "a line end inside": "9d1c7f20e6b84a53\na1f00b6c",
    "letters that no header carries": "schlüssel-9d1c7f20e6b84a53",
}


@pytest.mark.django_db
@pytest.mark.parametrize("key", WEAK.values(), ids=WEAK)
def test_a_key_that_can_be_guessed_is_refused_by_the_name_of_its_variable(key: str) -> None:
    with pytest.raises(ImproperlyConfigured) as caught:
        first.keep_environment_key(key)
    assert str(caught.value).startswith("API_KEY: ")
    assert key not in str(caught.value)
    assert not ApiKey.objects.exists()


@pytest.mark.django_db
def test_a_key_that_is_there_under_another_name_is_named() -> None:
    row, _ = keys.mint(GIVEN, name="laptop")
    row.save()
    with pytest.raises(ImproperlyConfigured, match="API_KEY: the key laptop is the same"):
        first.keep_environment_key(GIVEN)


# --- The first administrator -----------------------------------------------------------------


@pytest.mark.django_db
def test_the_first_administrator_gets_a_password_that_nobody_can_guess() -> None:
    password = first.make_administrator("root", "")
    user = User.objects.get()
    assert password is not None
    assert len(password) >= 16
    assert user.check_password(password)
    assert (user.role, user.is_superuser, user.is_staff) == (roles.ADMINISTRATOR, True, True)


@pytest.mark.django_db
def test_a_password_that_was_given_is_not_shown() -> None:
    assert first.make_administrator("root", "correct-horse-battery") is None
    assert User.objects.get().check_password("correct-horse-battery")


@pytest.mark.django_db
def test_where_there_is_a_user_none_is_made() -> None:
    User.objects.create_user("somebody", role=roles.MEMBER)
    assert first.make_administrator("root", "") is None
    assert User.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("username", "password", "variable"),
    [
        ("root", "123456", "ADMIN_PASSWORD"),
        ("root", "password", "ADMIN_PASSWORD"),
        ("administrator", "administrator", "ADMIN_PASSWORD"),
        ("", "correct-horse-battery", "ADMIN_USERNAME"),
        ("two words", "correct-horse-battery", "ADMIN_USERNAME"),
        ("two\nlines", "correct-horse-battery", "ADMIN_USERNAME"),
    ],
)
def test_a_weak_password_or_no_name_is_refused_by_its_variable(
    username: str, password: str, variable: str
) -> None:
    with pytest.raises(ImproperlyConfigured, match=f"^{variable}: "):
        first.make_administrator(username, password)
    assert not User.objects.exists()
