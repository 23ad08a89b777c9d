"""Who may call, and what holds for the whole gateway."""

from datetime import datetime, timedelta
from typing import Any, ClassVar, Self

from django.contrib.auth.models import AbstractUser
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone

from accounts import roles
from omniroute.fields import (
    MOST_S,
    ChoicesField,
    NetworksField,
    NumbersField,
    PatternsField,
    StringsField,
)

LIMITS = ("rpm", "tpm", "concurrency", "max_wait")
CONTROLS = ("no-fallback", "no-cache", "max-cost", "connection", "session", "tags")
THINKING = [
    ("passthrough", "as the client asks"),
    ("off", "off"),
    ("fixed", "a fixed budget"),
    ("adaptive", "the model decides"),
]
BUDGETS = tuple(
    f"{period}_{unit}"
    for period in ("daily", "weekly", "monthly")
    for unit in ("usd", "tokens", "requests")
)


class User(AbstractUser):
    """A person who signs in. What they may do follows from the role alone."""

    role = models.CharField(max_length=20, choices=roles.CHOICES, default=roles.MEMBER)
    allowed_models = StringsField(
        default=roles.any_model,
        help_text='What all keys of this person may call at most: globs, such as ["mk/*"].',
    )
    budgets = NumbersField(names=BUDGETS, help_text='Such as {"monthly_usd": 500}.')
    soft_budgets = NumbersField(
        names=BUDGETS, help_text="As budgets; beyond these it is only told."
    )

    def save(self, *args: Any, **kwargs: Any) -> None:
        # Django's flags are a function of the role, so that nothing can grant one without it.
        self.is_superuser = self.role == roles.ADMINISTRATOR
        self.is_staff = self.role in roles.STAFF
        super().save(*args, **kwargs)

    def has_perm(self, perm: str, obj: object = None) -> bool:
        return self.is_active and roles.allows(self.role, perm)

    def has_module_perms(self, app_label: str) -> bool:
        return self.is_active and self.role in roles.STAFF


def default_controls() -> list[str]:
    """All but the choice of an account, which is the operator's."""
    return [name for name in CONTROLS if name != "connection"]


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def usable(self) -> Self:
        """Neither switched off nor expired, and its owner not switched off."""
        return self.filter(
            models.Q(expires=None) | models.Q(expires__gt=timezone.now()), active=True
        ).exclude(owner__is_active=False)

    def spendable_by(self, user: User) -> Self:
        """With which a person may call: their own, and nobody's for who may change keys."""
        mine = models.Q(owner=user)
        if user.has_perm("accounts.change_apikey"):
            mine |= models.Q(owner=None)
        return self.usable().filter(mine, scope=ApiKey.Scope.INFERENCE)

    def seen_by(self, user: User) -> Self:
        """Usable keys for models of which a person may know: all, or a member's own."""
        rows = self.usable().filter(scope=ApiKey.Scope.INFERENCE)
        return rows if user.has_perm("accounts.view_apikey") else rows.filter(owner=user)


class ApiKey(models.Model):
    """A key that clients call with. Only its hash is kept: the key itself is shown once."""

    class Scope(models.TextChoices):
        INFERENCE = "inference", "inference: /v1"
        MANAGE = "manage", "manage: /api"

    name = models.CharField(max_length=100, unique=True)
    owner = models.ForeignKey(
        "accounts.User", null=True, blank=True, on_delete=models.CASCADE, related_name="api_keys"
    )
    prefix = models.CharField(max_length=16, editable=False)
    sha256 = models.CharField(max_length=64, unique=True, editable=False)
    # One scope only: a leaked inference key must not be able to change anything.
    scope = models.CharField(max_length=20, choices=Scope, default=Scope.INFERENCE)
    allowed_models = StringsField(
        default=roles.any_model, help_text='Globs over alias/model and combo names: ["mk/*"].'
    )
    limits = NumbersField(
        names=LIMITS,
        help_text='Such as {"rpm": 60, "concurrency": 10, "max_wait": 5}: a call may wait so many '
        "seconds for its turn.",
    )
    budgets = NumbersField(names=BUDGETS, help_text='Such as {"daily_usd": 5}.')
    soft_budgets = NumbersField(
        names=BUDGETS, help_text="As budgets; beyond these it is only told."
    )
    expires = models.DateTimeField(null=True, blank=True)
    allowed_ips = NetworksField(help_text='Empty: from anywhere. Such as ["127.0.0.0/8"].')
    denied_ips = NetworksField(help_text="From here never, whatever is allowed.")
    controls = ChoicesField(
        names=CONTROLS,
        default=default_controls,
        help_text="Which x-omniroute-… headers its requests may carry.",
    )
    cache = models.BooleanField(
        default=False, help_text="Answer a request that was answered before from the cache."
    )
    system_prompt = models.TextField(
        blank=True, help_text="Stands before what the client says; empty: the settings' one."
    )
    thinking = models.CharField(
        max_length=20, choices=THINKING, blank=True, help_text="Empty: as the settings say."
    )
    thinking_budget = models.PositiveIntegerField(
        null=True, blank=True, help_text="Tokens, of a fixed budget."
    )
    active = models.BooleanField(default=True)
    created = models.DateTimeField(auto_now_add=True)

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["name"]
        verbose_name = "API key"

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        _check_thinking(self.thinking, self.thinking_budget)


