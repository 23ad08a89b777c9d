"""A whole document into the database: all of it, or nothing."""

import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import yaml
from django.core.exceptions import ValidationError
from django.db import transaction
from pydantic import ValidationError as ShapeError

from omniroute.configuration import schema, write
from omniroute.configuration.errors import ConfigurationError, of_row, of_shape
from omniroute.configuration.write import Change

# `${NAME}` is the environment's; `$${` is a plain `${`.
_VARIABLE = re.compile(r"\$(\$\{)|\$\{([A-Za-z_][A-Za-z0-9_]*)\}")

MAX_VALUES = 1_000_000  # of a document

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
    ("alert_channels", "name", write.alert_channel),
)


def read(text: str, environment: Mapping[str, str] | None = os.environ) -> schema.Document:
    """Parse YAML or JSON, put in the environment's variables, and check the shape.

    Args:
        environment: Null where who wrote the text is not to know this process's variables.

    Raises:
        ConfigurationError: Any of it cannot be done.
    """
    filled = _Filled(environment)
    try:
        content = filled.of(yaml.safe_load(text), "")
    except yaml.YAMLError as error:
        raise ConfigurationError([("", f"not YAML: {error}")]) from None
    except RecursionError:
        raise ConfigurationError([("", "nested too deeply")]) from None
    except ValueError as error:  # of a date that is none, and of a number without end
        raise ConfigurationError([("", f"not YAML: {error}")]) from None
    if filled.problems:
        raise ConfigurationError(filled.problems)
    content = {} if content is None else content
    if not isinstance(content, dict):
        raise ConfigurationError([("", "an object with sections is expected")])
    try:
        document = schema.Document.model_validate(content)
    except ShapeError as error:
        raise ConfigurationError(of_shape(error)) from None
    if problems := _duplicates(document):
        raise ConfigurationError(problems)
    return document


class _Filled:
    """A document with the environment's variables in it."""

    def __init__(self, environment: Mapping[str, str] | None) -> None:
        self.problems: list[tuple[str, str]] = []
        self._environment = environment
        self._values = 0

    def of(self, value: Any, at: str) -> Any:
        # An alias costs its reader nothing, and a few lines of them stand for more than there is
        # memory: they are counted as what they stand for.
        self._values += 1
        if self._values > MAX_VALUES:
            words = f"more than {MAX_VALUES:,} values, with what its aliases stand for"
            raise ConfigurationError([("", words)])
        if isinstance(value, dict):
            return {
                key: self.of(item, f"{at}.{key}" if at else str(key)) for key, item in value.items()
            }
        if isinstance(value, list):
            return [self.of(item, f"{at}[{position}]") for position, item in enumerate(value)]
        if not isinstance(value, str):
            return value
        return _VARIABLE.sub(lambda found: self._variable(found, at), value)

    def _variable(self, found: re.Match[str], at: str) -> str:
        if found[1]:
            return found[1]
        if self._environment is None:
            words = "variables are put in by the command `config apply` alone"
            self.problems.append((at, words))
            return ""
        if found[2] not in self._environment:
            self.problems.append((at, f"the environment variable {found[2]} is not set"))
        return self._environment.get(found[2], "")


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


def apply(
    document: schema.Document,
    *,
    keep: bool = True,
    refusal: Callable[[Change], str] = lambda _: "",
    tell: Callable[[int, int], None] = lambda done, total: None,
) -> list[Change]:
    """Write a document.

    Args:
        keep: False rolls everything back at the end: a check.
        refusal: Why a change may not be made, in words; empty where it may.
        tell: Called after each entry with how many are written, and of how many.

    Raises:
        ConfigurationError: Something in it cannot be; nothing was changed.
    """
    writing = _Writing(_size(document), tell)
    with transaction.atomic():
        for section, _, write_entry in _SECTIONS:
            entries = getattr(document, section)
            for position, entry in enumerate(entries):
                writing.write(f"{section}[{position}]", write_entry, entry)
            if section == "combos":
                for position, entry in enumerate(entries):
                    writing.write_targets(f"combos[{position}]", entry)
        if document.error_rules is not None:
            writing.write("error_rules", write.error_rules, document.error_rules)
        if document.settings is not None:
            writing.write("settings", write.settings, document.settings)
        changes, problems = writing.changes, writing.problems
        problems += [(at, words) for at, each in changes.items() if (words := refusal(each))]
        if problems or not keep:
            transaction.set_rollback(True)
    if problems:
        raise ConfigurationError(problems)
    return list(changes.values())


def _size(document: schema.Document) -> int:
    """How much is written one after the other."""
    alone = (document.error_rules, document.settings)
    entries = sum(len(getattr(document, section)) for section, _, _ in _SECTIONS)
    return entries + sum(each is not None for each in alone)


class _Writing:
    """A document on its way in: what has changed, by its place, and what is wrong."""

    def __init__(self, size: int, tell: Callable[[int, int], None]) -> None:
        self.changes: dict[str, Change] = {}
        self.problems: list[tuple[str, str]] = []
        self._size, self._tell = size, tell
        self._written = 0

    def write(self, at: str, write_entry: Callable[[Any], Change], entry: Any) -> None:
        with self._told(at):
            self.changes[at] = write_entry(entry)
        self._written += 1
        self._tell(self._written, self._size)

    def write_targets(self, at: str, entry: schema.ComboEntry) -> None:
        if at not in self.changes:
            return  # the combo itself was refused
        with self._told(at):
            if write.targets(entry):
                self.changes[at] = self.changes[at].with_field("targets")

    @contextmanager
    def _told(self, at: str) -> Iterator[None]:
        try:
            with transaction.atomic():
                yield
        except ValidationError as error:
            self.problems += of_row(error, at)
