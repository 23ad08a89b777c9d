"""The built-in providers: one file each under `catalog/`, loaded into the database.

Loading is repeatable and saves only what differs. A provider's facts are the catalogue's; a model
that an operator has changed stays as they left it.
"""

import datetime
import logging
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from django.db import models, transaction
from msgspec import Meta, Struct, ValidationError, convert

from providers.credentials import CredentialUnreadable
from providers.models import Connection, Provider, ProviderModel

log = logging.getLogger(__name__)

FOLDER = Path(__file__).parent / "catalog"

Word = Annotated[str, Meta(min_length=1)]
Tokens = Annotated[int, Meta(gt=0)]


class CatalogueError(Exception):
    """A file of the catalogue is wrong; the message names the file and the place in it."""


class ModelRow(Struct, frozen=True, forbid_unknown_fields=True):
    """Prices in USD per million tokens; null is unknown."""

    name: Word
    kind: Literal["chat"] = "chat"
    context_window: Tokens | None = None
    max_output_tokens: Tokens | None = None
    input: Decimal | None = None
    output: Decimal | None = None
    cache_read: Decimal | None = None
    cache_write: Decimal | None = None
    quirks: dict[str, Any] = {}
    format: Provider.Format | None = None

    def __post_init__(self) -> None:
        for field in ("input", "output", "cache_read", "cache_write"):
            price: Decimal | None = getattr(self, field)
            if price is not None and not price >= 0:
                raise ValueError(f"{field}: a price is 0 or more")


class ProviderRow(Struct, frozen=True, forbid_unknown_fields=True):
    """`auth` is what its connections need; which header carries it follows from the format."""

    id: Word
    alias: Word
    name: Word
    format: Provider.Format
    base_url: Word
    tier: Provider.Tier
    passthrough: bool
    models: list[ModelRow]
    auth: Connection.Auth = Connection.Auth.API_KEY
    env_var: str = ""
    docs_url: str = ""
    quirks: dict[str, Any] = {}
    other_formats: dict[Provider.Format, Word] = {}
    sources: list[Word] = []
    checked: datetime.date | None = None

    def __post_init__(self) -> None:
        names = [model.name for model in self.models]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"models: {', '.join(twice)} stands there twice")


def read(folder: Path = FOLDER) -> list[ProviderRow]:
    """The rows of all files. Raises `CatalogueError`."""
    rows: list[ProviderRow] = []
    for path in sorted(folder.glob("*.yaml")):
        row = _read_file(path)
        if any({row.id, row.alias} & {other.id, other.alias} for other in rows):
            raise CatalogueError(f"{path.name}: its id or alias is another file's too")
        rows.append(row)
    return rows


def _read_file(path: Path) -> ProviderRow:
    try:
        # Not strict: a date and a price are text or a number in YAML.
        return convert(yaml.safe_load(path.read_text()), ProviderRow, strict=False)
    except ValidationError as error:
        reason, _, place = str(error).partition(" - at `$")
        where = [path.name, place.strip(".`")] if place.strip(".`") else [path.name]
        raise CatalogueError(": ".join([*where, reason])) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CatalogueError(f"{path.name}: {' '.join(str(error).split())}") from None


@transaction.atomic
def load(folder: Path = FOLDER) -> None:
    """Bring the database up to the files. Raises `CatalogueError`."""
    for row in read(folder):
        taken = Provider.objects.filter(models.Q(slug=row.id) | models.Q(alias=row.alias))
        if other := taken.filter(builtin=False).first():
            log.warning(
                "the built-in provider %s is left out: your provider %s (%s) has its id or alias",
                row.id,
                other.slug,
                other.alias,
            )
            continue
        provider = taken.filter(slug=row.id).first() or Provider(slug=row.id, builtin=True)
        is_new = provider.pk is None
        _save_provider(provider, row)
        _load_models(provider, row.models)
        if is_new and row.auth == Connection.Auth.NONE:
            _connect_without_key(provider)


def _save_provider(provider: Provider, row: ProviderRow) -> None:
    _save(
        provider,
        alias=row.alias,
        name=row.name,
        format=row.format.value,
        base_url=row.base_url,
        tier=row.tier.value,
        passthrough=row.passthrough,
        quirks=row.quirks,
        other_formats={format.value: url for format, url in row.other_formats.items()},
        env_var=row.env_var,
        docs_url=row.docs_url,
    )


def _load_models(provider: Provider, rows: list[ModelRow]) -> None:
    present = {model.name: model for model in provider.offered_models.all()}
    for row in rows:
        model = present.pop(row.name, None) or ProviderModel(provider=provider, name=row.name)
        if not model.customised:
            _save(
                model,
                kind=row.kind,
                context_window=row.context_window,
                max_output_tokens=row.max_output_tokens,
                input_price=row.input,
                output_price=row.output,
                cache_read_price=row.cache_read,
                cache_write_price=row.cache_write,
                quirks=row.quirks,
                format=row.format.value if row.format else "",
                active=True,
            )
    for model in present.values():
        if not model.customised:
            _save(model, active=False)  # gone from the catalogue; the log may still name it


def _connect_without_key(provider: Provider) -> None:
    """What needs no key can be called from the start; whoever deletes that is not asked again."""
    if not Connection.objects.filter(name=provider.slug).exists():
        Connection.objects.create(
            name=provider.slug, provider=provider, auth_type=Connection.Auth.NONE
        )


def _save(row: models.Model, **fields: Any) -> None:
    """Save where something differs: each save makes every process read the configuration anew."""
    if row.pk and all(getattr(row, name) == value for name, value in fields.items()):
        return
    for name, value in fields.items():
        setattr(row, name, value)
    row.save()


@transaction.atomic
def connect_environment(environment: Mapping[str, str]) -> None:
    """Make a connection of each provider whose conventional variable is set.

    It refers to the variable and holds no copy. Without the variable it is switched off until
    the variable is back; what an operator switched off stays so.
    """
    for provider in Provider.objects.filter(builtin=True).exclude(env_var=""):
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
