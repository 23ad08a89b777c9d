"""A browser without scripts: Django's client, and what people do with it."""

import base64
import hmac
import struct
from collections.abc import Callable
from typing import Any

from django.test import Client
from django.urls import reverse

from accounts import roles
from accounts.models import User
from tests.factories import UserFactory

PASSWORD = "correct-horse-9"  # of users that the factory makes


def browser() -> Client:
    return Client(headers={"host": "localhost"})


def make_user(name: str, role: str = roles.MEMBER, **fields: Any) -> User:
    user: User = UserFactory(username=name, role=role, **fields)
    return user


def sign_in(client: Client, name: str, password: str = PASSWORD) -> Any:
    return client.post(reverse("account_login"), {"login": name, "password": password})


def signed_in(user: User) -> Client:
    client = browser()
    sign_in(client, user.username)
    assert is_signed_in(client)
    return client


def is_signed_in(client: Client) -> bool:
    return bool(client.get(reverse("account_sessions")).status_code == 200)


def confirm(client: Client, password: str = PASSWORD) -> Any:
    """Say once more that it is you, as changes of second factors ask."""
    return client.post(reverse("account_reauthenticate"), {"password": password})


def totp(secret: str, now: float) -> str:
    """After RFC 6238, beside what is tested."""
    counter = struct.pack(">Q", int(now) // 30)
    digest = hmac.digest(base64.b32decode(secret), counter, "sha1")
    start = digest[-1] & 15
    return f"{(int.from_bytes(digest[start : start + 4]) & 0x7FFFFFFF) % 10**6:06}"


def set_up_app(client: Client, clock: Callable[[], float]) -> str:
    """Enrol an authenticator app; its secret."""
    confirm(client)
    page = client.get(reverse("mfa_activate_totp"))
    secret: str = page.context["form"].secret
    done = client.post(reverse("mfa_activate_totp"), {"code": totp(secret, clock())})
    assert done.status_code == 302, done.context["form"].errors
    return secret
