"""Admin actions that several rooms offer; a leaf that any room may import."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest


class Activatable:
    """For rows with a field `active`."""

    @admin.action(description="Activate", permissions=["change"])
    def activate(self, request: HttpRequest, chosen: QuerySet[Any]) -> None:
        self._switch(request, chosen, True)

    @admin.action(description="Deactivate", permissions=["change"])
    def deactivate(self, request: HttpRequest, chosen: QuerySet[Any]) -> None:
        self._switch(request, chosen, False)

    def _switch(self, request: HttpRequest, chosen: QuerySet[Any], active: bool) -> None:
        for row in chosen:  # not update(): only a save renews the snapshot
            row.active = active
            row.save()
        words = "activated" if active else "deactivated"
        messages.success(request, f"{len(chosen)} {words}.")
