"""Users and invitations in the management API, with the permissions of their pages."""

from typing import Any

import pytest
from django.core import mail
from django.test import Client
from pytest_django.fixtures import Settings

from accounts import roles
from accounts.models import Invitation, User
from tests.accounts.browsing import browser, is_signed_in
from tests.factories import UserFactory
from tests.omniroute.test_api import client_of, send

pytestmark = pytest.mark.django_db

NEW = {
    "username": "ada", "password1": "correct-horse-battery", "password2": "correct-horse-battery",
}  # fmt: skip


@pytest.fixture
def admin() -> Client:
    return client_of(roles.ADMINISTRATOR)


def test_users_are_listed_with_their_roles_and_no_password(admin: Client) -> None:
    ada = UserFactory(username="ada", role=roles.MEMBER, email="ada@example.com")
    items = send(admin, "get", "/users").json()["items"]
    assert [item["username"] for item in items] == ["ada", "administrator-manage"]
    answer = send(admin, "get", "/users/ada")
    assert answer.json() == {
        "username": "ada", "role": "member", "email": "ada@example.com", "active": True,
        "last_login": None,
    }  # fmt: skip
    assert ada.password not in answer.text


def test_a_role_is_changed_and_the_rest_stays(admin: Client) -> None:
    UserFactory(
        username="ada", role=roles.MEMBER, budgets={"daily_usd": 5}, allowed_models=["mk/*"]
    )
    assert send(admin, "patch", "/users/ada", {"role": "operator"}).json()["role"] == "operator"
    ada = User.objects.get(username="ada")
    assert (ada.role, ada.is_staff, ada.is_superuser) == (roles.OPERATOR, True, False)
    assert (ada.budgets, ada.allowed_models) == ({"daily_usd": 5}, ["mk/*"])


def test_who_is_switched_off_is_out_at_once(admin: Client) -> None:
    ada = UserFactory(username="ada", role=roles.OPERATOR)
    client = browser()
    client.force_login(ada)
    assert is_signed_in(client)
    assert send(admin, "patch", "/users/ada", {"active": False}).json()["active"] is False
    assert not is_signed_in(client)


@pytest.mark.parametrize("fields", [{"role": "member"}, {"active": False}])
def test_nobody_takes_their_own_role_away(admin: Client, fields: dict[str, Any]) -> None:
    answer = send(admin, "patch", "/users/administrator-manage", fields)
    assert (answer.status_code, answer.json()["error"]["type"]) == (403, "permission_error")
    assert send(admin, "delete", "/users/administrator-manage").status_code == 403
    row = User.objects.get()
    assert (row.role, row.is_active) == (roles.ADMINISTRATOR, True)


def test_of_oneself_the_rest_can_be_changed(admin: Client) -> None:
    answer = send(admin, "patch", "/users/administrator-manage", {"email": "root@example.com"})
    assert answer.json()["email"] == "root@example.com"


@pytest.mark.parametrize("field", ["password", "is_superuser", "is_staff", "groups"])
def test_nothing_else_of_a_user_can_be_written(admin: Client, field: str) -> None:
    UserFactory(username="ada", role=roles.MEMBER)
    answer = send(admin, "patch", "/users/ada", {field: True})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, field)


def test_who_is_made_signs_in_once_there_is_a_password(admin: Client) -> None:
    assert send(admin, "post", "/users", {"username": "ada"}).status_code == 201
    ada = User.objects.get(username="ada")
    assert (ada.role, ada.has_usable_password()) == (roles.MEMBER, False)
    assert send(admin, "post", "/users", {"username": "ada"}).status_code == 409


def test_an_invitation_is_a_link_that_is_shown_once(admin: Client) -> None:
    made = send(admin, "post", "/invitations", {"role": "viewer", "email": "ada@example.com"})
    assert made.status_code == 201
    told = made.json()
    assert (told["state"], told["invited_by"], told["sent"]) == (
        "open",
        "administrator-manage",
        False,
    )
    token = told["link"].rstrip("/").rpartition("/")[2]
    assert token not in send(admin, "get", "/invitations").text
    person = browser()
    person.post(f"/account/join/{token}/", NEW)
    assert is_signed_in(person)
    [shown] = send(admin, "get", "/invitations").json()["items"]
    assert (shown["state"], shown["user"]) == ("taken up by ada", "ada")
    assert User.objects.get(username="ada").role == roles.VIEWER


def test_it_is_sent_where_mail_can_be_sent(admin: Client, settings: Settings) -> None:
    settings.EMAIL_URL = "smtp://localhost"
    made = send(admin, "post", "/invitations", {"email": "ada@example.com"}).json()
    assert made["sent"] is True
    assert made["link"] in mail.outbox[0].body


def test_a_withdrawn_one_is_gone(admin: Client) -> None:
    made = send(admin, "post", "/invitations", {}).json()
    assert send(admin, "delete", f"/invitations/{made['id']}").status_code == 204
    assert browser().get(made["link"]).status_code == 410
    assert send(admin, "delete", f"/invitations/{made['id']}").status_code == 404


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"role": "root"}, "role"),
        ({"email": "nobody"}, "email"),
        ({"expires": "2001-01-01T00:00:00"}, "expires"),
        ({"sha256": "0" * 64}, "sha256"),
        ({"invited_by": "operator"}, "invited_by"),
    ],
)
def test_what_is_wrong_is_named(admin: Client, fields: dict[str, Any], param: str) -> None:
    answer = send(admin, "post", "/invitations", fields)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
    assert not Invitation.objects.exists()


def test_a_key_that_calls_models_sees_and_invites_nobody() -> None:
    client = client_of(roles.ADMINISTRATOR, scope="inference")
    for method, path in [("get", "/users"), ("get", "/invitations"), ("post", "/invitations")]:
        assert send(client, method, path, {} if method == "post" else None).status_code == 403
