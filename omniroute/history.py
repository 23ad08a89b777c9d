"""Who changed what in the configuration, and when: told by every save, through whichever door.

`QuerySet.update()` and `bulk_create()` tell nothing: with them only the catalogue writes its rows,
and what is no one's decision, such as the version of the settings. `bootstrap` keeps silent about
what is shipped.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from auditlog.models import LogEntry
from auditlog.registry import auditlog
from celery import current_task
from django.apps import apps
from django.db.models import Model
from django.db.models.signals import pre_save
from django.http import HttpRequest, HttpResponse

# By model: what is said to have changed, and never how; and what is not worth telling.
_MASKED = {
    "providers.Connection": ("credential", "headers"),
    "accounts.User": ("password",),
    "accounts.ApiKey": ("sha256",),
    "accounts.Invitation": ("sha256",),
    "analytics.AlertChannel": ("sealed",),
}
_UNTOLD = {
    "providers.Connection": ("uid", "awaits_variable"),
    "providers.ProviderModel": ("customised",),
    "accounts.User": ("last_login", "is_superuser", "is_staff"),
    "accounts.GatewaySettings": ("version",),
    "analytics.AlertChannel": ("uid",),
}
TOLD = (
    *("providers.Provider", "providers.ProviderModel", "providers.Connection"),
    *("providers.ErrorRule", "combos.Alias", "combos.Combo", "combos.ComboTarget"),
    *("accounts.User", "accounts.ApiKey", "accounts.Invitation", "accounts.GatewaySettings"),
    "analytics.AlertChannel",
)
MASK = "********"

_request: ContextVar[HttpRequest | None] = ContextVar("request", default=None)
_collected: ContextVar[list[LogEntry] | None] = ContextVar("collected", default=None)


def watch() -> None:
    for label in TOLD:
        model = apps.get_model(label)
        untold = ("id", *_UNTOLD.get(label, ()))
        auditlog.register(
            model,
            # By name: what points to the row from elsewhere is none of its fields.
            include_fields=[f.name for f in model._meta.concrete_fields if f.name not in untold],
            mask_fields=list(_MASKED.get(label, ())),
            mask_callable="omniroute.history.mask",
        )
    pre_save.connect(_sign, sender=LogEntry, dispatch_uid="sign-history")


def is_masked(model: type[Model], field: str) -> bool:
    """Is it said of this field that it changed, and never how?"""
    return field in _MASKED.get(model._meta.label, ())


def mask(value: str) -> str:
    return "" if value in ("", "None", "{}") else MASK


def remember_request(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: what is changed while a request is answered was changed by who sent it."""

    def middleware(request: HttpRequest) -> HttpResponse:
        token = _request.set(request)
        try:
            return get_response(request)
        finally:
            _request.reset(token)

    return middleware


@contextmanager
def collected() -> Iterator[list[LogEntry]]:
    """What is told meanwhile, also where it is rolled back in the end."""
    entries: list[LogEntry] = []
    token = _collected.set(entries)
    try:
        yield entries
    finally:
        _collected.reset(token)


def _sign(instance: LogEntry, **_: Any) -> None:
    request = _request.get()
    user = None
    if request is not None:
        # A key's owner is known to the API alone.
        user = getattr(request, "auth", None) or getattr(request, "user", None)
    if user is not None and user.is_authenticated:
        instance.actor, instance.actor_email = user, user.email
    # The name outlives the user's row.
    signed = {"by": user.get_username() if user else "", "through": _door()}
    instance.additional_data = (instance.additional_data or {}) | signed
    entries = _collected.get()
    if entries is not None:
        entries.append(instance)


def _door() -> str:
    request = _request.get()
    if request is not None:
        name = getattr(request, "key_name", "")
        if name:
            return f"API, key {name}"
        if request.path.startswith("/api/"):
            return "API"
        return "Admin" if request.path.startswith("/admin/") else "own account"
    if current_task:
        return f"task {current_task.name}"
    program, *words = sys.argv
    is_command = Path(program).name in ("manage.py", "omniroute") and words
    return f"command {words[0]}" if is_command else Path(program).stem
