"""Connections in Admin as the gateway sees them: what cools down, why and until when, and an end to it."""

from datetime import UTC, datetime
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from gateway import runtime
from gateway.state.health import Entry
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

    def get_list_display(self, request: HttpRequest) -> Any:
        return (*super().get_list_display(request), "state")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return WithBlocks

    @admin.display(description="State")
    def state(self, row: Connection) -> str | SafeString:
        entries: list[Entry] = getattr(row, "blocks", [])
        if not entries:
            return "ok" if row.active else "switched off"
        return format_html_join(format_html("<br>"), "{}", ((_words(entry),) for entry in entries))

    @admin.action(description="Clear cooldown", permissions=["change"])
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
