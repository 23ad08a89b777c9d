"""From what is wrong to the message that says so, on real sockets."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.core.management import call_command
from django.utils import timezone

from accounts.models import GatewaySettings
from analytics.alerts import delivery, incidents, processes
from analytics.alerts.processes import OpenBreaker
from analytics.alerts.tables import EVENTS
from analytics.models import AlertChannel, AlertDelivery, Incident
from analytics.tasks import deliver_alerts
from omniroute import conditions, tasks
from providers import states
from providers.models import Connection, Token
from tests.analytics.listener import Arrived, Listener, listening
from tests.analytics.rows import log
from tests.factories import ConnectionFactory, UserFactory

pytestmark = pytest.mark.django_db

SECRET = "whsec_" + base64.b64encode(b"a secret of at least 24 bytes").decode()
USD = 10**12


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening() as listener:
        yield listener


@pytest.fixture
def channel(listener: Listener) -> AlertChannel:
    row = AlertChannel(name="ops", events=list(EVENTS), allow_private_network=True)
    row.seal({"url": listener.url, "secret": SECRET})
    row.save()
    return row


def turn(later: timedelta = timedelta()) -> None:
    """As beat has the worker do, in one thread."""
    now = timezone.now() + later
    incidents.follow(conditions.found(now), now)
    send()


def send() -> None:
    for pk in delivery.due():
        delivery.deliver(pk)


def told(arrived: list[Arrived]) -> list[tuple[str, str]]:
    bodies = [json.loads(each.body) for each in arrived]
    return [(body["type"], body["data"]["state"]) for body in bodies]


def verified(arrived: Arrived) -> dict[str, Any]:
    """As docs/alerts.md says how."""
    headers = arrived.headers
    content = b".".join(
        [headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), arrived.body]
    )
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    digest = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{digest}"
    body: dict[str, Any] = json.loads(arrived.body)
    return body


# --- Each event, from what makes it to the message ----------------------------------------------


def set_budget(**limits: float) -> None:
    row = GatewaySettings.load()
    row.budgets = limits
    row.save()


def test_a_budget_is_told_at_80_and_at_100_percent_once_each(
    channel: AlertChannel, listener: Listener
) -> None:
    set_budget(daily_usd=10)
    log(timezone.now(), cost_picousd=7 * USD)
    turn()
    assert listener.arrived == []
    log(timezone.now(), cost_picousd=1 * USD)
    turn()
    turn()
    assert told(listener.arrived) == [("budget_80", "open")]
    body = verified(listener.arrived[0])
    assert "total: budget daily_usd of 10" in body["data"]["text"]
    assert body["data"]["text"].endswith("8 USD spent")
    log(timezone.now(), cost_picousd=2 * USD)
    turn()
    turn()
    assert told(listener.arrived) == [("budget_80", "open"), ("budget_100", "open")]


def test_keys_and_users_have_budgets_too(channel: AlertChannel, listener: Listener) -> None:
    user = UserFactory(username="ops", soft_budgets={"monthly_requests": 1})
    user.api_keys.create(name="laptop", sha256="0" * 64, budgets={"weekly_tokens": 100})
    log(timezone.now(), input_tokens=90, output_tokens=9)
    turn()
    texts = sorted(json.loads(each.body)["data"]["text"] for each in listener.arrived)
    assert [text.split(" since ")[0] for text in texts] == [
        "At 80 %: key laptop: budget weekly_tokens of 100",
        "At 80 %: user ops: soft budget monthly_requests of 1",
        "Spent: user ops: soft budget monthly_requests of 1",
    ]


def test_a_spent_budget_is_not_told_anew_when_it_is_seen_again(
    channel: AlertChannel, listener: Listener
) -> None:
    set_budget(daily_requests=1)
    log(timezone.now())
    turn()
    before = list(listener.arrived)
    set_budget()
    turn(incidents.CALM * 2)
    set_budget(daily_requests=1)
    turn()
    assert Incident.objects.filter(resolved=None).count() == 0
    assert listener.arrived == before


@pytest.mark.parametrize(
    ("status", "event"),
    [
        (states.Status.NEEDS_LOGIN, "needs_login"),
        (states.Status.OUT_OF_CREDIT, "out_of_credit"),
    ],
)
def test_an_account_that_needs_its_owner(
    channel: AlertChannel, listener: Listener, status: str, event: str
) -> None:
    ConnectionFactory(name="mine")
    states.report({"mine": (status, "no: <b>\u202e")})
    turn()
    turn()
    states.recovered({"mine"})
    turn()
    assert told(listener.arrived) == [(event, "open")]
    turn(incidents.CALM * 2)
    turn(incidents.CALM * 3)
    assert told(listener.arrived) == [(event, "open"), (event, "resolved")]
    opened, over = map(verified, listener.arrived)
    assert opened["data"]["text"].endswith("no: <b>⟨U+202E⟩")
    assert over["data"]["text"].startswith("Over: Connection mine")
    assert over["data"]["incident"] == opened["data"]["incident"]
    assert over["data"]["resolved"]


def token(account: Connection, **fields: Any) -> None:
    Token.objects.create(connection=account, sealed="", changed=timezone.now(), **fields)


def test_a_token_that_nobody_can_renew(channel: AlertChannel, listener: Listener) -> None:
    token(ConnectionFactory(), needs_login=True, cause="sign in again", failures=4)
    turn()
    assert told(listener.arrived) == [("needs_login", "open")]


@pytest.mark.parametrize(("failures", "expected"), [(2, []), (3, [("renewal_failed", "open")])])
def test_a_token_is_not_renewed_three_times_in_a_row(
    channel: AlertChannel, listener: Listener, failures: int, expected: list[Any]
) -> None:
    token(ConnectionFactory(), failures=failures, cause="the token is not renewed: 500")
    turn()
    assert told(listener.arrived) == expected


def test_who_is_switched_off_is_nobodys_trouble(channel: AlertChannel, listener: Listener) -> None:
    ConnectionFactory(name="off", active=False)
    states.report({"off": (states.Status.NEEDS_LOGIN, "401")})
    turn()
    assert listener.arrived == []


def breaker(since: datetime) -> OpenBreaker:
    return OpenBreaker("mine", "acme/m", "500: broken", since.timestamp())


def test_a_breaker_that_is_open_for_five_minutes(channel: AlertChannel, listener: Listener) -> None:
    ConnectionFactory(name="mine")
    now = timezone.now()
    processes.tell("one", 0, [breaker(now - timedelta(minutes=4))], now)
    turn()
    assert listener.arrived == []
    processes.tell("two", 0, [breaker(now - timedelta(minutes=5, seconds=1))], now)
    turn()
    turn()
    assert told(listener.arrived) == [("breaker_open", "open")]
    assert "acme/m at mine" in verified(listener.arrived[0])["data"]["text"]


def test_what_a_process_said_that_is_gone_counts_no_more(
    channel: AlertChannel, listener: Listener
) -> None:
    ConnectionFactory(name="mine")
    long_ago = timezone.now() - processes.SILENCE - timedelta(seconds=1)
    processes.tell("dead", 1 << 40, [breaker(long_ago - timedelta(minutes=9))], long_ago)
    turn()
    assert listener.arrived == []


def test_the_journal_waits(channel: AlertChannel, listener: Listener) -> None:
    processes.tell("one", 64 << 20, [], timezone.now())
    turn()
    assert listener.arrived == []
    processes.tell("one", (64 << 20) + 1, [], timezone.now())
    turn()
    assert told(listener.arrived) == [("journal_backlog", "open")]


def test_too_many_requests_fail(channel: AlertChannel, listener: Listener) -> None:
    now = timezone.now()
    for _ in range(16):
        log(now)
    for fault in (400, 401, 429):
        log(now, status=fault, outcome="error")
    log(now - timedelta(minutes=11), status=502, outcome="error")
    for _ in range(3):
        log(now, status=502, outcome="error")
    turn()
    assert listener.arrived == []
    log(now, outcome="truncated")
    turn()
    assert told(listener.arrived) == [("error_rate", "open")]
    text = verified(listener.arrived[0])["data"]["text"]
    assert text == "4 of 20 requests of the last 10 minutes have failed"


# --- Who is told ----------------------------------------------------------------------------------


def test_a_channel_is_told_what_it_chose(channel: AlertChannel, listener: Listener) -> None:
    channel.events = ["error_rate"]
    channel.save()
    set_budget(daily_requests=1)
    log(timezone.now())
    turn()
    assert listener.arrived == []
    assert Incident.objects.count() == 2


@pytest.mark.django_db(transaction=True)  # its threads have connections of their own
def test_a_worker_runs_what_beat_sends(channel: AlertChannel, listener: Listener) -> None:
    set_budget(daily_requests=1)
    log(timezone.now())
    tasks.look_for_trouble()
    tasks.look_for_trouble()
    deliver_alerts()
    deliver_alerts()
    assert sorted(told(listener.arrived)) == [("budget_100", "open"), ("budget_80", "open")]


def test_slack_gets_text_that_links_to_nothing(channel: AlertChannel, listener: Listener) -> None:
    channel.kind = AlertChannel.Kind.SLACK
    channel.save()
    ConnectionFactory(name="mine")
    states.report({"mine": (states.Status.OUT_OF_CREDIT, "<!channel> & more")})
    turn()
    [arrived] = listener.arrived
    text = "Connection mine is out of credit: &lt;!channel&gt; &amp; more"
    assert json.loads(arrived.body) == {"text": text}
    assert "webhook-signature" not in arrived.headers


def test_mail_goes_to_all_who_are_named(settings: Any) -> None:
    settings.EMAIL_URL = "smtp://localhost"
    row = AlertChannel.objects.create(
        name="mail", kind="email", recipients="a@example.com, b@example.com", events=list(EVENTS)
    )
    ConnectionFactory(name="mine")
    states.report({"mine": (states.Status.OUT_OF_CREDIT, "402\r\nBcc: x@example.com")})
    turn()
    [sent] = mail.outbox
    assert sent.to == ["a@example.com", "b@example.com"]
    assert sent.subject.startswith("OmniRoute: Connection mine is out of credit: 402")
    assert "\n" not in sent.subject
    settings.EMAIL_URL = ""
    assert delivery.test(row).error == "EMAIL_URL is not set, so no mail is sent"


# --- On the way -----------------------------------------------------------------------------------


def test_what_is_refused_is_sent_again_later_and_given_up_in_the_end(
    channel: AlertChannel, listener: Listener
) -> None:
    listener.status = 503
    ConnectionFactory(name="mine")
    states.report({"mine": (states.Status.OUT_OF_CREDIT, "402")})
    turn()
    turn()
    row = AlertDelivery.objects.get()
    assert (row.status, row.attempts, row.error) == ("waiting", 1, "it answers 503")
    pause_s = (row.next_at - timezone.now()).total_seconds()
    assert 0 < pause_s <= delivery.PAUSES_S[0]
    for _ in delivery.PAUSES_S:
        AlertDelivery.objects.update(next_at=timezone.now())
        send()
    row.refresh_from_db()
    assert (row.status, row.attempts) == ("given_up", len(delivery.PAUSES_S) + 1)
    assert len({each.headers["webhook-id"] for each in listener.arrived}) == 1
    assert len(listener.arrived) == row.attempts


def test_an_answer_at_last_is_a_delivery(channel: AlertChannel, listener: Listener) -> None:
    listener.status = 500
    row = AlertDelivery.objects.create(channel=channel, state="open", incident=an_incident())
    delivery.deliver(row.pk)
    listener.status = 200
    AlertDelivery.objects.update(next_at=timezone.now())
    delivery.deliver(row.pk)
    delivery.deliver(row.pk)
    row.refresh_from_db()
    assert (row.status, row.attempts, row.error) == ("delivered", 2, "")
    assert row.delivered is not None
    assert len(listener.arrived) == 2


def an_incident() -> Incident:
    return Incident.objects.create(event="error_rate", subject="requests", text="many fail")


def test_what_somebody_sends_nobody_else_does(channel: AlertChannel, listener: Listener) -> None:
    row = AlertDelivery.objects.create(
        channel=channel, state="test", held_until=timezone.now() + delivery.HOLD
    )
    delivery.deliver(row.pk)
    assert listener.arrived == []
    AlertDelivery.objects.update(held_until=timezone.now())
    delivery.deliver(row.pk)
    assert len(listener.arrived) == 1


def test_a_private_address_is_refused_and_no_secret_is_told(
    channel: AlertChannel, listener: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    channel.allow_private_network = False
    channel.save()
    sent = delivery.test(channel)
    assert (sent.status, sent.attempts) == ("given_up", 1)
    assert "private network" in sent.error
    assert listener.arrived == []
    for kept in ("hidden", SECRET, "/hook"):
        assert kept not in sent.error + caplog.text
        assert kept not in channel.sealed


def test_a_test_says_that_it_is_one(channel: AlertChannel, listener: Listener) -> None:
    assert delivery.test(channel).status == "delivered"
    body = verified(listener.arrived[0])
    assert (body["type"], body["data"]["state"]) == ("test", "test")
    assert body["data"]["text"] == "Test: this channel gets its messages"


def test_a_sealed_address_is_of_one_channel(channel: AlertChannel) -> None:
    other = AlertChannel.objects.create(name="other", sealed=channel.sealed)
    assert delivery.test(other).error == "the stored address belongs to another channel"


def test_keys_of_encryption_rotate(channel: AlertChannel) -> None:
    before, opened = channel.sealed, channel.opened()
    call_command("rotate_keys")
    channel.refresh_from_db()
    assert channel.sealed != before
    assert channel.opened() == opened


def test_what_is_long_over_is_forgotten(channel: AlertChannel, listener: Listener) -> None:
    long_ago = timezone.now() - incidents.KEPT - timedelta(days=1)
    row = an_incident()
    AlertDelivery.objects.create(channel=channel, state="open", incident=row, created=long_ago)
    tasks.delete_expired()
    assert AlertDelivery.objects.count() == 0
    assert Incident.objects.count() == 1  # it still holds
    Incident.objects.update(resolved=long_ago)
    tasks.delete_expired()
    assert Incident.objects.count() == 0
