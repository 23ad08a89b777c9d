"""The history of the configuration in Admin: every change with its fields, before and after."""

from typing import Any

from auditlog.models import LogEntry
from django.contrib import admin
from django.contrib.admin import RelatedOnlyFieldListFilter
from django.contrib.contenttypes.models import ContentType
from django.core.paginator import Paginator
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from msgspec import Struct
from unfold.admin import ModelAdmin
from unfold.decorators import display

from combos.models import Combo, ComboTarget
from omniroute.console.readable import visible

MAX_CHARS = 2000  # of one value
PER_PAGE = 50
_NOTHING = ("", "None", "{}", "[]")  # as the log writes it


class FieldChange(Struct, frozen=True):
    """Of a secret both sides are masked."""

    name: str
    before: str
    after: str


def fields_of(entry: LogEntry) -> list[FieldChange]:
    """What differs, in the order of the row's fields."""
    model = entry.content_type.model_class()
    labels = {f.name: str(f.verbose_name) for f in model._meta.concrete_fields} if model else {}
    told = entry.changes_dict
    names = [*(name for name in labels if name in told), *sorted(told.keys() - labels.keys())]
    return [
        FieldChange(labels.get(name, name), *map(_shown, told[name]))
        for name in names
        if entry.action == LogEntry.Action.UPDATE or not set(told[name]) <= set(_NOTHING)
    ]


def _shown(value: str) -> str:
    text = "" if value in _NOTHING else visible(value)
    return text if len(text) <= MAX_CHARS else f"{text[:MAX_CHARS]}… [{len(text):,} characters]"


def _signed(entry: LogEntry, name: str) -> str:
    return visible(str((entry.additional_data or {}).get(name, "")))


def entries_of(row: Model) -> QuerySet[LogEntry]:
    """All that happened to a row; to a combo also what happened to its targets."""
    kinds = ContentType.objects
    own = Q(content_type=kinds.get_for_model(row), object_pk=str(row.pk))
    if isinstance(row, Combo):
        target = kinds.get_for_model(ComboTarget)
        own |= Q(content_type=target, additional_data__combo=row.pk)
    entries: QuerySet[LogEntry] = LogEntry.objects.filter(own)
    return entries.select_related("content_type").order_by("-id")


def page(model_admin: Any, request: HttpRequest, row: Model) -> HttpResponse:
    """The history of one row."""
    entries = Paginator(entries_of(row), PER_PAGE).get_page(request.GET.get("p"))
    context = model_admin.admin_site.each_context(request) | {
        "title": f"History of {row}",
        "opts": model_admin.opts,
        "page_obj": entries,
        "entries": [(entry, fields_of(entry)) for entry in entries],
    }
    return TemplateResponse(request, "console/history.html", context)


admin.site.unregister(LogEntry)


@admin.register(LogEntry)
class LogEntryAdmin(ModelAdmin):
    """What was changed, by whom, when; and nothing to change about it."""

    empty_words = "Whatever is changed from now on is told here."
    list_display = ("timestamp", "by", "through", "what", "row", "kind_of_row", "changed")
    list_filter = ("action", ("content_type", RelatedOnlyFieldListFilter), "timestamp")
    list_select_related = ("content_type",)
    search_fields = ("object_repr", "additional_data__by", "additional_data__through")
    ordering = ("-id",)
    list_per_page = PER_PAGE

    @admin.display(description="By")
    def by(self, entry: LogEntry) -> str:
        return _signed(entry, "by")

    @admin.display(description="Through")
    def through(self, entry: LogEntry) -> str:
        return _signed(entry, "through")

    @display(
        description="What",
        label={"created": "success", "changed": "info", "deleted": "danger"},
    )
    def what(self, entry: LogEntry) -> str:
        return ("created", "changed", "deleted", "read")[entry.action]

    @admin.display(description="Row")
    def row(self, entry: LogEntry) -> str:
        return visible(entry.object_repr)[:100]

    @admin.display(description="Of")
    def kind_of_row(self, entry: LogEntry) -> str:
        return str(entry.content_type.name)

    @admin.display(description="Fields")
    def changed(self, entry: LogEntry) -> str:
        if entry.action != LogEntry.Action.UPDATE:
            return ""
        return ", ".join(change.name for change in fields_of(entry))

    @admin.display(description="Fields")
    def diff(self, entry: LogEntry) -> str:
        return render_to_string("console/diff.html", {"fields": fields_of(entry)})

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("timestamp", "by", "through", "what", "kind_of_row", "row", "diff")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.get_fields(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
