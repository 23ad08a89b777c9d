"""What happened. Names are stored, not keys, so that history outlives what it names."""

from typing import ClassVar

from django.db import models


class RequestRecord(models.Model):
    """One request to a model endpoint: answered, refused, failed or abandoned.

    Rows are written by the journal's drain (`analytics.records.insert`), never one by one.
    """

    class Outcome(models.TextChoices):
        OK = "ok", "ok"
        ERROR = "error", "error"
        TRUNCATED = "truncated", "truncated: the upstream broke off"
        ABORTED = "aborted", "aborted: the client left"
        INTERRUPTED = "interrupted", "interrupted: the gateway died"

    class Source(models.TextChoices):
        REPORTED = "reported", "reported"
        ESTIMATED = "estimated", "estimated"

    # `req_` and a ULID: sorts by time, so paging and retention need no other index.
    id = models.CharField(primary_key=True, max_length=30)
    time = models.DateTimeField()
    key = models.CharField(max_length=100, blank=True)
    user = models.CharField(max_length=150, blank=True)
    client_format = models.CharField(max_length=30)
    path = models.CharField(max_length=200)
    stream = models.BooleanField(default=False)
    requested_model = models.CharField(max_length=250, blank=True)
    provider = models.CharField(max_length=60, blank=True)
    model = models.CharField(max_length=250, blank=True)
    connection = models.CharField(max_length=100, blank=True)
    status = models.PositiveSmallIntegerField()
    outcome = models.CharField(max_length=12, choices=Outcome)
    error = models.TextField(blank=True)
    attempts = models.JSONField(default=list)
    input_tokens = models.PositiveBigIntegerField(default=0)
    output_tokens = models.PositiveBigIntegerField(default=0)
    cache_read_tokens = models.PositiveBigIntegerField(default=0)
    cache_write_tokens = models.PositiveBigIntegerField(default=0)
    reasoning_tokens = models.PositiveBigIntegerField(default=0)
    usage_source = models.CharField(max_length=10, choices=Source, default=Source.ESTIMATED)
    # 10⁻¹² USD: exactly one token at one millionth of a dollar per million. Null: unpriced.
    cost_picousd = models.BigIntegerField(null=True)
    first_byte_ms = models.PositiveIntegerField(null=True)
    duration_ms = models.PositiveIntegerField()
    bytes_in = models.PositiveBigIntegerField(default=0)
    bytes_out = models.PositiveBigIntegerField(default=0)
    dropped = models.JSONField(default=list)
    tags = models.JSONField(default=list)
    # Only while `log_bodies` is on, and cut to a bound.
    request_body = models.TextField(blank=True)
    response_body = models.TextField(blank=True)
    # Candidates in the order in which they were to be tried, and those left out with the reason.
    trace = models.JSONField(default=dict)
    # Where a cache was consulted: `hit` or `miss`. `again`: answered before, to the same
    # Idempotency-Key. What was given again has the usage of then, and cost nothing.
    cache = models.CharField(max_length=5, blank=True)
    # What was used that is not counted in tokens, by the names of `analytics.media`.
    units = models.JSONField(default=dict)

    class Meta:
        ordering: ClassVar = ["-id"]
        verbose_name = "request"

    def __str__(self) -> str:
        return self.id


class StoredResponse(models.Model):
    """An answer of the Responses API that its client wants to refer to again."""

    id = models.CharField(primary_key=True, max_length=200)  # the answer's own
    # Whose it is. A number and no foreign key: this room does not know that one.
    key_id = models.PositiveBigIntegerField()
    created = models.DateTimeField(db_index=True)
    input = models.JSONField()  # every item that led to it, those of earlier turns too
    response = models.JSONField()

    class Meta:
        ordering: ClassVar = ["-created"]

    def __str__(self) -> str:
        return self.id


class DeletedSpending(models.Model):
    """What deleted requests had spent, a day, key and user: budgets go on counting it.

    Kept only as long as the month or week that the day is in.
    """

    day = models.DateField()  # on which the requests began, in UTC
    key = models.CharField(max_length=100, blank=True)
    user = models.CharField(max_length=150, blank=True)
    cost_picousd = models.BigIntegerField(default=0)
    tokens = models.PositiveBigIntegerField(default=0)
    requests = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["day", "key", "user"], name="one_row_a_day_and_key"),
        ]

    def __str__(self) -> str:
        return f"{self.key} on {self.day}"


class TaskRun(models.Model):
    """How a background task did when it last ran, and when it last failed."""

    name = models.CharField("task", primary_key=True, max_length=200)
    started = models.DateTimeField()
    duration_ms = models.PositiveIntegerField("ms", null=True)  # null: it runs, or its worker died
    runs = models.PositiveBigIntegerField(default=0)
    failures = models.PositiveBigIntegerField(default=0)
    failed = models.DateTimeField("last failure", null=True)
    error = models.CharField("what failed", max_length=200, blank=True)

    class Meta:
        ordering: ClassVar = ["name"]
        verbose_name = "background task"

    def __str__(self) -> str:
        return self.name


class Heartbeat(models.Model):
    """When a background process last said that it lives."""

    name = models.CharField(primary_key=True, max_length=40)
    time = models.DateTimeField()

    def __str__(self) -> str:
        return self.name
