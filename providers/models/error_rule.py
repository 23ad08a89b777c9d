"""What is done about a failure, by the words and the status that a provider tells it with."""

from typing import ClassVar

import regex
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from omniroute.fields import MOST_S
from providers.models.provider import Provider


class ErrorRule(models.Model):
    """What is done about a failure. The first that fits decides; a provider's own come first."""

    class Action(models.TextChoices):
        RETRY = "retry", "retry here"
        NEXT_CONNECTION = "next_connection", "next connection"
        NEXT_TARGET = "next_target", "next target"
        STOP = "stop", "stop: the client gets the error"

    class Kind(models.TextChoices):
        RATE_LIMIT = "rate_limit", "rate limit"
        CREDENTIAL = "credential", "credential: the key is refused"
        QUOTA = "quota", "quota: the account is spent"
        MODEL = "model", "model: it is not there"
        SERVER = "server", "server: out of order, overloaded"
        CONTEXT_OVERFLOW = "context_overflow", "too long for this model"
        CLIENT = "client", "client: the request itself is wrong"

    class Scope(models.TextChoices):
        CONNECTION = "connection", "the connection"
        MODEL = "model", "this model on the connection"

    provider = models.ForeignKey(
        Provider,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="error_rules",
        help_text="Empty: any.",
    )
    status = models.PositiveSmallIntegerField(null=True, blank=True, help_text="Empty: any.")
    pattern = models.CharField(
        max_length=300,
        blank=True,
        help_text="A regular expression, searched in the provider's message; case does not matter.",
    )
    action = models.CharField(max_length=20, choices=Action)
    kind = models.CharField(
        max_length=20, choices=Kind, blank=True, help_text="Empty: as the status says."
    )
    scope = models.CharField(
        "what cools down",
        max_length=12,
        choices=Scope,
        blank=True,
        help_text="Empty: as the status says.",
    )
    cooldown_s = models.FloatField(
        "cooldown, seconds",
        null=True,
        blank=True,
        validators=[MinValueValidator(0), MaxValueValidator(MOST_S)],
        help_text="Empty: as the settings say. 0: none.",
    )
    position = models.PositiveIntegerField(default=0)
    note = models.CharField(max_length=200, blank=True)
    active = models.BooleanField(default=True)
    # One that an operator changes becomes their own.
    builtin = models.BooleanField("shipped", default=False, editable=False)

    class Meta:
        ordering: ClassVar = ["position", "pk"]

    def __str__(self) -> str:
        of = self.provider.slug if self.provider else "any provider"
        return f"{of}, {self.status or 'any status'}: {self.get_action_display()}"

    def clean(self) -> None:
        try:
            regex.compile(self.pattern)
        except regex.error as error:
            raise ValidationError({"pattern": f"no regular expression: {error}"}) from None
        if self.status is None and not self.pattern:
            raise ValidationError("a rule names a status, a pattern, or both")
