"""Who is told of what, what there was to tell, and how the telling went."""

import uuid
from typing import Any, ClassVar, TypedDict
from urllib.parse import urlsplit

from django.db import models
from django.utils import timezone

from omniroute import vault
from omniroute.fields import ChoicesField
from omniroute.references import REFERENCES

EVENTS = {
    "budget_80": "A budget is at 80 %",
    "budget_100": "A budget is spent",
    "needs_login": "An account needs login",
    "out_of_credit": "An account is out of credit",
    "renewal_failed": "A token is not renewed, three times in a row",
    "breaker_open": "A breaker has been open for five minutes",
    "error_rate": "Too many requests fail",
    "journal_backlog": "The journal waits for the database",
}


class SecretUnreadable(Exception):
    """No key of ENCRYPTION_KEYS decrypts a channel's address, or it is another channel's."""


class Secrets(TypedDict, total=False):
    """`url`: where messages go, which whoever knows may write to; `secret`: what signs them. Either may
    be `env:NAME` or `file:PATH`."""

    url: str
    secret: str


class AlertChannel(models.Model):
    """A way to tell people, and what they want to be told."""

    class Kind(models.TextChoices):
        WEBHOOK = "webhook", "webhook, signed"
        SLACK = "slack", "Slack, or what takes its messages"
        EMAIL = "email", "e-mail"

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=100, unique=True)
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.WEBHOOK)
    sealed = models.TextField(blank=True, editable=False)
    host = models.CharField(
        max_length=255, blank=True, editable=False
    )  # of the URL, or where that stands
    recipients = models.CharField(
        max_length=1000, blank=True, help_text="Of e-mail: addresses, with commas between them."
    )
    allow_private_network = models.BooleanField(
        default=False, help_text="The URL may be one in a private network."
    )
    events = ChoicesField(names=EVENTS, help_text="What is told here.")
    active = models.BooleanField(default=True)

    class Meta:
        ordering: ClassVar = ["name"]
        verbose_name = "alert channel"

    def __str__(self) -> str:
        return self.name

    def seal(self, secrets: Secrets) -> None:
        self.sealed = vault.seal(self.uid, secrets)
        url = secrets.get("url", "")
        self.host = (url if url.startswith(REFERENCES) else urlsplit(url).hostname or "")[:255]

    def opened(self) -> Secrets:
        """Raises `SecretUnreadable`."""
        if not self.sealed:
            return {}
        try:
            content: Any = vault.open_sealed(self.uid, self.sealed)
        except vault.NoKeyFits:
            raise SecretUnreadable("no key of ENCRYPTION_KEYS decrypts its address") from None
        except vault.AnotherOwner:
            raise SecretUnreadable("the stored address belongs to another channel") from None
        secrets: Secrets = content
        return secrets

    def kept(self) -> Secrets:
        """The same, and nothing where no key opens it."""
        try:
            return self.opened()
        except SecretUnreadable:
            return {}


class Incident(models.Model):
    """Something that is wrong, or was: from when it was told until nothing was seen of it."""

    event = models.CharField(max_length=30, choices=list(EVENTS.items()))
    # What it is about, so that the same is not told twice: connection:mine, key:laptop daily_usd …
    subject = models.CharField(max_length=500)
    text = models.CharField(max_length=600)
    opened = models.DateTimeField(default=timezone.now)
    seen = models.DateTimeField(default=timezone.now)
    resolved = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-opened"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["event", "subject"],
                condition=models.Q(resolved=None),
                name="one_open_incident",
            ),
        ]

    def __str__(self) -> str:
        return self.text


class AlertDelivery(models.Model):
    """One message to one channel: until it is there, or was tried often enough."""

    class Status(models.TextChoices):
        WAITING = "waiting", "waiting"
        DELIVERED = "delivered", "delivered"
        GIVEN_UP = "given_up", "given up"

    class State(models.TextChoices):
        OPEN = "open", "it began"
        RESOLVED = "resolved", "it is over"
        TEST = "test", "a test"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    channel = models.ForeignKey(AlertChannel, on_delete=models.CASCADE, related_name="deliveries")
    incident = models.ForeignKey(  # null: a test
        Incident, null=True, on_delete=models.CASCADE, related_name="deliveries"
    )
    state = models.CharField(max_length=10, choices=State)
    status = models.CharField(max_length=10, choices=Status, default=Status.WAITING)
    created = models.DateTimeField(default=timezone.now, db_index=True)
    attempts = models.PositiveIntegerField(default=0)
    next_at = models.DateTimeField(default=timezone.now)
    held_until = models.DateTimeField(null=True)  # while somebody sends it
    delivered = models.DateTimeField(null=True)
    error = models.CharField("last error", max_length=300, blank=True)

    class Meta:
        ordering: ClassVar = ["-created"]
        verbose_name = "alert delivery"
        verbose_name_plural = "alert deliveries"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["channel", "incident", "state"], name="told_once_a_channel"
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["next_at"],
                name="alerts_to_deliver",
                condition=models.Q(status="waiting"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.incident or 'a test'}, to {self.channel}"
