"""The built-in providers: one file each under `catalog/`, loaded into the database.

Loading is repeatable and saves only what differs. A provider's facts are the catalogue's; a model
that an operator has changed stays as they left it.
"""

import datetime
import logging
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml
from django.db import models, transaction
from msgspec import Struct, ValidationError, convert

from providers.models import Connection, Provider, ProviderModel

log = logging.getLogger(__name__)

FOLDER = Path(__file__).parent / "catalog"


class CatalogueError(Exception):
    """A file of the catalogue is wrong; the message names the file and the place in it."""


class ModelRow(Struct, frozen=True, forbid_unknown_fields=True):
    """Prices in USD per million tokens; null is unknown."""

    name: str
    context_window: int | None = None
    max_output_tokens: int | None = None
    input: Decimal | None = None
    output: Decimal | None = None
    cache_read: Decimal | None = None
    cache_write: Decimal | None = None


class ProviderRow(Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    alias: str
    name: str
    format: str
    base_url: str
    tier: str
    passthrough: bool
    models: list[ModelRow]
    env_var: str = ""
    docs_url: str = ""
    quirks: dict[str, Any] = {}
    checked: datetime.date | None = None


def read(folder: Path = FOLDER) -> Iterator[ProviderRow]:
    """The rows of all files. Raises `CatalogueError`."""
    for path in sorted(folder.glob("*.yaml")):
        try:
            yield convert(yaml.safe_load(path.read_text()), ProviderRow, strict=False)
        except (yaml.YAMLError, ValidationError) as error:
            raise CatalogueError(f"{path.name}: {error}") from None


@transaction.atomic
def load(folder: Path = FOLDER) -> None:
    """Bring the database up to the files. Raises `CatalogueError`."""
    for row in read(folder):
        taken = Provider.objects.filter(models.Q(slug=row.id) | models.Q(alias=row.alias))
        if taken.filter(builtin=False).exists():
            log.warning("the built-in provider %s is left out: its name is in use", row.id)
            continue
        provider = taken.filter(slug=row.id).first() or Provider(slug=row.id, builtin=True)
        _save(
            provider,
            alias=row.alias,
            name=row.name,
            format=row.format,
            base_url=row.base_url,
            tier=row.tier,
            passthrough=row.passthrough,
            quirks=row.quirks,
            env_var=row.env_var,
            docs_url=row.docs_url,
        )
        _load_models(provider, row.models)


def _load_models(provider: Provider, rows: list[ModelRow]) -> None:
    present = {model.name: model for model in provider.offered_models.all()}
    for row in rows:
        model = present.pop(row.name, None) or ProviderModel(provider=provider, name=row.name)
        if not model.customised:
            _save(
                model,
                context_window=row.context_window,
                max_output_tokens=row.max_output_tokens,
                input_price=row.input,
                output_price=row.output,
                cache_read_price=row.cache_read,
                cache_write_price=row.cache_write,
                active=True,
            )
    for model in present.values():
        if not model.customised:
            _save(model, active=False)  # gone from the catalogue; the log may still name it


def _save(row: models.Model, **fields: Any) -> None:
    """Save where something differs: each save makes every process read the configuration anew."""
    if row.pk and all(getattr(row, name) == value for name, value in fields.items()):
        return
    for name, value in fields.items():
        setattr(row, name, value)
    row.save()


@transaction.atomic
def connect_environment(environment: dict[str, str]) -> None:
    """Make a connection of each provider whose conventional variable is set.

    It refers to the variable and holds no copy. Without the variable it is switched off, and what
    an operator switched off stays so.
    """
    demo = Provider.objects.filter(slug="demo").first()
    if demo is not None and not demo.connections.exists():
        Connection.objects.create(name="demo", provider=demo, auth_type=Connection.Auth.NONE)
    for provider in Provider.objects.filter(builtin=True).exclude(env_var=""):
        name = f"{provider.slug}-env"
        connection = Connection.objects.filter(name=name).first()
        is_set = bool(environment.get(provider.env_var, "").strip())
        if is_set and connection is None:
            connection = Connection(name=name, provider=provider, priority=100)
            connection.set_api_key(f"env:{provider.env_var}")
            connection.save()
        elif connection is not None and connection.active and not is_set:
            connection.active = False
            connection.save()