def in_a_week() -> datetime:
    return timezone.now() + timedelta(days=7)


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def open(self) -> Self:
        return self.filter(accepted=None, expires__gt=timezone.now())


class Invitation(models.Model):
    """Whoever has its link may make a user of that role, once. Only the link's hash is kept."""

    email = models.EmailField(
        blank=True, help_text="Where the link is sent, if the gateway can send e-mail."
    )
    role = models.CharField(max_length=20, choices=roles.CHOICES, default=roles.MEMBER)
    sha256 = models.CharField(max_length=64, unique=True, editable=False)
    invited_by = models.ForeignKey(
        "accounts.User", null=True, editable=False, on_delete=models.SET_NULL, related_name="+"
    )
    created = models.DateTimeField(auto_now_add=True)
    expires = models.DateTimeField(default=in_a_week)
    accepted = models.DateTimeField(null=True, editable=False)
    user = models.ForeignKey(
        "accounts.User", null=True, editable=False, on_delete=models.SET_NULL, related_name="+"
    )

    objects = InvitationQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-created"]

    def __str__(self) -> str:
        return self.email or f"invitation {self.pk}"

    @property
    def state(self) -> str:
        if self.accepted:
            return f"taken up by {self.user}" if self.user else "taken up"
        return "open" if self.expires > timezone.now() else "expired"

    def clean(self) -> None:
        if self.email and User.objects.filter(email__iexact=self.email).exists():
            raise ValidationError({"email": "A user has this address already."})
        if self.expires and self.expires <= timezone.now():
            raise ValidationError({"expires": "This is in the past."})


def _check_thinking(thinking: str, budget: int | None) -> None:
    if thinking == "fixed" and not budget:
        raise ValidationError({"thinking_budget": "a fixed budget needs its tokens"})


# A century. Beyond the year 9999 there is no date to reckon with.
MOST_DAYS = 36_500


def _days(
    default: int, help_text: str, *, least: int = 1
) -> "models.PositiveIntegerField[int, int]":
    return models.PositiveIntegerField(
        default=default,
        validators=[MinValueValidator(least), MaxValueValidator(MOST_DAYS)],
        help_text=help_text,
    )


def _seconds(default: float, name: str, help_text: str) -> "models.FloatField[float, float]":
    return models.FloatField(
        f"{name}, seconds",
        default=default,
        validators=[MinValueValidator(0.001), MaxValueValidator(MOST_S)],
        help_text=help_text,
    )


