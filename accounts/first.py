"""The first administrator and the first keys, made when there are none."""

import secrets

from django.core.exceptions import ImproperlyConfigured

from accounts import keys, roles
from accounts.models import ApiKey, User

MIN_KEY_CHARS = 20


def make_administrator(username: str, password: str) -> str | None:
    """Make the first administrator where there is no user.

    Returns:
        The password where one had to be made up; None otherwise.
    """
    if User.objects.exists():
        return None
    chosen = password or secrets.token_urlsafe(15)
    User.objects.create_user(username, password=chosen, role=roles.ADMINISTRATOR)
    return None if password else chosen


def make_key() -> str | None:
    """Make the first API key, the first administrator's; the key, or None where there is one."""
    if ApiKey.objects.exists():
        return None
    owner = User.objects.filter(role=roles.ADMINISTRATOR).order_by("pk").first()
    row, key = keys.mint(name="default", owner=owner)
    row.save()
    return key


def keep_environment_key(key: str) -> None:
    """Make or renew the inference key that the variable API_KEY holds.

    Raises:
        ImproperlyConfigured: It is too short to be a secret.
    """
    if len(key) < MIN_KEY_CHARS:
        raise ImproperlyConfigured(f"API_KEY: at least {MIN_KEY_CHARS} characters are needed")
    row = ApiKey.objects.filter(name="env").first()
    if row is None:
        row, _ = keys.mint(key, name="env")
    elif row.sha256 == keys.hash_key(key):
        return
    else:
        keys.assign(row, key)
    row.save()
