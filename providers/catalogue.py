"""The built-in providers: one file each under `catalog/`, loaded into the database.

Loading is repeatable, reads the files only when they have changed, and writes only what differs. A
provider's facts are the catalogue's; a model that an operator has changed stays as they left it.
"""

import logging
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.db import models, transaction
from msgspec import structs, to_builtins

from providers import pricing, rows
from providers.credentials import CredentialUnreadable
from providers.models import Connection, LoadedCatalogue, Provider, ProviderModel
from providers.rows import FOLDER, CatalogueError, ModelRow, ProviderRow, read

__all__ = [
    "FOLDER",
    "CatalogueError",
    "ModelRow",
    "ProviderRow",
    "connect_environment",
    "load",
    "read",
]

log = logging.getLogger(__name__)

# Raised when what is made of a file changes, so that unchanged files are read once more.
VERSION = 2
BATCH = 200


@transaction.atomic
def load(folder: Path | None = None) -> None:
    """Bring the database up to the files: the shipped ones. Raises `CatalogueError`."""
    folder = folder or rows.FOLDER
    state = LoadedCatalogue.objects.filter(pk=1).first() or LoadedCatalogue(pk=1)
    digest = f"{VERSION}:{rows.digest(folder)}"[:64]
    if state.digest == digest:
        return
    found = read(folder)
    taken = _taken(found)
    wanted = [row for row in found if row.id not in taken]
    is_changed = _load_providers(wanted)
    owners = {row.slug: row for row in Provider.objects.filter(builtin=True)}
    is_changed |= _load_models([(owners[row.id], row) for row in wanted])
    # What is left out may have its place at the next start.
    digest = "" if taken else digest
    if is_changed or state.digest != digest:
        state.digest = digest
        state.save()


def _taken(found: Iterable[ProviderRow]) -> set[str]:
    """The ids of those whose id or alias a provider of the operator's own has."""
    own = Provider.objects.filter(builtin=False)
    names = {name: row for row in own for name in (row.slug, row.alias)}
    taken = set()
    for row in found:
        other = names.get(row.id) or names.get(row.alias)
        if other:
            log.warning(
                "the built-in provider %s is left out: your provider %s (%s) has its id or alias",
                row.id,
                other.slug,
                other.alias,
            )
            taken.add(row.id)
    return taken


def _load_providers(wanted: list[ProviderRow]) -> bool:
    """Whether anything changed."""
    present = {row.slug: row for row in Provider.objects.filter(builtin=True)}
    changed, connected = [], []
    for row in wanted:
        fields = _provider_fields(row)
        provider = present.get(row.id)
        if provider is None:
            changed.append(
                Provider(slug=row.id, builtin=True, allow_private_network=row.local, **fields)
            )
            connected += [row.id] if row.connected else []
        elif _differs(provider, fields):
            changed.append(provider)
    _write(Provider, changed, ["slug"])
    for provider in Provider.objects.filter(slug__in=connected):
        _connect_without_key(provider)
    return bool(changed)


def _provider_fields(row: ProviderRow) -> dict[str, Any]:
    return {
        "alias": row.alias,
        "name": row.name,
        "format": row.format.value if row.format else "",
        "base_url": row.base_url,
        "other_formats": {format.value: url for format, url in row.other_formats.items()},
        "other_bases": row.other_bases,
        "tier": row.tier.value,
        "passthrough": row.passthrough,
        "status": row.status.value,
        "status_note": row.status_note,
        "retired_on": row.retired_on,
        "category": row.category,
        "auth_types": list(row.auth),
        "key_headers": {f.value: [h.name, h.template] for f, h in row.key_headers.items()},
        "headers": row.headers,
        "params": to_builtins(row.params),
        "quirks": row.quirks,
        "discovery_default": row.discovery,
        "rate_limit_headers": row.rate_limit_headers,
        "probes": to_builtins(row.probes),
        "endpoints": to_builtins(row.endpoints),
        "terms": to_builtins(row.terms) if row.terms else {},
        "oauth": row.oauth,
        "env_var": row.env_var,
        "docs_url": row.docs_url,
        "checked_on": row.checked,
    }


# --- Models ----------------------------------------------------------------------------------

_NOT_DISCOVERED = {"discovered_on": None, "vanished_on": None}
PRICES = (*pricing.COLUMNS.values(), "price_tiers", "price_changes", "media_prices")


