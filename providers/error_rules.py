"""The shipped rules on what providers' error messages mean: from their file into the database."""

import logging
from pathlib import Path
from typing import Annotated, Any, Literal

import regex
import yaml
from django.db import transaction
from msgspec import Meta, Struct, ValidationError, convert, structs

from providers.models import ErrorRule, Provider

# Operators' own stand at lower positions.
FIRST_POSITION = 1000
FILE = Path(__file__).with_name("error_rules.yaml")


log = logging.getLogger(__name__)


class ErrorRulesError(Exception):
    """The file is wrong; the message names the place in it."""


class ErrorRuleRow(Struct, frozen=True, forbid_unknown_fields=True):
    """See the head of the file."""

    action: Literal["retry", "next_connection", "next_target", "stop"]
    kind: Literal[
        "rate_limit", "credential", "quota", "model", "server", "context_overflow", "client"
    ]
    note: Annotated[str, Meta(min_length=1)]
    provider: str = ""
    status: Annotated[int, Meta(ge=100, le=599)] | None = None
    pattern: str = ""
    scope: Literal["connection", "model", ""] = ""
    cooldown_s: Annotated[float, Meta(ge=0)] | None = None

    def __post_init__(self) -> None:
        try:
            regex.compile(self.pattern)
        except regex.error as error:
            raise ValueError(f"pattern: {error}") from None


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    rules: list[ErrorRuleRow]


def read(file: Path = FILE) -> list[ErrorRuleRow]:
    """The rows in their order. Raises `ErrorRulesError`."""
    try:
        return convert(yaml.safe_load(file.read_text(encoding="utf-8")), _File).rules
    except (ValidationError, yaml.YAMLError) as error:
        raise ErrorRulesError(f"{file.name}: {' '.join(str(error).split())}") from None


@transaction.atomic
def load(file: Path = FILE) -> None:
    """Bring the shipped rules up to the file. Operators' own, what they switched off and the order
    that they chose stay.

    Rules of a provider that is not there wait for it. Raises `ErrorRulesError`.
    """
    shipped = {_key(row): row for row in ErrorRule.objects.filter(builtin=True)}
    known = {row.slug: row for row in Provider.objects.all()}
    missing = set()
    for position, told in enumerate(read(file)):
        fields = structs.asdict(told)
        slug = fields.pop("provider")
        if slug and slug not in known:
            missing.add(slug)
        else:
            row = ErrorRule(builtin=True, provider=known.get(slug), **fields)
            row.position = FIRST_POSITION + position
            _save(row, shipped.pop(_key(row), None))
    for gone in shipped.values():
        gone.delete()
    if missing:
        log.info(
            "error rules wait for providers that are not there: %s", ", ".join(sorted(missing))
        )


def _key(row: ErrorRule) -> tuple[Any, ...]:
    """What a rule is about; the rest is what it says of that."""
    return row.provider_id, row.status, row.pattern


def _save(row: ErrorRule, present: ErrorRule | None) -> None:
    if present is not None:
        row.pk, row.active = present.pk, present.active
        if present.position < FIRST_POSITION:  # an operator has put them in another order
            row.position = present.position
        names = [field.attname for field in ErrorRule._meta.concrete_fields]
        if all(getattr(row, name) == getattr(present, name) for name in names):
            return
        row._state.adding = False
    row.full_clean()
    row.save()
