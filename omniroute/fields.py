"""Model fields for small structured values; a leaf that any room may import.

A bad value is a `ValidationError` that names the entry, whether it came through Admin, the
management API or a configuration file.
"""

import ipaddress
import json
from collections.abc import Iterable
from typing import Any

import regex
from django import forms
from django.core.exceptions import ValidationError
from django.db import models

# Of a limit, a budget, a time. Nobody means more, and what is counted in 10⁻¹² USD stays a number.
MOST = 10**15
# Of a time that something is waited for or kept from being asked: a year.
MOST_S = 365 * 86_400


def is_storable(value: Any) -> bool:
    """Can what is said in it be kept and shown? NUL is no text for PostgreSQL, and half of a
    surrogate pair, which JSON and YAML can spell, is none for anybody."""
    if isinstance(value, str):
        return "\0" not in value and not any("\ud800" <= char <= "\udfff" for char in value)
    if isinstance(value, dict):
        return all(is_storable(key) and is_storable(each) for key, each in value.items())
    return not isinstance(value, list) or all(map(is_storable, value))


class _Decoder(json.JSONDecoder):
    def decode(self, text: str, *args: Any) -> Any:
        value = super().decode(text, *args)
        if not is_storable(value):
            raise json.JSONDecodeError("no text", text, 0)
        return value


class _Emptied(forms.JSONField):
    """A field of a form that may be left empty, which means nothing and not null.

    What is of another shape is refused here, before anything reads it from the row.
    """

    def __init__(self, *args: Any, of: "StructuredField", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs | {"decoder": _Decoder})
        self._of = of

    def clean(self, value: Any) -> Any:
        cleaned = super().clean(value)
        if cleaned is None:
            return self._of.kind()
        self._of.validate(cleaned, None)
        return cleaned


class StructuredField(models.JSONField):
    """JSON of one kind, `list` or `dict`, of which an empty one is nothing."""

    kind: type[Any] = dict

    def formfield(self, **kwargs: Any) -> Any:
        return super().formfield(**{"form_class": _Emptied, "of": self, **kwargs})


class NumbersField(StructuredField):
    """An object of named numbers, each > 0: `{"rpm": 60}`. Absent names mean "no limit".

    The allowed names are validation, not schema: they stand in no migration.
    """

    def __init__(self, *args: Any, names: Iterable[str] = (), **kwargs: Any) -> None:
        self.names = tuple(names)
        options: dict[str, Any] = {"default": dict, "blank": True} | kwargs
        super().__init__(*args, **options)

    def validate(self, value: Any, model_instance: models.Model | None) -> None:
        super().validate(value, model_instance)
        if not isinstance(value, dict):
            raise ValidationError("an object of named numbers is expected")
        for name, number in value.items():
            if name not in self.names:
                raise ValidationError(f"{name}: unknown; known are {', '.join(self.names)}")
            if isinstance(number, bool) or not isinstance(number, int | float) or not number > 0:
                raise ValidationError(f"{name}: a number above 0 is expected")
            if number > MOST:
                raise ValidationError(f"{name}: a number up to {MOST:.0e} is expected")


class StringsField(StructuredField):
    """A list of strings: `["m1", "m2"]`."""

    kind = list

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        options: dict[str, Any] = {"default": list, "blank": True} | kwargs
        super().__init__(*args, **options)

    def validate(self, value: Any, model_instance: models.Model | None) -> None:
        super().validate(value, model_instance)
        if not isinstance(value, list) or not all(isinstance(v, str) and v for v in value):
            raise ValidationError("a list of strings is expected")


class PatternsField(StringsField):
    """A list of regular expressions: `["sk-[a-z0-9]+"]`."""

    def validate(self, value: Any, model_instance: models.Model | None) -> None:
        super().validate(value, model_instance)
        for pattern in value:
            try:
                regex.compile(pattern)
            except regex.error as error:
                raise ValidationError(f"{pattern!r} is no regular expression: {error}") from None


class NetworksField(StringsField):
    """A list of IP addresses and networks: `["127.0.0.0/8"]`."""

    def validate(self, value: Any, model_instance: models.Model | None) -> None:
        super().validate(value, model_instance)
        for network in value:
            try:
                ipaddress.ip_network(network, strict=False)
            except ValueError:
                raise ValidationError(f"{network!r} is not an IP address or network") from None


class StringMapField(StructuredField):
    """An object of strings: `{"x-team": "search"}`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        options: dict[str, Any] = {"default": dict, "blank": True} | kwargs
        super().__init__(*args, **options)

    def validate(self, value: Any, model_instance: models.Model | None) -> None:
        super().validate(value, model_instance)
        if not isinstance(value, dict) or not all(isinstance(v, str) for v in value.values()):
            raise ValidationError("an object whose values are strings is expected")


class FlagsField(StructuredField):
    """An object of named yes and no: `{"images": false}`. An absent name is unknown."""

    def __init__(self, *args: Any, names: Iterable[str] = (), **kwargs: Any) -> None:
        self.names = tuple(names)
        options: dict[str, Any] = {"default": dict, "blank": True} | kwargs
        super().__init__(*args, **options)

    def validate(self, value: Any, model_instance: models.Model | None) -> None:
        super().validate(value, model_instance)
        if not isinstance(value, dict):
            raise ValidationError("an object of named yes and no is expected")
        for name, flag in value.items():
            if name not in self.names:
                raise ValidationError(f"{name}: unknown; known are {', '.join(self.names)}")
            if not isinstance(flag, bool):
                raise ValidationError(f"{name}: true or false is expected")


class ChoicesField(StringsField):
    """A list of some of the `names`."""

    def __init__(self, *args: Any, names: Iterable[str] = (), **kwargs: Any) -> None:
        self.names = tuple(names)
        super().__init__(*args, **kwargs)

    def validate(self, value: Any, model_instance: models.Model | None) -> None:
        super().validate(value, model_instance)
        for name in value:
            if name not in self.names:
                raise ValidationError(f"{name!r}: unknown; known are {', '.join(self.names)}")
