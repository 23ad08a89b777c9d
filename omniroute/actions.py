"""Admin actions that several rooms offer; a leaf that any room may import."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import unquote
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse

MAX_NAMED = 200

Deed = Callable[[Any, HttpRequest, QuerySet[Any]], HttpResponse | None]


def confirmed(question: str, button: str) -> Callable[[Deed], Deed]:
    """An action that names the rows it will change, and asks, before it does."""

    def decorate(deed: Deed) -> Deed:
        @wraps(deed)
        def asked(
            model_admin: Any, request: HttpRequest, chosen: QuerySet[Any]
        ) -> HttpResponse | None:
            if request.POST.get("confirmed"):
                return deed(model_admin, request, chosen)
            return _question(
                model_admin, request, chosen, question, button,
                chosen=request.POST.getlist(ACTION_CHECKBOX_NAME),
                action=request.POST.get("action", ""),
                select_across=request.POST.get("select_across", "0"),
                back=request.get_full_path(),
            )  # fmt: skip

        return asked

    return decorate


def ask_for_one(
    model_admin: Any, request: HttpRequest, pk: str, action: str, question: str, button: str
) -> HttpResponse:
    """For a button of one row, which is a link, and so can change nothing itself: the question,
    whose answer is the action of the list for this row."""
    row = row_of(model_admin, request, pk)
    rows = model_admin.get_queryset(request).filter(pk=row.pk)
    meta = model_admin.opts
    place = reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist")
    return _question(
        model_admin, request, rows, question, button,
        chosen=[str(row.pk)], action=action, select_across="0", place=place, back=place,
    )  # fmt: skip


def row_of(model_admin: Any, request: HttpRequest, pk: str) -> Any:
    """Of an address of Admin; raises `Http404` for a key of no row, and for what is no key."""
    row = model_admin.get_object(request, unquote(pk))
    if row is None:
        raise Http404
    return row


def _question(
    model_admin: Any,
    request: HttpRequest,
    rows: QuerySet[Any],
    question: str,
    button: str,
    **more: Any,
) -> HttpResponse:
    context = model_admin.admin_site.each_context(request) | {
        "title": question,
        "opts": model_admin.opts,
        "button": button,
        "rows": [str(row) for row in rows[:MAX_NAMED]],
        "total": rows.count(),
        "name": ACTION_CHECKBOX_NAME,
    }
    return TemplateResponse(request, "admin/confirm_action.html", context | more)


class Activatable:
    """For rows with a field `active`."""

    @admin.action(description="Activate", permissions=["change"])
    @confirmed("Activate these?", "Activate")
    def activate(self, request: HttpRequest, chosen: QuerySet[Any]) -> None:
        self._switch(request, chosen, True)

    @admin.action(description="Deactivate", permissions=["change"])
    @confirmed("Deactivate these? No call reaches them from then on.", "Deactivate")
    def deactivate(self, request: HttpRequest, chosen: QuerySet[Any]) -> None:
        self._switch(request, chosen, False)

    def _switch(self, request: HttpRequest, chosen: QuerySet[Any], active: bool) -> None:
        for row in chosen:  # not update(): only a save renews the snapshot
            row.active = active
            row.save()
        words = "activated" if active else "deactivated"
        messages.success(request, f"{len(chosen)} {words}.")
