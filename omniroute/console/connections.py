"""Connections in Admin as the gateway sees them: how each is, what is left of it, and an end to what
keeps calls away."""

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from time import time
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import ngettext
from unfold.decorators import action

from gateway.state.health import Entry
from omniroute.actions import ask_for_one, confirmed, row_of
from omniroute.console import health
from omniroute.console.clearing import clear
from omniroute.console.health import Account
from omniroute.console.readable import visible
from providers import admin as providers
from providers.models import Connection
from providers.quotas import Known


class WithHealth(ChangeList):
    """One look at the gateway's state a page."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rows = list(health.with_health(self.result_list))
        for row, account in zip(rows, health.accounts(rows), strict=True):
            vars(row)["account"] = account
        self.result_list = rows


# Our colours by Unfold's names of them.
LABELS: dict[health.Colour, str] = {
    "good": "success",
    "warn": "warning",
    "bad": "danger",
    "": "default",
}
HEALTH = ("account_state", "account_checked", "account_quotas")


admin.site.unregister(Connection)


@admin.register(Connection)
class ConnectionAdmin(providers.ConnectionAdmin):
    actions = (*providers.ConnectionAdmin.actions, "clear_cooldown")
    actions_list = ("sign_in", "test_all")
    actions_row = ("test_one", "clear_one", "duplicate_one")
    actions_detail = (*actions_row, "sign_in_again")
    empty_words = (
        "A connection is an account at a provider: its key, or a sign-in. Without one only the demo "
        "answers."
    )

    def has_credential_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Unfold asks by this name; a permission's own name it looks up in the database, at every
        start and before there are tables."""
        return request.user.has_perm("providers.change_credential")

    def get_list_display(self, request: HttpRequest) -> Any:
        return (*super().get_list_display(request), "state", "quota")

    def get_fieldsets(self, request: HttpRequest, obj: Connection | None = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        return (*fieldsets, ("Health", {"fields": HEALTH})) if obj else fieldsets

    def get_readonly_fields(self, request: HttpRequest, obj: Connection | None = None) -> Any:
        return (*super().get_readonly_fields(request, obj), *HEALTH)

    @action(description="Sign in", url_path="sign-in", permissions=["credential"])
    def sign_in(self, request: HttpRequest) -> HttpResponse:
        return redirect("sign-ins")

    @action(description="Test all", url_path="test-all", permissions=["change"])
    def test_all(self, request: HttpRequest) -> HttpResponse:
        return redirect("test-all")

    @action(
        description="Sign in again",
        url_path="sign-in-again",
        permissions=["credential"],
    )
    def sign_in_again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row: Connection = row_of(self, request, object_id)
        name = urlencode({"name": row.name})
        return redirect(f"{reverse('sign-in', args=[row.provider.slug])}?{name}")

    def has_copy_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """By a name of its own: of the others Unfold tells which row it asks about."""
        return self.has_add_permission(request)

    @action(description="Test", url_path="test-one", permissions=["change"])
    def test_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return redirect(f"{reverse('test-all')}?{urlencode({'pk': object_id})}")

    @action(description="Clear cooldown", url_path="clear-one", permissions=["change"])
    def clear_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        question = "Clear what cools down? Calls go there again at once."
        return ask_for_one(self, request, object_id, "clear_cooldown", question, "Clear")

    @action(description="Duplicate", url_path="duplicate-one", permissions=["copy"])
    def duplicate_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        question = "Duplicate this? The copy needs a key of its own."
        return ask_for_one(self, request, object_id, "duplicate", question, "Duplicate")

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> Any:
        """Signing in only where there is somewhere to."""
        offered = super().get_actions_detail(request, object_id)
        row = self.get_object(request, unquote(str(object_id)))
        has_sign_in = row is not None and bool(row.provider.oauth)
        return [each for each in offered if has_sign_in or each.path != "sign-in-again"]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return WithHealth

    @admin.display(description="State")
    def state(self, row: Connection) -> SafeString:
        account: Account = vars(row)["account"]
        return _badge(account.state) + _lines(_causes(account))

    @admin.display(description="Quota")
    def quota(self, row: Connection) -> str:
        """The one of which least is left."""
        account: Account = vars(row)["account"]
        told = [known for known in account.quotas if known.remaining is not None]
        return visible(quota_words(min(told, key=_share_left))) if told else ""

    @admin.display(description="State")
    def account_state(self, row: Connection) -> SafeString:
        account = _account_of(row)
        since = [f"since {_moment(account.since)}"] if account.since else []
        return _badge(account.state) + _lines([*since, *_causes(account)])

    @admin.display(description="Last asked")
    def account_checked(self, row: Connection) -> str:
        account = _account_of(row)
        if account.checked:
            return _moment(account.checked)
        return "not yet" if account.is_probed else "probes are off"

    @admin.display(description="Quotas")
    def account_quotas(self, row: Connection) -> str | SafeString:
        told = _account_of(row).quotas
        return _lines(map(quota_words, told)) if told else "nothing is known"

    @admin.action(description="Clear cooldown", permissions=["change"])
    @confirmed("Clear what cools down? Calls go there again at once.", "Clear")
    def clear_cooldown(self, request: HttpRequest, chosen: QuerySet[Connection]) -> None:
        for row in chosen:
            cleared = clear(row.name)
            told = ngettext(
                "%(name)s: %(n)d cooldown or breaker cleared",
                "%(name)s: %(n)d cooldowns or breakers cleared",
                cleared,
            )
            said = told % {"name": row.name, "n": cleared}
            self.message_user(request, said, messages.SUCCESS)


def _account_of(row: Connection) -> Account:
    [account] = health.accounts(health.with_health(Connection.objects.filter(pk=row.pk)))
    return account


def _lines(texts: Iterable[str]) -> SafeString:
    """Providers' and clients' words stand in them."""
    return format_html_join("", "<div>{}</div>", ((visible(text),) for text in texts))


@cache  # a page has dozens of them
def _badge(state: health.State) -> SafeString:
    """In Unfold's own looks."""
    label = {"text": health.WORDS[state], "type": LABELS[health.COLOURS[state]]}
    return render_to_string("unfold/helpers/label.html", label)


def _causes(account: Account) -> list[str]:
    """What keeps calls away, and before it the state's cause where that says something else."""
    told = not account.cause or any(account.cause.endswith(e.block.cause) for e in account.blocks)
    return [*([] if told else [account.cause[:160]]), *map(block_words, account.blocks)]


def block_words(entry: Entry) -> str:
    block = entry.block
    of = f"{block.model}: " if block.model else ""
    if entry.state == "blocked":
        until = datetime.fromtimestamp(block.until, UTC)
        how = f"cools down until {until:%H:%M:%S} UTC"
    else:
        how = "one call tries it" if entry.state == "probing" else "the next call tries it"
    attention = "needs attention: " if entry.needs_attention else ""
    return f"{attention}{of}{how} ({block.cause[:120]})"


def quota_words(known: Known) -> str:
    """`requests: 40 of 100, whole again at 12:00 UTC, as of 11:58 UTC`, and the day of any other."""
    of = f"{known.model}, {known.name}" if known.model else known.name
    left = "a new window, nothing known" if known.remaining is None else f"{known.remaining:,g}"
    if known.remaining is not None:
        left += "" if known.limit is None else f" of {known.limit:,g}"
        left += f" {known.unit}" if known.unit not in ("", known.name) else ""
    resets = known.resets_at and datetime.fromtimestamp(known.resets_at, UTC)
    whole = f", whole again at {_short(resets)}" if resets and known.remaining is not None else ""
    stale = ", which is long ago" if known.is_stale(time()) else ""
    return (
        f"{of}: {left}{whole}, as of {_short(datetime.fromtimestamp(known.observed, UTC))}{stale}"
    )


def _share_left(known: Known) -> float:
    return (known.remaining or 0.0) / known.limit if known.limit else float("inf")


def _short(moment: datetime) -> str:
    """Without the day, where that is today."""
    is_today = moment.date() == datetime.now(UTC).date()
    return f"{moment:%H:%M} UTC" if is_today else _moment(moment)


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