def _load_models(wanted: list[tuple[Provider, ProviderRow]]) -> bool:
    """Whether anything changed."""
    present = {
        (row.provider_id, row.name): row
        for row in ProviderModel.objects.filter(provider__in=[owner.pk for owner, _ in wanted])
    }
    changed = []
    for owner, row in wanted:
        for told in row.models:
            fields = model_fields(told) | _NOT_DISCOVERED
            model = present.pop((owner.pk, told.name), None)
            if model is None:
                changed.append(ProviderModel(provider=owner, name=told.name, **fields))
            elif not model.customised and _differs(model, _without_newer(model, row, fields)):
                changed.append(model)
    for model in present.values():  # gone from the catalogue; the log may still name it
        own = model.customised or model.discovered_on is not None
        if not own and _differs(model, {"active": False}):
            changed.append(model)
    _write(ProviderModel, changed, ["provider", "name"])
    return bool(changed)


def _without_newer(
    model: ProviderModel, row: ProviderRow, fields: dict[str, Any]
) -> dict[str, Any]:
    """Without prices, where the operator has applied a list that is not older than the file."""
    if model.priced_on is None or (row.checked and row.checked > model.priced_on):
        return fields | {"priced_on": None}
    return {name: value for name, value in fields.items() if name not in PRICES}


def model_fields(row: ModelRow) -> dict[str, Any]:
    goes_in, comes_out = row.modalities.split(" -> ")
    return {
        "kind": row.kind,
        "modalities": {"in": goes_in.split("+"), "out": comes_out.split("+")},
        "context_window": row.context_window,
        "max_output_tokens": row.max_output_tokens,
        "dimensions": row.dimensions,
        "capabilities": row.capabilities,
        "quirks": row.quirks,
        "format": row.format.value if row.format else "",
        "retired_on": row.retired,
        "active": row.retired is None,
        **{column: getattr(row, name) for name, column in pricing.COLUMNS.items()},
        "price_tiers": [as_json(tier) for tier in row.tiers],
        "price_changes": [as_json(change) for change in row.changes],
        "media_prices": {name: _number(price) for name, price in pricing.media(row.media).items()},
    }


def as_json(prices: pricing.Prices) -> dict[str, Any]:
    """As JSON that a person may read and change: prices are numbers."""
    told = structs.asdict(prices)
    day, tiers = told.pop("since", None), told.pop("tiers", [])
    plain = {name: _number(value) for name, value in told.items() if value is not None}
    first = {"from": day.isoformat()} if day else {}
    return first | plain | ({"tiers": [as_json(tier) for tier in tiers]} if tiers else {})


def _number(price: Decimal | int) -> float | int:
    return int(price) if price == int(price) else float(price)


# --- Both ------------------------------------------------------------------------------------


def _differs(row: models.Model, fields: Mapping[str, Any]) -> bool:
    """Set the fields, and say whether that changes anything."""
    differing = {name: value for name, value in fields.items() if getattr(row, name) != value}
    for name, value in differing.items():
        setattr(row, name, value)
    return bool(differing)


def _write(model: type[models.Model], changed: list[Any], unique: list[str]) -> None:
    """Insert what is new and update the rest, hundreds of rows a statement."""
    names = [field.name for field in model._meta.concrete_fields if not field.primary_key]
    for row in changed:
        row.pk = None  # the unique fields say which it is
    model._default_manager.bulk_create(
        changed,
        batch_size=BATCH,
        update_conflicts=True,
        unique_fields=unique,
        update_fields=[name for name in names if name not in unique],
    )


def _connect_without_key(provider: Provider) -> None:
    """What needs no key can be called from the start; whoever deletes that is not asked again."""
    if not Connection.objects.filter(name=provider.slug).exists():
        Connection.objects.create(
            name=provider.slug, provider=provider, auth_type=Connection.Auth.NONE
        )


@transaction.atomic
def connect_environment(environment: Mapping[str, str]) -> None:
    """Make a connection of each provider whose conventional variable is set.

    It refers to the variable and holds no copy. Without the variable it is switched off until
    the variable is back; what an operator switched off stays so.
    """
    for provider in Provider.objects.filter(builtin=True).exclude(env_var=""):
        if provider.refusal:
            continue
        name, reference = f"{provider.slug}-env", f"env:{provider.env_var}"
        is_set = bool(environment.get(provider.env_var, "").strip())
        row = Connection.objects.filter(name=name).first()
        if row is None:
            if is_set:
                row = Connection(name=name, provider=provider, priority=100)
                row.set_api_key(reference)
                row.save()
        elif row.provider_id == provider.pk and _refers(row, reference):
            _follow(row, is_set)
        elif is_set:
            log.warning("%s makes no connection: %s is one of yours", provider.env_var, name)


def _refers(row: Connection, reference: str) -> bool:
    try:
        return row.read_auth().get("api_key") == reference
    except CredentialUnreadable:
        return False


def _follow(row: Connection, is_set: bool) -> None:
    if is_set and row.awaits_variable:
        row.active = True
        row.save()
    elif row.active and not is_set:
        row.active, row.awaits_variable = False, True
        row.save()
