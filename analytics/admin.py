from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from unfold.admin import ModelAdmin
from unfold.paginator import InfinitePaginator

import analytics.alerts.admin  # noqa: F401  # it registers its pages
from analytics.costs import format_usd
from analytics.models import RequestRecord, TaskRun


@admin.register(RequestRecord)
class RequestRecordAdmin(ModelAdmin):
    """What happened, and nothing to change about it."""

    empty_words = "A row appears here once a client has called: Admin's first page says how."
    list_display = (
        "time", "outcome", "status", "requested_model", "model", "connection", "key",
        "tokens", "cost", "duration",
    )  # fmt: skip
    list_filter = ("outcome", "usage_source", "client_format", "stream")
    search_fields = ("id__startswith", "=key", "=model", "=connection", "=provider")
    search_help_text = "A request id, or the exact name of a key, model, connection or provider."
    show_full_result_count = False
    # Counting millions of rows takes longer than reading a page of them.
    paginator = InfinitePaginator
    list_per_page = 50

    @admin.display(description="Tokens in / out")
    def tokens(self, row: RequestRecord) -> str:
        about = "~" if row.usage_source == row.Source.ESTIMATED else ""
        return f"{about}{row.input_tokens} / {about}{row.output_tokens}"

    @admin.display(description="Cost, USD")
    def cost(self, row: RequestRecord) -> str:
        return "unpriced" if row.cost_picousd is None else format_usd(row.cost_picousd)

    @admin.display(description="ms")
    def duration(self, row: RequestRecord) -> int:
        return row.duration_ms

    @admin.display(description="Attempts")
    def tried(self, row: RequestRecord) -> str:
        lines = format_html_join(
            "",
            "<li>{} at {}: {} {} ({} ms)</li>",
            (
                (a["model"], a["connection"], a["status"] or "no answer", a["error"] or "", a["ms"])
                for a in row.attempts
            ),
        )
        return format_html("<ol>{}</ol>", lines) if row.attempts else "none"

    @admin.display(description="Why there")
    def chosen(self, row: RequestRecord) -> str:
        """The candidates as they were to be tried, and those left out."""
        order = format_html_join(
            "",
            "<li>{} at {}{}</li>",
            (
                (c["model"], c["connection"], f", score {c['score']:g}" if "score" in c else "")
                for c in row.trace.get("order", ())
            ),
        )
        excluded = format_html_join(
            "",
            "<li>not {} at {}: {}</li>",
            ((e["model"], e["connection"], e["reason"]) for e in row.trace.get("excluded", ())),
        )
        if not order and not excluded:
            return "nobody was chosen"
        named = row.trace.get("named")
        words = f"{row.requested_model} is {named['to']} by {named['by']}" if named else ""
        return format_html("{}<ol>{}</ol><ul>{}</ul>", words, order, excluded)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        hidden = {"attempts", "cost_picousd", "trace"}
        names = [field.name for field in RequestRecord._meta.fields if field.name not in hidden]
        return [*names, "cost", "chosen", "tried"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.get_fields(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[RequestRecord]:
        rows: QuerySet[RequestRecord] = super().get_queryset(request)
        return rows.defer("request_body", "response_body")


@admin.register(TaskRun)
class TaskRunAdmin(ModelAdmin):
    """What runs on a clock, and how that went."""

    empty_words = (
        "Tasks run on a clock: a worker and beat have not run yet. The command serve starts both."
    )
    list_display = ("name", "started", "duration_ms", "runs", "failures", "failed", "error")
    search_fields = ("name", "error")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