class GatewaySettings(models.Model):
    """What an operator changes while the gateway runs. One row, made by its migration."""

    require_api_key = models.BooleanField(
        default=True, help_text="Without: whoever reaches the port may call every model."
    )
    log_bodies = models.BooleanField(
        default=False, help_text="Keep prompts and answers with the request log."
    )
    bodies_days = _days(7, "Prompts and answers that are older are deleted from their log rows.")
    redacted_fields = StringsField(
        help_text="Fields of JSON whose value is never kept, wherever they stand, whatever the "
        'case: ["password", "ssn"].'
    )
    redacted_patterns = PatternsField(
        help_text="Regular expressions; what they match in prompts and answers is never kept: "
        '["\\\\b\\\\d{16}\\\\b"].'
    )
    retention_days = _days(30, "Older log rows are deleted.")
    stored_responses_days = _days(
        30,
        "How long answers of the Responses API can be referred to (previous_response_id). "
        "0: none is kept.",
        least=0,
    )
    ollama_api = models.BooleanField(
        "Ollama API",
        default=False,
        help_text="Serve Ollama's clients under /api/chat and /api/tags.",
    )
    budgets = NumbersField(names=BUDGETS, help_text="Of all keys together.")
    soft_budgets = NumbersField(
        names=BUDGETS, help_text="As budgets; beyond these it is only told."
    )
    allowed_ips = NetworksField(help_text="Clients' addresses. Empty: any.")
    denied_ips = NetworksField(help_text="From here never, whatever is allowed.")
    system_prompt = models.TextField(
        blank=True, help_text="Stands before what the client says; a key's own replaces it."
    )
    thinking = models.CharField(max_length=20, choices=THINKING, default="passthrough")
    thinking_budget = models.PositiveIntegerField(
        null=True, blank=True, help_text="Tokens, of a fixed budget."
    )
    cache_ttl_s = models.PositiveIntegerField(
        "cache, seconds",
        default=3600,
        validators=[MinValueValidator(1), MaxValueValidator(MOST_S)],
        help_text="How long a cached answer may be given again, where a cache is switched on.",
    )
    max_attempts = models.PositiveIntegerField(
        default=12, validators=[MinValueValidator(1)], help_text="Upstream calls for one request."
    )
    deadline_s = _seconds(900, "deadline", "After so long no further attempt is begun.")
    breaker_failures = models.PositiveIntegerField(
        default=5,
        validators=[MinValueValidator(1)],
        help_text="So many calls in a row that fail, of a model on a connection, open its breaker,",
    )
    breaker_window_s = _seconds(60, "breaker window", "within so long,")
    breaker_share = models.FloatField(
        default=0.5,
        validators=[MinValueValidator(0.01), MaxValueValidator(1)],
        help_text="if at least this share of its calls in that time failed.",
    )
    breaker_open_s = _seconds(30, "breaker open", "Then one call probes whether it works again.")
    cooldown_first_s = _seconds(1, "cooldown, first", "After a 429 without a hint; then doubled.")
    cooldown_max_s = _seconds(120, "cooldown, longest", "Of those without a hint.")
    cooldown_hint_max_s = _seconds(
        3600, "hint, longest", "A provider's own hint counts up to this."
    )
    cooldown_auth_s = _seconds(120, "cooldown, credential", "After a 401 or 403.")
    model_lock_first_s = _seconds(60, "model lock, first", "After a 404 for a model; then doubled.")
    model_lock_max_s = _seconds(1200, "model lock, longest", "")
    alert_error_share = models.FloatField(
        "alert: share of failures",
        default=0.2,
        validators=[MinValueValidator(0.001), MaxValueValidator(1)],
        help_text="An alert says so when at least this share of the requests fail,",
    )
    alert_error_window_s = models.PositiveIntegerField(
        "alert: window, seconds",
        default=600,
        validators=[MinValueValidator(60), MaxValueValidator(86_400)],
        help_text="of those that began within so long,",
    )
    alert_error_requests = models.PositiveIntegerField(
        "alert: requests at least",
        default=20,
        validators=[MinValueValidator(1)],
        help_text="if there are so many.",
    )
    alert_journal_mb = models.PositiveIntegerField(
        "alert: journal, MB",
        default=64,
        validators=[MinValueValidator(1)],
        help_text="And when so much of a process's journal waits for the database.",
    )
    # Raised whenever anything that the snapshot holds is saved; processes compare it.
    version = models.PositiveBigIntegerField(default=1, editable=False)

    class Meta:
        verbose_name = verbose_name_plural = "settings"

    def __str__(self) -> str:
        return "Settings"

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.pk = 1
        if not self._state.adding:
            # Another's change may have raised the version since this was read.
            names = (field.name for field in self._meta.concrete_fields if not field.primary_key)
            kwargs.setdefault("update_fields", [name for name in names if name != "version"])
        super().save(*args, **kwargs)

    def clean(self) -> None:
        _check_thinking(self.thinking, self.thinking_budget)

    @classmethod
    def load(cls) -> Self:
        return cls.objects.get_or_create(pk=1)[0]
