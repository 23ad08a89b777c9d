"""The frame of our own pages: who sees what in it, and what a browser may do there."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts import roles
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


def signed_in(role: str) -> Client:
    client = Client()
    client.force_login(UserFactory(role=role))
    return client


def menu(client: Client, path: str = "/logs/") -> list[str]:
    return [str(link.title) for link in client.get(path).context["navigation"]()]


def test_who_is_not_signed_in_is_sent_to_sign_in_and_comes_back(client: Client) -> None:
    answer = client.get("/logs/?provider=openai")
    assert answer["location"] == "/account/login/?next=/logs/%3Fprovider%3Dopenai"


def test_a_part_that_is_asked_for_after_the_session_leads_the_whole_page_to_sign_in(
    client: Client,
) -> None:
    asked = {"hx-request": "true", "hx-current-url": "http://testserver/logs/?range=7d"}
    for path in ("/", "/logs/", "/health/", "/setup/waiting/", "/playground/models/"):
        answer = client.get(path, headers=asked)
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer["HX-Redirect"] == "/account/login/?next=/logs/%3Frange%3D7d"


def test_the_menu_has_what_the_role_may_see() -> None:
    assert {"Logs", "Translator", "Admin"} <= set(menu(signed_in(roles.VIEWER)))
    assert "Logs" in menu(signed_in(roles.MEMBER))
    assert not {"Health", "Translator", "Admin"} & set(menu(signed_in(roles.MEMBER)))


def test_the_menu_marks_the_page_that_one_is_on() -> None:
    links = signed_in(roles.VIEWER).get("/logs/").context["navigation"]()
    assert [link.url for link in links if link.current] == ["/logs/"]


def test_what_is_not_there_is_said_in_the_same_frame() -> None:
    absent = signed_in(roles.MEMBER).get("/no-such-page/")
    assert absent.status_code == 404
    assert "There is nothing here" in absent.content.decode()


def test_our_pages_run_no_inline_script_and_evaluate_nothing() -> None:
    policy = signed_in(roles.VIEWER).get("/logs/")["content-security-policy"]
    scripts = next(rule for rule in policy.split("; ") if rule.startswith("script-src"))
    assert scripts == "script-src 'self'"


def test_admin_keeps_what_its_theme_needs() -> None:
    policy = signed_in(roles.VIEWER).get(reverse("admin:index"))["content-security-policy"]
    assert "'unsafe-eval'" in policy


def test_pages_and_admin_lead_to_each_other() -> None:
    viewer = signed_in(roles.VIEWER)
    assert b'href="/admin/"' in viewer.get("/logs/").content
    assert b'href="/logs/"' in viewer.get("/admin/").content
