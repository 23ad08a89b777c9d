"""Invitations: one link, one person, one time."""

import re
from datetime import timedelta
from smtplib import SMTPServerDisconnected
from typing import Any
from unittest.mock import patch

import pytest
from django.contrib.messages import get_messages
from django.core import mail
from django.db import connection as database
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django.fixtures import Settings

from accounts import invitations, names, roles
from accounts.models import Invitation, User
from analytics import ids, records
from tests.accounts.browsing import browser, is_signed_in, make_user

pytestmark = pytest.mark.django_db

GOOD = {
    "username": "ada", "password1": "correct-horse-battery", "password2": "correct-horse-battery",
}  # fmt: skip


def invite(**fields: Any) -> str:
    """The path of the link."""
    row = Invitation(**{"role": roles.VIEWER} | fields)
    link = invitations.assign(row)
    row.save()
    return link[link.index("/account/") :]


def admin() -> Client:
    client = browser()
    client.force_login(make_user("root", roles.ADMINISTRATOR))
    return client


def by_hand(client: Client, capture: Any, **fields: Any) -> str:
    """Invite in Admin; what it says."""
    told = {
        "email": "", "role": roles.VIEWER, "expires_0": "2100-01-01", "expires_1": "00:00:00",
    } | fields  # fmt: skip
    with capture(execute=True):
        answer = client.post(reverse("admin:accounts_invitation_add"), told)
    assert answer.status_code == 302, answer.context["errors"]
    return " ".join(str(message) for message in get_messages(answer.wsgi_request))


def test_who_takes_it_up_is_signed_in_with_the_role_that_was_chosen() -> None:
    client = browser()
    path = invite(email="ada@example.com")
    assert client.get(path).status_code == 200
    client.post(path, GOOD)
    ada = User.objects.get(username="ada")
    assert (ada.role, ada.email, ada.is_superuser) == (roles.VIEWER, "ada@example.com", False)
    assert ada.check_password(GOOD["password1"])
    assert is_signed_in(client)
    assert Invitation.objects.get().state == "taken up by ada"


def test_nobody_takes_the_name_and_with_it_the_log_of_somebody_who_left() -> None:
    row = records.Record(
        id=ids.new_id(1_800_000_000), time=records.timestamp(1_800_000_000), outcome="ok",
        status=200, client_format="openai_chat", path="/v1/chat/completions", user="ada",
    )  # fmt: skip
    records.insert([records.encode(row)])
    client, path = browser(), invite()
    answer = client.post(path, GOOD)
    assert "Somebody had this name before you" in answer.text
    assert not User.objects.exists()
    assert names.free("ada") == "ada2"
    client.post(path, GOOD | {"username": "ada2"})
    assert is_signed_in(client)


def test_a_link_is_good_once() -> None:
    path = invite()
    browser().post(path, GOOD)
    assert browser().get(path).status_code == 410
    assert browser().post(path, GOOD | {"username": "eve"}).status_code == 410
    assert User.objects.count() == 1


def test_of_two_who_come_at_once_one_is_let_in() -> None:
    path = invite()
    late = invitations.find(path.split("/")[-2])
    browser().post(path, GOOD)
    with patch("accounts.invitations.find", return_value=late):  # looked it up before that
        assert browser().post(path, GOOD | {"username": "eve"}).status_code == 410
    assert not User.objects.filter(username="eve").exists()


def test_an_expired_a_withdrawn_and_an_invented_link_say_the_same() -> None:
    expired = invite(expires=timezone.now() - timedelta(seconds=1))
    withdrawn = invite()
    Invitation.objects.filter(accepted=None, expires__gt=timezone.now()).delete()
    pages = [browser().get(path) for path in (expired, withdrawn, "/account/join/invented/")]
    assert {page.status_code for page in pages} == {410}
    assert len({page.content for page in pages}) == 1


@pytest.mark.parametrize(
    ("told", "field"),
    [
        ({"username": ""}, "username"),
        ({"username": "two words"}, "username"),
        ({"username": "ROOT"}, "username"),
        ({"password1": "123456", "password2": "123456"}, "password2"),
        ({"password1": "adalovelace", "password2": "adalovelace"}, "password2"),
        ({"password2": "something-else-9"}, "password2"),
    ],
)
def test_a_mistake_is_told_at_its_field(told: dict[str, str], field: str) -> None:
    make_user("root")
    path = invite(email="adalovelace@example.com")
    assert field in browser().post(path, GOOD | told).context["form"].errors
    assert User.objects.count() == 1
    assert browser().get(path).status_code == 200


def test_a_role_that_is_forged_into_the_form_counts_for_nothing() -> None:
    forged = {"role": "administrator", "is_superuser": "on", "is_staff": "on", "email": "x@y.zz"}
    browser().post(invite(role=roles.MEMBER), GOOD | forged)
    ada = User.objects.get()
    assert (ada.role, ada.is_staff, ada.email) == (roles.MEMBER, False, "")


def test_who_is_signed_in_is_asked_to_sign_out_first() -> None:
    client, path = admin(), invite()
    assert b"You are signed in" in client.post(path, GOOD).content
    assert User.objects.count() == 1


# --- In Admin --------------------------------------------------------------------------------


def test_the_link_is_shown_once_and_only_its_hash_is_kept(
    django_capture_on_commit_callbacks: Any, settings: Settings
) -> None:
    client = admin()
    said = by_hand(client, django_capture_on_commit_callbacks)
    [token] = re.findall(r"/account/join/([\w-]+)/", said)
    assert f"{settings.PUBLIC_URL}/account/join/{token}/" in said
    client.get(reverse("admin:accounts_invitation_changelist"))
    row = Invitation.objects.get()
    page = client.get(reverse("admin:accounts_invitation_change", args=[row.pk]))
    assert token not in page.content.decode()
    with database.cursor() as cursor:
        for table in ("accounts_invitation", "auditlog_logentry", "django_admin_log"):
            cursor.execute(f"SELECT * FROM {table}")
            assert token not in str(cursor.fetchall())
    assert browser().get(f"/account/join/{token}/").status_code == 200


def test_it_is_sent_where_mail_can_be_sent(
    django_capture_on_commit_callbacks: Any, settings: Settings
) -> None:
    settings.EMAIL_URL = "smtp://mail.example"
    said = by_hand(admin(), django_capture_on_commit_callbacks, email="ada@example.com")
    [sent] = mail.outbox
    assert sent.to == ["ada@example.com"]
    assert said.split()[-1] in sent.body
    assert "It was sent to ada@example.com" in said


def test_mail_that_fails_leaves_the_link(
    django_capture_on_commit_callbacks: Any, settings: Settings
) -> None:
    settings.EMAIL_URL = "smtp://mail.example"
    with patch("accounts.invitations.send_mail", side_effect=SMTPServerDisconnected):
        said = by_hand(admin(), django_capture_on_commit_callbacks, email="ada@example.com")
    assert "It was sent" not in said
    assert "/account/join/" in said


def test_without_a_mail_server_none_is_tried(django_capture_on_commit_callbacks: Any) -> None:
    by_hand(admin(), django_capture_on_commit_callbacks, email="ada@example.com")
    assert mail.outbox == []


@pytest.mark.parametrize("role", [roles.OPERATOR, roles.VIEWER, roles.MEMBER])
def test_nobody_but_an_administrator_invites(role: str) -> None:
    client = browser()
    client.force_login(make_user("eve", role))
    told = {"role": "administrator", "expires_0": "2100-01-01", "expires_1": "00:00:00"}
    assert client.post(reverse("admin:accounts_invitation_add"), told).status_code in (302, 403)
    assert not Invitation.objects.exists()
