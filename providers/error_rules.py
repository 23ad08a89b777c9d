"""The shipped rules on what providers' error messages mean: `error_rules.yaml`, read and checked."""

import re
from pathlib import Path
from typing import Annotated, Literal

import yaml
from msgspec import Meta, Struct, ValidationError, convert

FILE = Path(__file__).with_name("error_rules.yaml")


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
            re.compile(self.pattern)
        except re.error as error:
            raise ValueError(f"pattern: {error}") from None


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    rules: list[ErrorRuleRow]


def read(file: Path = FILE) -> list[ErrorRuleRow]:
    """The rows in their order. Raises `ErrorRulesError`."""
    try:
        return convert(yaml.safe_load(file.read_text(encoding="utf-8")), _File).rules
    except (ValidationError, yaml.YAMLError) as error:
        raise ErrorRulesError(f"{file.name}: {' '.join(str(error).split())}") from None
