"""The first administrator and the first keys, made when there are none."""

import secrets
from collections.abc import Callable

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ImproperlyConfigured, ValidationError

from accounts import keys, roles
from accounts.models import ApiKey, User

MIN_KEY_CHARS = 20
MIN_KEY_DIFFERENT_CHARS = 8


def make_administrator(username: str, password: str) -> str | None:
    """Make the first administrator where there is no user.

    Returns:
        The password where one had to be made up; None otherwise.

    Raises:
        ImproperlyConfigured: ADMIN_USERNAME is no name, or ADMIN_PASSWORD is a weak one.
    """
    if User.objects.exists():
        return None
    chosen = password or secrets.token_urlsafe(15)
    user = User(username=username, role=roles.ADMINISTRATOR)
    user.set_password(chosen)
    _refuse("ADMIN_USERNAME", user.full_clean)
    _refuse("ADMIN_PASSWORD", lambda: validate_password(chosen, user))
    user.save()
    return None if password else chosen


def _refuse(variable: str, check: Callable[[], None]) -> None:
    try:
        check()
    except ValidationError as error:
        raise ImproperlyConfigured(f"{variable}: {' '.join(error.messages)}") from None


def make_key() -> str | None:
    """Make the first API key, the first administrator's; the key, or None where there is one."""
    if ApiKey.objects.exists():
        return None
    owner = User.objects.filter(role=roles.ADMINISTRATOR).order_by("pk").first()
    row, key = keys.mint(name="default", owner=owner)
    row.save()
    return key


# Printed in documents, so that everybody knows them.
_SAMPLES = ("0123456789abcdef", "changeme", "change-me", "your-api-key", "your_api_key", "xxxxxx")


def _weakness(key: str) -> str | None:
    if len(key) < MIN_KEY_CHARS:
        return f"at least {MIN_KEY_CHARS} characters are needed"
    if not key.isascii() or not key.isprintable() or " " in key:
        return "a header cannot carry it: ASCII without spaces is needed"
    if len(set(key)) < MIN_KEY_DIFFERENT_CHARS or any(part in key.lower() for part in _SAMPLES):
        return "this is a sample or easily guessed; `openssl rand -hex 24` makes a good one"
    return None


def keep_environment_key(key: str) -> None:
    """Make or renew the inference key that the variable API_KEY holds.

    Raises:
        ImproperlyConfigured: It can be guessed, or another key of the database is the same.
    """
    if complaint := _weakness(key):
        raise ImproperlyConfigured(f"API_KEY: {complaint}")
    same = ApiKey.objects.filter(sha256=keys.hash_key(key)).exclude(name="env").first()
    if same is not None:
        raise ImproperlyConfigured(f"API_KEY: the key {same.name} is the same; leave out one")
    row = ApiKey.objects.filter(name="env").first()
    if row is None:
        row, _ = keys.mint(key, name="env")
    elif row.sha256 == keys.hash_key(key):
        return
    else:
        keys.assign(row, key)
    row.save()
