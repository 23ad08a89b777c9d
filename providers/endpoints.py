"""Where a provider serves other kinds of model than chat."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

from omniroute.fields import StructuredField
from providers import served

# By kind, the formats that are spoken for it.
FORMATS: dict[str, tuple[str, ...]] = {
    kind: tuple(dict.fromkeys(dialects.values()))
    for kind, dialects in served.DIALECTS.items()
    if kind != "chat"
}
FIELDS = ("format", "path", "base_url")


class OtherKindsField(StructuredField):
    """By kind of model: `{"embedding": {"format": …, "path": …, "base_url": …}}`, each optional.

    A path may have `{model}` in it. Kinds and formats are validation, not schema.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        options: dict[str, Any] = {"default": dict, "blank": True} | kwargs
        super().__init__(*args, **options)

    def validate(self, value: Any, model_instance: models.Model | None) -> None:
        super().validate(value, model_instance)
        if not isinstance(value, dict):
            raise ValidationError("an object of named kinds of model is expected")
        for kind, endpoint in value.items():
            _check(kind, endpoint)


def _check(kind: str, endpoint: Any) -> None:
    if kind not in FORMATS:
        raise ValidationError(f"{kind}: unknown; known are {', '.join(FORMATS)}")
    if not isinstance(endpoint, dict) or not all(isinstance(v, str) for v in endpoint.values()):
        raise ValidationError(f"{kind}: an object whose values are strings is expected")
    for name in endpoint:
        if name not in FIELDS:
            raise ValidationError(f"{kind}.{name}: unknown; known are {', '.join(FIELDS)}")
    format = endpoint.get("format")
    if format is not None and format not in FORMATS[kind]:
        raise ValidationError(
            f"{kind}.format: {format!r} is no format for it; {', '.join(FORMATS[kind])} are"
        )
    path = endpoint.get("path", "")
    if path and not path.startswith("/"):
        raise ValidationError(f"{kind}.path: it begins with a slash")
