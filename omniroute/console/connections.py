"""Connections in Admin as the gateway sees them: what cools down, why and until when, and an end to it."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import action

from gateway import runtime
from gateway.state.health import Entry
from omniroute.actions import confirmed
from providers import admin as providers
from providers.models import Connection


def blocks() -> dict[str, list[Entry]]:
    """By connection, in this process; nothing in one that serves no calls."""
    process = runtime.current()
    found: dict[str, list[Entry]] = {}
    for entry in process.on_loop(process.blocks()) if process else ():
        found.setdefault(entry.block.connection, []).append(entry)
    return found


class WithBlocks(ChangeList):
    """One look at the gateway's state a page."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        found = blocks()
        for row in self.result_list:
            row.blocks = found.get(row.name, [])


admin.site.unregister(Connection)


@admin.register(Connection)
class ConnectionAdmin(providers.ConnectionAdmin):
    actions = (*providers.ConnectionAdmin.actions, "clear_cooldown")
    actions_list = ("sign_in", "test_all")
    actions_detail = ("sign_in_again",)

    def has_credential_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Unfold asks by this name; a permission's own name it looks up in the database, at every
        start and before there are tables."""
        return request.user.has_perm("providers.change_credential")

    def get_list_display(self, request: HttpRequest) -> Any:
        return (*super().get_list_display(request), "state")

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
        row = get_object_or_404(Connection.objects.select_related("provider"), pk=object_id)
        name = urlencode({"name": row.name})
        return redirect(f"{reverse('sign-in', args=[row.provider.slug])}?{name}")

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> Any:
        """Only where there is somewhere to sign in."""
        rows = Connection.objects.filter(pk=object_id)
        has_sign_in = rows.exclude(provider__oauth={}).exists()
        return super().get_actions_detail(request, object_id) if has_sign_in else []

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return WithBlocks

    @admin.display(description="State")
    def state(self, row: Connection) -> str | SafeString:
        entries: list[Entry] = getattr(row, "blocks", [])
        if not entries:
            return "ok" if row.active else "switched off"
        return format_html_join(format_html("<br>"), "{}", ((_words(entry),) for entry in entries))

    @admin.action(description="Clear cooldown", permissions=["change"])
    @confirmed("Clear what cools down? Calls go there again at once.", "Clear")
    def clear_cooldown(self, request: HttpRequest, chosen: QuerySet[Connection]) -> None:
        process = runtime.current()
        if process is None:
            self.message_user(request, "This process serves no calls.", messages.ERROR)
            return
        for row in chosen:
            cleared = process.on_loop(process.clear_health(row.name))
            self.message_user(request, f"{row.name}: {cleared} cleared", messages.SUCCESS)


def _words(entry: Entry) -> str:
    block = entry.block
    of = f"{block.model}: " if block.model else ""
    if entry.state == "blocked":
        until = datetime.fromtimestamp(block.until, UTC)
        how = f"cools down until {until:%H:%M:%S} UTC"
    else:
        how = "one call tries it" if entry.state == "probing" else "the next call tries it"
    attention = "needs attention: " if entry.needs_attention else ""
    return f"{attention}{of}{how} ({block.cause[:120]})"
