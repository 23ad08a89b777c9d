"""Health: the gateway's processes and what they need, and how every connection is.

A constant number of queries, however many connections there are.
"""

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Page, Paginator
from django.db.models import Case, Q, Value, When
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_safe
from msgspec import Struct

from analytics.models import GatewayProcess
from gateway import runtime
from omniroute import health as parts_of
from omniroute.console import health
from omniroute.console.access import allowed
from omniroute.console.clearing import clear as clear_blocks
from omniroute.console.connections import block_words, quota_words
from omniroute.console.health import Account
from omniroute.console.readable import visible
from providers.models import Connection, ConnectionState

PER_PAGE = 50
# Of connections that calls are kept from: a query names no more than that.
MAX_BLOCKED = 5_000

NOT_OK = [status for status in ConnectionState.Status if status != ConnectionState.Status.OK]


class Part(Struct, frozen=True):
    name: str
    words: str
    good: bool


class Row(Struct, frozen=True):
    """A connection, as the page shows it."""

    account: Account
    words: str
    colour: str
    blocks: list[str]
    quotas: list[str]
    token: Any  # `providers.models.Token`, where it signs in
    needs_key: bool
    page: str


class Filter(forms.Form):
    search = forms.CharField(
        label=gettext_lazy("Connection or provider"), required=False, max_length=100
    )
    only = forms.ChoiceField(
        label=gettext_lazy("Show"),
        required=False,
        choices=[("", gettext_lazy("All")), ("attention", gettext_lazy("Not in order"))],
    )


@require_safe
@allowed("providers.view_connection")
def page(request: HttpRequest) -> HttpResponse:
    form = Filter(request.GET, label_suffix="")
    told = form.cleaned_data if form.is_valid() else {"search": "", "only": ""}
    shown = _page(told["search"], told["only"], request.GET.get("page", "1"))
    asked = {name: value for name, value in told.items() if value}
    context = {
        "form": form,
        "parts": parts(),
        "problems": _problems(),
        "processes": processes(),
        "rows": _rows(shown),
        "shown": shown,
        "query": urlencode(asked),
        "here": f"{reverse('health')}?{urlencode(asked | {'page': shown.number})}",
        "may_clear": request.user.has_perm("providers.change_connection"),
        "has_any": bool(shown.paginator.count) or bool(asked),
    }
    return render(request, "health/page.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@allowed("providers.view_connection")
def clear(request: HttpRequest) -> HttpResponse:
    """A POST clears one connection, or all where none is named; before that it is asked."""
    if not request.user.has_perm("providers.change_connection"):
        raise PermissionDenied
    if request.method != "POST":
        return render(request, "health/clear.html")
    name = request.POST.get("connection", "")
    count = clear_blocks(name or None)
    told = ngettext(
        "%(whose)s: %(count)d cooldown or breaker cleared here. Other processes follow in seconds.",
        "%(whose)s: %(count)d cooldowns or breakers cleared here. Other processes follow in seconds.",
        count,
    )
    whose = visible(name) if name else _("All connections")
    messages.success(request, told % {"whose": whose, "count": count})
    return redirect("health")


def parts() -> list[Part]:
    """What this process needs, and how it is."""
    told = {
        _("Database"): parts_of.database(),
        _("State store"): parts_of.state(),
        _("Journal"): parts_of.journal(),
        _("Worker and clock"): parts_of.worker(),
        _("Configuration"): _configuration(),
    }
    return [Part(name, words, words.split(",")[0] == "ok") for name, words in told.items()]


def _configuration() -> str:
    process = runtime.current()
    if process is None:
        return "not available: this process serves nothing"
    if process.watcher.failing:
        return "cannot be read: calls are answered by the last one"
    count = len(process.snapshot.problems)
    told = ngettext("%(count)d row is left out", "%(count)d rows are left out", count)
    return told % {"count": count} if count else "ok"


def _problems() -> list[str]:
    process = runtime.current()
    problems = process.snapshot.problems if process else ()
    return [visible(f"{each.kind} {each.name}: {each.reason}") for each in problems[:PER_PAGE]]


def processes() -> list[dict[str, Any]]:
    now = timezone.now()
    return [
        {"row": row, "silent_s": _silent_s(row, now)} for row in GatewayProcess.objects.all()[:100]
    ]


def _silent_s(row: GatewayProcess, now: datetime) -> int | None:
    """Null where it was heard of lately."""
    silent = now - row.seen
    return round(silent.total_seconds()) if silent > GatewayProcess.SILENCE else None


def _page(search: str, only: str, number: str) -> "Page[Connection]":
    """Those that need somebody first, those that are switched off last."""
    troubled = _troubled()
    rows = Connection.objects.annotate(
        rank=Case(When(active=False, then=Value(2)), When(troubled, then=Value(0)), default=1)
    ).order_by("rank", "name")
    if search:
        rows = rows.filter(Q(name__icontains=search) | Q(provider__slug__icontains=search))
    if only:
        rows = rows.filter(troubled, active=True)
    return Paginator(health.with_health(rows), PER_PAGE).get_page(number)


def _troubled() -> Q:
    blocked = sorted(health.blocks())[:MAX_BLOCKED]
    return (
        Q(health__status__in=NOT_OK)
        | Q(token__needs_login=True)
        | Q(token__failures__gt=0)
        | Q(name__in=blocked)
    )


def _rows(shown: "Page[Connection]") -> list[Row]:
    rows = list(shown)
    return [
        Row(
            account=account,
            words=health.WORDS[account.state],
            colour=health.COLOURS[account.state],
            blocks=[visible(block_words(entry)) for entry in account.blocks],
            quotas=[visible(quota_words(known)) for known in account.quotas],
            token=getattr(row, "token", None),
            needs_key=row.auth_type != Connection.Auth.NONE,
            page=reverse("admin:providers_connection_change", args=[row.pk]),
        )
        for row, account in zip(rows, health.accounts(rows), strict=True)
    ]
