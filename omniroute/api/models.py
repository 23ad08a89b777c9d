"""`GET /api/models`: all models that are defined, whether or not they can be called, and why not.

Whatever is asked for costs the same few queries.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone
from msgspec import Struct
from pydantic import Field

from combos.aliases import Aliases
from combos.models import Alias
from gateway import runtime
from gateway.state.blocks import Block
from omniroute.api.auth import require
from omniroute.configuration import export
from providers import pricing
from providers.models import Connection, ProviderModel

State = Literal[
    "ready", "cooling", "needs_login", "no_connection", "vanished", "off", "retired", "unsupported"
]
CALLABLE = ("ready", "cooling")  # an account that cools down is back by itself


def listing(
    request: HttpRequest,
    provider: str = "",
    kind: str = "",
    search: str = "",
    origin: Literal["catalogue", "operator", "discovery", ""] = "",
    callable: bool | None = None,
    priced: bool | None = None,
    limit: Annotated[int | None, Field(ge=1, le=5000)] = None,
    after: str = "",
) -> dict[str, Any]:
    """By name, all at once or `limit` of them; `next` is what to give as `after` for the following
    page. `provider` is an id or an alias, `search` a part of the name."""
    require(request, "providers.view_providermodel")
    rows = rows_of(provider, kind, search, origin, priced)
    if after:
        alias, _, name = after.partition("/")
        rows = rows.filter(Q(provider__alias__gt=alias) | Q(provider__alias=alias, name__gt=name))
    if limit is not None and callable is None:
        rows = rows[: limit + 1]  # one more says that there is more
    items = [row for row in _shown(list(rows)) if callable in (None, row["callable"])]
    more = limit is not None and len(items) > limit
    items = items[:limit]
    return {"items": items, "next": items[-1]["id"] if more else None}


def one(request: HttpRequest, name: str) -> dict[str, Any]:
    require(request, "providers.view_providermodel")
    alias, _, model = name.partition("/")
    return shown(get_object_or_404(all_rows(), provider__alias=alias, name=model))


def all_rows() -> QuerySet[ProviderModel]:
    return ProviderModel.objects.select_related("provider").order_by("provider__alias", "name")


def rows_of(
    provider: str, kind: str, search: str, origin: str, priced: bool | None
) -> QuerySet[ProviderModel]:
    rows = all_rows()
    if provider:
        rows = rows.filter(Q(provider__slug=provider) | Q(provider__alias=provider))
    if kind:
        rows = rows.filter(kind=kind)
    if search:
        rows = rows.filter(name__icontains=search)
    discovered, shipped = ~Q(discovered_on=None), Q(provider__builtin=True, customised=False)
    match origin:
        case "discovery":
            rows = rows.filter(discovered)
        case "catalogue":
            rows = rows.filter(shipped).exclude(discovered)
        case "operator":
            rows = rows.exclude(shipped | discovered)
    if priced is not None:
        unpriced = Q(input_price=None, price_changes=[], media_prices={})
        rows = rows.exclude(unpriced) if priced else rows.filter(unpriced)
    return rows


def shown(row: ProviderModel) -> dict[str, Any]:
    return next(_shown([row]))


def _shown(rows: list[ProviderModel]) -> Iterator[dict[str, Any]]:
    aliases = Aliases(dict(Alias.objects.values_list("alias", "model")))
    accounts = _Accounts({row.provider_id for row in rows})
    now = timezone.now()
    for row in rows:
        entry = export.model(row)
        state, why = accounts.state(row)
        yield entry | {
            "provider": row.provider.slug,
            "kind": row.kind,
            "active": row.active,
            "modalities": row.modalities,
            "origin": row.origin,
            "aliases": aliases.of(entry["id"]),
            "price": _price(row, now),
            "callable": state in CALLABLE,
            "state": state,
            "why": why,
            "discovered_on": row.discovered_on,
            "vanished_on": row.vanished_on,
        }


def _price(row: ProviderModel, now: datetime) -> dict[str, Any] | None:
    """What it costs today, in USD per million tokens and, under `media`, apiece; null: unpriced."""
    since = None
    told: dict[str, Any] = {name: getattr(row, column) for name, column in pricing.COLUMNS.items()}
    for change in pricing.changes(row.price_changes):
        if change.since <= now.astimezone(UTC).date():
            since = change.since
            told = {name: getattr(change, name) for name in pricing.COLUMNS}
    price = {name: float(each) for name, each in told.items() if each is not None}
    media = {"media": row.media_prices} if row.media_prices else {}
    return {**price, **media, "since": since} if price or media else None


# --- Whether it can be called ----------------------------------------------------------------


class _Account(Struct):
    name: str
    only: list[str]
    needs_login: bool


class _Accounts:
    """Active connections of some providers, and what keeps calls away from them."""

    def __init__(self, providers: set[int]) -> None:
        process = runtime.current()
        blocks = process.on_loop(process.blocks()) if process else []
        problems = process.snapshot.problems if process else ()
        self._blocks = {(e.block.connection, e.block.model): e.block for e in blocks}
        broken = {each.name for each in problems if each.kind == "connection"}
        self._accounts: dict[int, list[_Account]] = {}
        found = Connection.objects.active().filter(provider__in=providers)
        for owner, *told in found.values_list(
            "provider", "name", "model_names", "token__needs_login"
        ):
            if told[0] not in broken:
                account = _Account(told[0], told[1], bool(told[2]))
                self._accounts.setdefault(owner, []).append(account)

    def state(self, row: ProviderModel) -> tuple[State, str]:
        """And why it is not ready, in words."""
        provider = row.provider
        if provider.refusal:
            return "unsupported" if provider.status != "retired" else "retired", provider.refusal
        if row.retired_on and not row.active:
            return "retired", f"retired since {row.retired_on}"
        if not row.active:
            return "off", "switched off"
        if row.kind not in provider.kinds:
            return "unsupported", f"{provider.name} has no address for its kind, {row.kind}"
        accounts = [
            each
            for each in self._accounts.get(provider.pk, ())
            if not each.only or row.name in each.only
        ]
        if not accounts:
            return "no_connection", f"no active connection to {provider.name} serves it"
        if row.vanished_on and not any(row.name in each.only for each in accounts):
            return "vanished", f"{provider.name} does not list it since {row.vanished_on}"
        if all(each.needs_login for each in accounts):
            return "needs_login", f"{accounts[0].name} has to be signed in again"
        return self._readiness(row, [each for each in accounts if not each.needs_login])

    def _readiness(self, row: ProviderModel, accounts: list[_Account]) -> tuple[State, str]:
        blocks = [self._block(each, str(row)) for each in accounts]
        standing = [block for block in blocks if block is not None]
        if len(standing) < len(accounts):
            return "ready", ""
        first = min(standing, key=lambda block: block.until)
        until = datetime.fromtimestamp(first.until, UTC)
        return "cooling", f"{first.connection}: {first.cause}, until {until:%H:%M:%S} UTC"

    def _block(self, account: _Account, model: str) -> Block | None:
        return self._blocks.get((account.name, "")) or self._blocks.get((account.name, model))
