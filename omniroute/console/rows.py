"""What Admin offers for every row of the configuration: its history, and itself as YAML."""

from typing import Any

import yaml
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from accounts.models import GatewaySettings, Invitation
from omniroute import history as history_of
from omniroute.actions import row_of
from omniroute.configuration import export
from omniroute.console import combos as combos  # which take others' places first
from omniroute.console import connections as connections
from omniroute.console import history
from providers.credentials import CredentialUnreadable
from providers.models import ErrorRule


class Told:
    """The history of a row is that of every door, and not of Admin alone."""

    model: Any

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        """Django lets a list be asked about any column of its own: a secret letter by letter."""
        if history_of.is_masked(self.model, lookup.partition("__")[0]):
            return False
        allowed: bool = super().lookup_allowed(lookup, value, request)  # type: ignore[misc]
        return allowed

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        row = row_of(self, request, object_id)
        if not request.user.has_perm("auditlog.view_logentry"):
            raise PermissionDenied
        return history.page(self, request, row)


class Exported(Told):
    def has_export_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("accounts.export_configuration")

    @admin.action(description="Export as YAML", permissions=["export"])
    def export_yaml(self, request: HttpRequest, chosen: QuerySet[Any]) -> HttpResponse | None:
        try:
            document = export.selected(chosen)
        except CredentialUnreadable as error:
            messages.error(request, str(error))
            return None
        [section] = document
        return HttpResponse(
            yaml.safe_dump(document, sort_keys=False, allow_unicode=True),
            content_type="application/yaml",
            headers={"content-disposition": f'attachment; filename="omniroute-{section}.yaml"'},
        )


def _add(offer: type[Told], *models: Any) -> None:
    """Give what is offered to the admin class that a room has for a model."""
    for model in models:
        of_room = type(admin.site._registry[model])
        actions = tuple(of_room.actions or ())
        more = ("export_yaml",) if offer is Exported else ()
        admin.site.unregister(model)
        admin.site.register(
            model, type(of_room.__name__, (offer, of_room), {"actions": (*actions, *more)})
        )


_add(Exported, *export.SECTIONS)
_add(Told, ErrorRule, GatewaySettings, Invitation)
