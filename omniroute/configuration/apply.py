"""A whole document into the database: all of it, or nothing."""

import os
import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import yaml
from django.core.exceptions import ValidationError
from django.db import transaction
from pydantic import ValidationError as ShapeError

from omniroute.configuration import schema, write
from omniroute.configuration.errors import ConfigurationError, of_row, of_shape
from omniroute.configuration.write import Change

Entry = TypeVar("Entry", bound=schema.Entry)

# `${NAME}` is the environment's; `$${` is a plain `${`.
_VARIABLE = re.compile(r"\$(\$\{)|\$\{([A-Za-z_][A-Za-z0-9_]*)\}")

# Section, what names an entry in it, and how it is written. An order in which each stands on those
# before it.
_SECTIONS: tuple[tuple[str, str, Callable[[Any], Change]], ...] = (
    ("providers", "id", write.provider),
    ("models", "id", write.model),
    ("connections", "name", write.connection),
    ("combos", "name", write.combo),
    ("aliases", "alias", write.alias),
    ("users", "username", write.user),
    ("api_keys", "name", write.api_key),
)


def read(text: str, environment: Mapping[str, str] | None = os.environ) -> schema.Document:
    """Parse YAML or JSON, put in the environment's variables, and check the shape.

    Args:
        environment: Null where who wrote the text is not to know this process's variables.

    Raises:
        ConfigurationError: Any of it cannot be done.
    """
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigurationError([("", f"not YAML: {error}")]) from None
    problems: list[tuple[str, str]] = []
    content = _interpolate({} if content is None else content, environment, "", problems)
    if problems:
        raise ConfigurationError(problems)
    if not isinstance(content, dict):
        raise ConfigurationError([("", "an object with sections is expected")])
    try:
        document = schema.Document.model_validate(content)
    except ShapeError as error:
        raise ConfigurationError(of_shape(error)) from None
    if problems := _duplicates(document):
        raise ConfigurationError(problems)
    return document


def _interpolate(
    value: Any, environment: Mapping[str, str] | None, at: str, problems: list[tuple[str, str]]
) -> Any:
    if isinstance(value, dict):
        return {
            key: _interpolate(item, environment, f"{at}.{key}" if at else str(key), problems)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [
            _interpolate(item, environment, f"{at}[{position}]", problems)
            for position, item in enumerate(value)
        ]
    if not isinstance(value, str):
        return value

    def replace(found: re.Match[str]) -> str:
        if found[1]:
            return found[1]
        if environment is None:
            problems.append((at, "variables are put in by the command `config apply` alone"))
            return ""
        if found[2] not in environment:
            problems.append((at, f"the environment variable {found[2]} is not set"))
        return environment.get(found[2], "")

    return _VARIABLE.sub(replace, value)


def _duplicates(document: schema.Document) -> list[tuple[str, str]]:
    problems = []
    for section, name, _ in _SECTIONS:
        names = [getattr(entry, name) for entry in getattr(document, section)]
        times = Counter(names)
        problems += [
            (f"{section}[{position}].{name}", f"{each!r} stands here twice")
            for position, each in enumerate(names)
            if times[each] > 1 and each in names[:position]
        ]
    return problems


def apply(document: schema.Document, *, keep: bool = True) -> list[Change]:
    """Write a document.

    Args:
        keep: False rolls everything back at the end: a check.

    Raises:
        ConfigurationError: Something in it cannot be; nothing was changed.
    """
    changes: list[Change] = []
    problems: list[tuple[str, str]] = []
    with transaction.atomic():
        for section, _, write_entry in _SECTIONS:
            entries = getattr(document, section)
            for position, entry in enumerate(entries):
                _collect(write_entry, entry, f"{section}[{position}]", changes, problems)
            if section == "combos":
                _write_targets(entries, changes, problems)
        if document.error_rules is not None:
            _collect(write.error_rules, document.error_rules, "error_rules", changes, problems)
        if document.settings is not None:
            _collect(write.settings, document.settings, "settings", changes, problems)
        if problems or not keep:
            transaction.set_rollback(True)
    if problems:
        raise ConfigurationError(problems)
    return changes


def _collect(
    write_entry: Callable[[Any], Change],
    entry: schema.Entry | list[schema.ErrorRuleEntry],
    at: str,
    changes: list[Change],
    problems: list[tuple[str, str]],
) -> None:
    try:
        with transaction.atomic():
            changes.append(write_entry(entry))
    except ValidationError as error:
        problems += of_row(error, at)


def _write_targets(
    entries: list[schema.ComboEntry], changes: list[Change], problems: list[tuple[str, str]]
) -> None:
    places = {change.name: place for place, change in enumerate(changes) if change.kind == "combo"}
    for position, entry in enumerate(entries):
        if entry.name not in places:
            continue  # the combo itself was refused
        try:
            with transaction.atomic():
                changed = write.targets(entry)
        except ValidationError as error:
            problems += of_row(error, f"combos[{position}]")
            continue
        if changed:
            was = changes[places[entry.name]]
            changes[places[entry.name]] = Change(
                was.kind, was.name, was.created, (*was.fields, "targets")
            )
