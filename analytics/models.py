"""What happened. Names are stored, not keys, so that history outlives what it names."""

from datetime import timedelta
from typing import Any, ClassVar, Self

from django.db import models
from django.utils import timezone

from analytics.alerts.tables import AlertChannel as AlertChannel
from analytics.alerts.tables import AlertDelivery as AlertDelivery
from analytics.alerts.tables import Incident as Incident
from analytics.alerts.tables import ProcessTrouble as ProcessTrouble


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

    # `req_` and a ULID: sorts by time, so that it serves paging and retention.
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
    # The combo that was asked for, or `auto`; empty where a model was named.
    combo = models.CharField(max_length=100, blank=True)
    # Of the provider that answered, as it was then.
    tier = models.CharField(max_length=20, blank=True)
    # What an answer from the cache would have cost; 0 where that is unknown.
    saved_picousd = models.BigIntegerField(default=0)
    # Of those that hold no secret. Only while `log_bodies` is on.
    request_headers = models.JSONField(default=dict)

    class Meta:
        ordering: ClassVar = ["-id"]
        verbose_name = "request"
        indexes: ClassVar = [
            # Pages of one key's requests, and of a member's own.
            models.Index(fields=["key", "id"], name="log_by_key"),
            models.Index(fields=["user", "id"], name="log_by_user"),
            # Those of whose bodies something is kept, so that the old ones are found.
            models.Index(
                fields=["id"],
                name="kept_bodies",
                condition=~models.Q(request_body="") | ~models.Q(response_body=""),
            ),
        ]

    def __str__(self) -> str:
        return self.id


class Uncounted(models.Model):
    """Requests of the log that are in no rollup yet: one row for each batch that was inserted.

    Written in the transaction that inserts them, deleted in the one that counts them.
    """

    ids = models.JSONField()
    requests = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"{self.requests} requests"


class Usage(models.Model):
    """What requests came to that began within one span of time: of everyone together, of each
    user, and of both by what else there is a name for. `analytics.rollups` keeps it.

    Names are stored, as in the log, and it outlives the log's rows.
    """

    DIMENSIONS = ("provider", "model", "key", "user", "combo", "tag", "tier")

    start = models.DateTimeField()
    user = models.CharField(max_length=150, blank=True)  # empty: everyone
    dimension = models.CharField(max_length=10, blank=True)  # empty: all together
    name = models.CharField(max_length=250, blank=True)
    requests = models.PositiveBigIntegerField(default=0)
    errors = models.PositiveBigIntegerField(default=0)
    truncated = models.PositiveBigIntegerField(default=0)
    aborted = models.PositiveBigIntegerField(default=0)
    interrupted = models.PositiveBigIntegerField(default=0)
    cached = models.PositiveBigIntegerField(default=0)
    unpriced = models.PositiveBigIntegerField(default=0)
    input_tokens = models.PositiveBigIntegerField(default=0)
    output_tokens = models.PositiveBigIntegerField(default=0)
    cache_read_tokens = models.PositiveBigIntegerField(default=0)
    cache_write_tokens = models.PositiveBigIntegerField(default=0)
    reasoning_tokens = models.PositiveBigIntegerField(default=0)
    cost_picousd = models.BigIntegerField(default=0)
    # Of that, what accounts with a flat rate were asked for: nobody is billed for it by use.
    flat_picousd = models.BigIntegerField(default=0)
    saved_picousd = models.BigIntegerField(default=0)  # by the cache
    # Of answers, as `analytics.spread` counts them. Only where there is no dimension.
    duration_ms = models.JSONField(default=dict)
    first_byte_ms = models.JSONField(default=dict)  # of streams
    tokens_per_s = models.JSONField(default=dict)  # of streams, from the first byte on

    objects: ClassVar[models.Manager[Any]] = models.Manager()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.dimension} {self.name} from {self.start}"


class FiveMinuteUsage(Usage):
    """For a look at the last hours; kept for two days."""

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["user", "dimension", "start", "name"], name="one_row_five_minutes"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["start"], name="five_minutes_start")]


class HourlyUsage(Usage):
    """Kept for 400 days."""

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["user", "dimension", "start", "name"], name="one_row_an_hour"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["start"], name="hour_start")]


class DailyUsage(Usage):
    """By days of UTC; kept for good."""

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["user", "dimension", "start", "name"], name="one_row_a_day"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["start"], name="day_start")]


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


class GatewayProcessQuerySet(models.QuerySet["GatewayProcess"]):
    def alive(self) -> Self:
        return self.filter(seen__gte=timezone.now() - GatewayProcess.SILENCE)


class GatewayProcess(models.Model):
    """How a process that answers calls is, as it said last; `gateway.presence` writes it."""

    # It speaks every five seconds. One that was not heard of for so long has died or hangs.
    SILENCE = timedelta(seconds=20)

    id = models.CharField(primary_key=True, max_length=32)
    host = models.CharField(max_length=255)
    pid = models.PositiveIntegerField()
    version = models.CharField(max_length=40, blank=True)
    started = models.DateTimeField()
    seen = models.DateTimeField()
    active = models.PositiveIntegerField(default=0)  # requests being answered
    draining = models.BooleanField(default=False)
    state = models.CharField(max_length=300, blank=True)  # where it counts
    journal_bytes = models.PositiveBigIntegerField(default=0)  # not in the database yet
    snapshot_failing = models.BooleanField(default=False)
    # What its running calls have reserved of budgets: by subject, in the order of `budgets.UNITS`.
    reserved = models.JSONField(default=dict)

    objects = GatewayProcessQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["host", "pid"]

    def __str__(self) -> str:
        return f"{self.host}, process {self.pid}"


class Heartbeat(models.Model):
    """When a background process last said that it lives."""

    name = models.CharField(primary_key=True, max_length=40)
    time = models.DateTimeField()

    def __str__(self) -> str:
        return self.name
