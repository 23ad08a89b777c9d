"""The configuration's sections as resources: the same entries, written by the same functions."""

from collections.abc import Callable, Iterable
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from msgspec import Struct
from ninja import Body, Router, Status
from pydantic import ValidationError as ShapeError

from accounts.models import ApiKey, User
from analytics.models import AlertChannel
from combos.models import Alias, Combo
from omniroute.api import models
from omniroute.api.auth import require
from omniroute.api.errors import ApiError
from omniroute.configuration import export, rights, schema, write
from omniroute.configuration.errors import of_shape
from omniroute.configuration.write import Change
from omniroute.console import health
from providers.models import Connection, Provider, ProviderModel


class Section(Struct, frozen=True):
    """`name` is the entry's field that names it, `find` the row of such a name. `beside` is what
    else there is to read of some rows, in their order; nobody writes it."""

    entry: type[schema.Entry]
    name: str
    write: Callable[[Any], Change]
    rows: Callable[[], QuerySet[Any]]
    find: Callable[[str], dict[str, Any]]
    show: Callable[[Any], dict[str, Any]]
    # Where reading says more than writing takes: views of their own.
    listing: Callable[..., dict[str, Any]] | None = None
    one: Callable[[HttpRequest, str], dict[str, Any]] | None = None
    beside: Callable[[list[Any]], list[dict[str, Any]]] = lambda rows: [{} for _ in rows]
    made: str = "key"  # what a secret is called that is made, and shown once

    def require(self, request: HttpRequest, action: str) -> User:
        """Raises `ApiError` 403 where the role may not do this with any of the rows."""
        meta = self.rows().model._meta
        return require(request, f"{meta.app_label}.{action}_{meta.model_name}")

    def row(self, name: str) -> Any:
        return get_object_or_404(self.rows(), **self.find(name))

    def shown(self, rows: Iterable[Any]) -> list[dict[str, Any]]:
        whole = list(rows)
        beside = self.beside(whole)
        return [self.show(row) | more for row, more in zip(whole, beside, strict=True)]

    def written(self, user: User, entry: schema.Entry) -> dict[str, Any]:
        """The row as it is then. Raises `ApiError` 403 where it is not this person's to change so."""
        with transaction.atomic():
            change = self.write(entry)
            if refusal := rights.refusal(user, change):
                raise ApiError(403, refusal)
        [shown] = self.shown([self.row(getattr(entry, self.name))])
        return shown | ({self.made: change.secret} if change.secret else {})


def _combo(entry: schema.ComboEntry) -> Change:
    change = write.combo(entry)
    return change.with_field("targets") if write.targets(entry) else change


def _by_model(name: str) -> dict[str, Any]:
    alias, _, model = name.partition("/")
    return {"provider__alias": alias, "name": model}


def _user(row: User) -> dict[str, Any]:
    last = row.last_login.isoformat() if row.last_login else None
    return export.user(row) | {"active": row.is_active, "last_login": last}


SECTIONS: dict[str, Section] = {
    "providers": Section(
        schema.ProviderEntry, "id", write.provider, Provider.objects.all,
        lambda name: {"slug": name}, lambda row: export.provider(row) | {"builtin": row.builtin},
    ),
    "connections": Section(
        schema.ConnectionEntry, "name", write.connection,
        lambda: health.with_health(Connection.objects.all()),
        lambda name: {"name": name}, export.connection,
        beside=lambda rows: [health.as_json(account) for account in health.accounts(rows)],
    ),
    "models": Section(
        schema.ModelEntry, "id", write.model,
        lambda: ProviderModel.objects.select_related("provider"), _by_model, export.model,
        models.listing, models.one,
    ),
    "aliases": Section(
        schema.AliasEntry, "alias", write.alias, Alias.objects.all,
        lambda name: {"alias": name}, export.alias,
    ),
    "combos": Section(
        schema.ComboEntry, "name", _combo,
        lambda: Combo.objects.prefetch_related("targets__nested"),
        lambda name: {"name": name}, export.combo,
    ),
    "keys": Section(
        schema.KeyEntry, "name", write.api_key, lambda: ApiKey.objects.select_related("owner"),
        lambda name: {"name": name},
        lambda row: export.key(row) | {"prefix": row.prefix},
    ),
    "users": Section(
        schema.UserEntry, "username", write.user, lambda: User.objects.order_by("username"),
        lambda name: {"username": name}, _user,
    ),
    "alert-channels": Section(
        schema.AlertChannelEntry, "name", write.alert_channel, AlertChannel.objects.all,
        lambda name: {"name": name},
        lambda row: export.alert_channel(row) | {"host": row.host},
        made="secret",
    ),
}  # fmt: skip


def router(section: Section) -> Router:
    """List, create, read, change and delete."""
    routes = Router()
    _add_reading(routes, section)
    _add_creating(routes, section)
    _add_changing(routes, section)
    _add_deleting(routes, section)
    return routes


def _add_reading(routes: Router, section: Section) -> None:
    def listing(request: HttpRequest) -> dict[str, Any]:
        section.require(request, "view")
        return {"items": section.shown(section.rows())}

    def one(request: HttpRequest, name: str) -> dict[str, Any]:
        section.require(request, "view")
        return section.shown([section.row(name)])[0]

    routes.get("")(section.listing or listing)
    routes.get("/{path:name}")(section.one or one)


def _add_creating(routes: Router, section: Section) -> None:
    def create(request: HttpRequest, entry: Any) -> Any:
        user = section.require(request, "add")
        name = getattr(entry, section.name)
        if section.rows().filter(**section.find(name)).exists():
            raise ApiError(409, f"{name} exists already", param=section.name)
        return Status(201, section.written(user, entry))

    create.__annotations__["entry"] = section.entry
    routes.post("", response={201: dict[str, Any]})(create)


def _add_changing(routes: Router, section: Section) -> None:
    @routes.patch("/{path:name}")
    def change(request: HttpRequest, name: str, fields: Body[dict[str, Any]]) -> dict[str, Any]:
        """What is given replaces what is there; a secret that is left out is kept."""
        user = section.require(request, "change")
        shown = section.show(section.row(name))
        present = {k: v for k, v in shown.items() if k in section.entry.model_fields}
        try:
            entry = section.entry.model_validate(present | fields | {section.name: name})
        except ShapeError as error:
            path, words = of_shape(error)[0]
            raise ApiError(400, f"{path}: {words}", param=path) from None
        return section.written(user, entry)


def _add_deleting(routes: Router, section: Section) -> None:
    @routes.delete("/{path:name}", response={204: None})
    def delete(request: HttpRequest, name: str) -> Any:
        user, row = section.require(request, "delete"), section.row(name)
        if row == user:
            raise ApiError(403, "nobody deletes themself")
        if getattr(row, "builtin", False):
            raise ApiError(409, f"{name} is built in")
        row.delete()
        return Status(204, None)
