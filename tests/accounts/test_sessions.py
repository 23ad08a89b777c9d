"""Signing in and out: what is counted, what a session is, and how it ends."""

from unittest.mock import patch

import pytest
from allauth.usersessions.models import UserSession
from django.conf import settings as django_settings
from django.contrib.messages import get_messages
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from accounts import roles
from accounts.models import User
from tests.accounts.browsing import PASSWORD, browser, is_signed_in, make_user, sign_in, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> User:
    return make_user("ada", roles.ADMINISTRATOR)


# --- Attempts --------------------------------------------------------------------------------


def test_who_is_there_and_who_is_not_get_the_same_answer(ada: User) -> None:
    answers = [sign_in(browser(), name, "wrong") for name in ("ada", "nobody")]
    shown = [answer.context["form"].errors for answer in answers]
    assert shown[0] == shown[1]
    assert {answer.status_code for answer in answers} == {200}


def test_a_name_that_nobody_has_costs_a_hash_too(ada: User) -> None:
    with patch.object(User, "set_password") as hashed:
        sign_in(browser(), "nobody", "wrong")
    hashed.assert_called_once()


def test_attempts_are_counted_in_the_database_that_all_processes_share() -> None:
    assert "DatabaseCache" in django_settings.CACHES["default"]["BACKEND"]


def test_who_fills_the_cache_has_no_attempt_forgotten(ada: User) -> None:
    for _ in range(5):
        sign_in(browser(), "ada", "wrong")
    for number in range(400):
        cache.set(f"zz-{number}", number)
    client = browser()
    sign_in(client, "ada")
    assert not is_signed_in(client)


def test_a_header_makes_nobody_another(ada: User) -> None:
    for number in range(6):
        client = Client(headers={"host": "localhost", "x-forwarded-for": f"203.0.113.{number}"})
        sign_in(client, "ada", "wrong")
    client = browser()
    sign_in(client, "ada")
    assert not is_signed_in(client)


def test_who_is_switched_off_is_told_so_only_with_the_right_password(ada: User) -> None:
    User.objects.update(is_active=False)
    assert sign_in(browser(), "ada").headers["location"] == reverse("account_inactive")
    assert sign_in(browser(), "ada", "wrong").status_code == 200
    assert browser().get(reverse("account_inactive")).status_code == 200


@pytest.mark.parametrize(
    "place", ["//evil.example", "https://evil.example/", "javascript:alert(1)"]
)
def test_signing_in_leads_nowhere_else(ada: User, place: str) -> None:
    told = {"login": "ada", "password": PASSWORD, "next": place}
    assert browser().post(reverse("account_login"), told).headers["location"] == "/"


# --- Sessions --------------------------------------------------------------------------------


def test_signing_in_begins_another_session(ada: User) -> None:
    client = browser()
    client.get(reverse("account_login"))
    client.session["planted"] = True
    before = client.session.session_key
    sign_in(client, "ada")
    assert client.session.session_key != before


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(ada: User) -> None:
    cookie = signed_in(ada).cookies["sessionid"]
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")


def test_each_session_is_listed_for_its_owner_alone(ada: User) -> None:
    signed_in(make_user("bob"))
    first, _second = signed_in(ada), signed_in(ada)
    listed = first.get(reverse("account_sessions")).context["sessions"]
    assert [session.user for session in listed] == [ada, ada]


def test_one_of_them_is_ended(ada: User) -> None:
    first, second = signed_in(ada), signed_in(ada)
    row = UserSession.objects.get(session_key=second.session.session_key)
    first.post(reverse("account_end_session", args=[row.pk]))
    assert (is_signed_in(first), is_signed_in(second)) == (True, False)


def test_this_one_too(ada: User) -> None:
    client = signed_in(ada)
    row = UserSession.objects.get()
    client.post(reverse("account_end_session", args=[row.pk]))
    assert not is_signed_in(client)


def test_anothers_is_not_there(ada: User) -> None:
    his = signed_in(make_user("bob"))
    row = UserSession.objects.get()
    answer = signed_in(ada).post(reverse("account_end_session", args=[row.pk]))
    assert answer.status_code == 404
    assert is_signed_in(his)


def test_all_others_end_at_once_and_so_do_those_that_no_list_knows(ada: User) -> None:
    here, there, old = signed_in(ada), signed_in(ada), browser()
    old.force_login(ada)
    UserSession.objects.filter(session_key=old.session.session_key).delete()
    his = signed_in(make_user("bob"))
    here.post(reverse("account_end_others"))
    assert [is_signed_in(client) for client in (here, there, old, his)] == [
        True, False, False, True,
    ]  # fmt: skip


def test_another_password_ends_the_other_sessions(ada: User) -> None:
    here, there = signed_in(ada), signed_in(ada)
    told = {
        "oldpassword": PASSWORD, "password1": "another-horse-9", "password2": "another-horse-9",
    }  # fmt: skip
    assert here.post(reverse("account_change_password"), told).status_code == 302
    assert (is_signed_in(here), is_signed_in(there)) == (True, False)


@pytest.mark.parametrize(
    ("told", "field"),
    [
        ({"oldpassword": "wrong"}, "oldpassword"),
        ({"password1": "123", "password2": "123"}, "password1"),
    ],
)
def test_a_mistake_is_told_at_its_field(ada: User, told: dict[str, str], field: str) -> None:
    good = {
        "oldpassword": PASSWORD, "password1": "another-horse-9", "password2": "another-horse-9",
    }  # fmt: skip
    answer = signed_in(ada).post(reverse("account_change_password"), good | told)
    assert field in answer.context["form"].errors


def test_admins_own_page_for_it_leads_here(ada: User) -> None:
    answer = signed_in(ada).get("/admin/password_change/")
    assert answer.headers["location"] == reverse("account_change_password")


def test_an_administrator_signs_somebody_out_everywhere(ada: User) -> None:
    bob = make_user("bob")
    his, hers = signed_in(bob), signed_in(ada)
    chosen = {"action": "sign_out", "_selected_action": [bob.pk], "confirmed": "yes"}
    answer = hers.post(reverse("admin:accounts_user_changelist"), chosen)
    assert "bob: 1 session ended" in [str(message) for message in get_messages(answer.wsgi_request)]
    assert (is_signed_in(his), is_signed_in(hers)) == (False, True)


def test_who_is_switched_off_is_out_at_once(ada: User) -> None:
    client = signed_in(ada)
    User.objects.update(is_active=False)
    assert not is_signed_in(client)


def test_no_get_ends_or_changes_anything(ada: User) -> None:
    client = signed_in(ada)
    for name in ("account_end_others", "account_logout"):
        client.get(reverse(name))
    assert is_signed_in(client)
    assert Session.objects.exists()
