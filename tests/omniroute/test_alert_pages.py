"""Alert channels in Admin: what is secret goes in and never comes out, and roles hold."""

import base64
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from accounts import roles
from analytics.alerts.tables import EVENTS
from analytics.models import AlertChannel, AlertDelivery, Incident
from tests.analytics.listener import Listener, listening
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

ADD = reverse("admin:analytics_alertchannel_add")
LISTING = reverse("admin:analytics_alertchannel_changelist")
URL = "https://hooks.example/services/canary-7f"
SECRET = "whsec_" + base64.b64encode(b"a secret of at least 24 bytes").decode()


def signed_in(role: str) -> Client:
    client = Client(headers={"host": "localhost"})
    client.force_login(UserFactory(username=role, role=role))
    return client


@pytest.fixture
def admin() -> Client:
    return signed_in(roles.ADMINISTRATOR)


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening() as listener:
        yield listener


def form(**fields: Any) -> dict[str, Any]:
    return {
        "name": "ops", "kind": "webhook", "url": URL, "secret": "", "recipients": "",
        "events": ["budget_100", "needs_login"], "active": "on",
    } | fields  # fmt: skip


def change(row: AlertChannel) -> str:
    return reverse("admin:analytics_alertchannel_change", args=[row.pk])


def said(answer: Any) -> str:
    return " ".join(str(each) for each in get_messages(answer.wsgi_request))


def test_a_new_channel_is_told_all_until_somebody_says_otherwise(admin: Client) -> None:
    assert admin.get(ADD).text.count("checked") >= len(EVENTS)
    assert admin.get(ADD).context["adminform"].form["events"].initial == list(EVENTS)
    admin.post(ADD, form(events=["budget_100"]))
    row = AlertChannel.objects.get()
    assert admin.get(change(row)).context["adminform"].form["events"].initial == ["budget_100"]


def test_a_secret_that_is_made_is_shown_once_and_the_address_never(admin: Client) -> None:
    answer = admin.post(ADD, form())
    row = AlertChannel.objects.get()
    secret = row.opened()["secret"]
    assert secret.startswith("whsec_")
    assert secret in said(answer)
    assert row.opened()["url"] == URL
    assert secret in admin.get(LISTING).text  # the message
    for page in (LISTING, change(row), reverse("admin:auditlog_logentry_changelist")):
        text = admin.get(page).text
        assert secret not in text
        assert "canary-7f" not in text
        assert "ops" in text
    assert "hooks.example" in admin.get(LISTING).text


def test_blank_keeps_what_is_stored(admin: Client) -> None:
    admin.post(ADD, form(secret=SECRET))
    row = AlertChannel.objects.get()
    answer = admin.post(change(row), form(url="", name="renamed"))
    assert answer.status_code == 302
    row.refresh_from_db()
    assert row.name == "renamed"
    assert row.opened() == {"url": URL, "secret": SECRET}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"url": ""}, "A URL is needed."),
        ({"url": "ftp://hooks.example"}, "begins with http:// or https://"),
        ({"url": "http://127.0.0.1/x"}, "private network"),
        ({"url": "http://169.254.169.254/", "allow_private_network": "on"}, "may be called"),
        ({"secret": "hunter2"}, "a secret begins with whsec_"),
        ({"secret": "whsec_AAAA"}, "24 to 64 bytes"),
        ({"events": []}, "This field is required."),
        ({"events": ["moon_full"]}, "moon_full is not one of the available choices"),
        ({"kind": "email", "recipients": "a@example.com"}, "EMAIL_URL is not set"),
        ({"kind": "email", "recipients": "a@example.com, b"}, "is no e-mail address"),
        ({"kind": "email", "recipients": ""}, "E-mail needs an address."),
    ],
)
def test_what_is_wrong_is_said_at_the_field(
    admin: Client, fields: dict[str, Any], words: str
) -> None:
    answer = admin.post(ADD, form(**fields))
    assert answer.status_code == 200
    assert words in answer.text
    assert not AlertChannel.objects.exists()


