"""Who may call, and what holds for the whole gateway."""

from typing import Any, ClassVar, Self

from django.contrib.auth.models import AbstractUser
from django.core.validators import MinValueValidator
from django.db import models
from django.utils import timezone

from accounts import roles
from omniroute.fields import NetworksField, NumbersField, StringsField

LIMITS = ("rpm", "tpm", "concurrency")
BUDGETS = tuple(
    f"{period}_{unit}"
    for period in ("daily", "weekly", "monthly")
    for unit in ("usd", "tokens", "requests")
)


class User(AbstractUser):
    """A person who signs in. What they may do follows from the role alone."""

    role = models.CharField(max_length=20, choices=roles.CHOICES, default=roles.MEMBER)
    budgets = NumbersField(names=BUDGETS, help_text='Such as {"monthly_usd": 500}.')

    def save(self, *args: Any, **kwargs: Any) -> None:
        # Django's flags are a function of the role, so that nothing can grant one without it.
        self.is_superuser = self.role == roles.ADMINISTRATOR
        self.is_staff = self.role in roles.STAFF
        super().save(*args, **kwargs)

    def has_perm(self, perm: str, obj: object = None) -> bool:
        return self.is_active and roles.allows(self.role, perm)

    def has_module_perms(self, app_label: str) -> bool:
        return self.is_active and self.role in roles.STAFF


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def usable(self) -> Self:
        """Neither switched off nor expired, and its owner not switched off."""
        return self.filter(
            models.Q(expires=None) | models.Q(expires__gt=timezone.now()), active=True
        ).exclude(owner__is_active=False)


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
    limits = NumbersField(names=LIMITS, help_text='Such as {"rpm": 60, "concurrency": 10}.')
    budgets = NumbersField(names=BUDGETS, help_text='Such as {"daily_usd": 5}.')
    expires = models.DateTimeField(null=True, blank=True)
    allowed_ips = NetworksField(help_text='Empty: from anywhere. Such as ["127.0.0.0/8"].')
    active = models.BooleanField(default=True)
    created = models.DateTimeField(auto_now_add=True)

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["name"]
        verbose_name = "API key"

    def __str__(self) -> str:
        return self.name


class GatewaySettings(models.Model):
    """What an operator changes while the gateway runs. One row, made by its migration."""

    require_api_key = models.BooleanField(
        default=True, help_text="Without: whoever reaches the port may call every model."
    )
    log_bodies = models.BooleanField(
        default=False, help_text="Keep prompts and answers with the request log."
    )
    retention_days = models.PositiveIntegerField(
        default=30, validators=[MinValueValidator(1)], help_text="Older log rows are deleted."
    )
    stored_responses_days = models.PositiveIntegerField(
        default=30,
        help_text="How long answers of the Responses API can be referred to (previous_response_id). "
        "0: none is kept.",
    )
    ollama_api = models.BooleanField(
        "Ollama API",
        default=False,
        help_text="Serve Ollama's clients under /api/chat and /api/tags.",
    )
    # Raised whenever anything that the snapshot holds is saved; processes compare it.
    version = models.PositiveBigIntegerField(default=1, editable=False)

    class Meta:
        verbose_name = verbose_name_plural = "settings"

    def __str__(self) -> str:
        return "Settings"

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.pk = 1
        super().save(*args, **kwargs)

    @classmethod
    def load(cls) -> Self:
        return cls.objects.get_or_create(pk=1)[0]
