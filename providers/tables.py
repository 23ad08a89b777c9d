"""What is kept of accounts beside their configuration: the state that each is in, and its quotas.

Both change by themselves and apart from the connection, of which every change makes all processes
read everything anew.
"""

from typing import ClassVar

from django.db import models


class ConnectionState(models.Model):
    """How an account was when it was last asked, and when it will be asked again.

    What a call has met is `reported`; anything else a probe has found out.
    """

    class Status(models.TextChoices):
        OK = "ok", "ok"
        DEGRADED = "degraded", "degraded"
        NEEDS_LOGIN = "needs_login", "needs login"
        OUT_OF_CREDIT = "out_of_credit", "out of credit"

    connection = models.OneToOneField(
        "providers.Connection", on_delete=models.CASCADE, primary_key=True, related_name="health"
    )
    status = models.CharField(max_length=20, choices=Status, default=Status.OK)
    cause = models.CharField(max_length=300, blank=True)
    since = models.DateTimeField()
    reported = models.BooleanField(default=False)
    checked = models.DateTimeField(null=True)  # by a probe or by hand; null: never
    failures = models.PositiveIntegerField(default=0)  # probes in a row that found something wrong
    # Of the stored credential's text: the state of another one says nothing of this one.
    credential = models.CharField(max_length=16, blank=True)
    next_at = models.DateTimeField(db_index=True)
    holder = models.CharField(max_length=32, blank=True)  # who asks it at the moment
    held_until = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.connection}: {self.get_status_display()}"


class Clearing(models.Model):
    """An operator's word that accounts may be called again, for processes that did not hear it."""

    # A name, as blocks have it; empty: all connections.
    connection = models.CharField(max_length=100, blank=True)
    # Null: the connection with all its models; empty: what is held against itself alone.
    model = models.CharField(max_length=300, null=True)
    made = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.connection or 'all connections'}, {self.made}"


class Quota(models.Model):
    """What a provider last said of one of an account's limits. A number that is null is not told."""

    connection = models.ForeignKey(
        "providers.Connection", on_delete=models.CASCADE, related_name="quotas"
    )
    model = models.CharField(max_length=300, blank=True)  # alias/model; empty: the whole account's
    name = models.CharField(max_length=60)
    unit = models.CharField(max_length=20, blank=True)
    limit = models.FloatField(null=True)
    remaining = models.FloatField(null=True)
    resets_at = models.DateTimeField(null=True)
    window_s = models.PositiveIntegerField(null=True)
    observed = models.DateTimeField(db_index=True)

    class Meta:
        ordering: ClassVar = ["model", "name"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["connection", "model", "name"], name="one_row_a_quota"),
        ]

    def __str__(self) -> str:
        return f"{self.connection}: {self.name}"