def test_a_query_may_be_in_the_url(admin: Client) -> None:
    assert admin.post(ADD, form(url=f"{URL}?thread=1")).status_code == 302


def test_mail_is_offered_where_it_can_be_sent(admin: Client, settings: Any) -> None:
    settings.EMAIL_URL = "smtp://localhost"
    answer = admin.post(ADD, form(kind="email", url="", recipients="a@example.com,b@example.com"))
    assert answer.status_code == 302
    row = AlertChannel.objects.get()
    assert (row.recipients, row.opened()) == ("a@example.com, b@example.com", {})


@pytest.mark.parametrize(("status", "words"), [(200, "is delivered"), (500, "it answers 500")])
def test_a_test_is_sent_after_a_question_and_says_how_it_went(
    admin: Client, listener: Listener, status: int, words: str
) -> None:
    listener.status = status
    admin.post(ADD, form(url=listener.url, allow_private_network="on"))
    row = AlertChannel.objects.get()
    asked = admin.get(reverse("admin:analytics_alertchannel_test_one", args=[row.pk]))
    assert "Send a test message now?" in asked.text
    assert listener.arrived == []
    answer = admin.post(
        LISTING, {"action": "send_test", "_selected_action": [row.pk], "confirmed": "1"}
    )
    assert words in said(answer)
    assert len(listener.arrived) == 1
    assert "hidden" not in said(answer)


@pytest.mark.parametrize(("status", "shown"), [("waiting", True), ("delivered", False)])
def test_only_what_waits_is_tried_again(admin: Client, status: str, shown: bool) -> None:
    channel = AlertChannel.objects.create(name="ops", events=["budget_100"])
    at = datetime(2031, 5, 6, tzinfo=UTC)
    AlertDelivery.objects.create(channel=channel, state="test", status=status, next_at=at)
    page = admin.get(reverse("admin:analytics_alertdelivery_changelist")).text
    assert ("May 6, 2031" in page) is shown


def test_an_operator_decides_what_is_told_and_not_to_whom() -> None:
    row = AlertChannel(name="ops", events=["error_rate"])
    row.seal({"url": URL, "secret": SECRET})
    row.save()
    operator = signed_in(roles.OPERATOR)
    assert operator.get(ADD).status_code == 403
    sent = form(url="https://thief.example", secret=SECRET, kind="slack", recipients="x@y.example")
    assert operator.post(change(row), sent).status_code == 302
    row.refresh_from_db()
    assert row.events == ["budget_100", "needs_login"]
    assert (row.kind, row.recipients) == ("webhook", "")
    assert row.opened() == {"url": URL, "secret": SECRET}


@pytest.mark.parametrize(("role", "status"), [(roles.VIEWER, 200), (roles.MEMBER, 302)])
def test_a_viewer_sees_and_changes_nothing_and_a_member_not_even_that(
    role: str, status: int
) -> None:
    row = AlertChannel.objects.create(name="ops", events=["error_rate"])
    client = signed_in(role)
    for model in ("alertchannel", "incident", "alertdelivery"):
        page = reverse(f"admin:analytics_{model}_changelist")
        assert client.get(page).status_code == status
    client.post(change(row), form(name="other"))
    client.post(LISTING, {"action": "send_test", "_selected_action": [row.pk], "confirmed": "1"})
    assert AlertChannel.objects.get().name == "ops"
    assert not AlertDelivery.objects.exists()


def test_what_a_provider_says_is_shown_harmlessly(admin: Client) -> None:
    channel = AlertChannel.objects.create(name="ops", events=["error_rate"])
    words = "Connection mine needs login: <script>alert(1)</script>"
    row = Incident.objects.create(event="needs_login", subject="connection:mine", text=words)
    AlertDelivery.objects.create(channel=channel, incident=row, state="open")
    for model in ("incident", "alertdelivery"):
        text = admin.get(reverse(f"admin:analytics_{model}_changelist")).text
        assert "&lt;script&gt;alert(1)" in text
        assert "<script>alert(1)" not in text
