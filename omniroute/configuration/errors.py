"""Errors with their place in the document."""

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from pydantic import ValidationError as ShapeError


class ConfigurationError(Exception):
    """Nothing was changed. `problems` are pairs of a path, such as `combos[0].name`, and words."""

    def __init__(self, problems: list[tuple[str, str]]) -> None:
        super().__init__(
            "\n".join(f"{path}: {words}" if path else words for path, words in problems)
        )
        self.problems = problems


def of_shape(error: ShapeError, at: str = "") -> list[tuple[str, str]]:
    """What pydantic found, in our words."""
    return [
        (_path(at, found["loc"]), _words(found["type"], found["msg"])) for found in error.errors()
    ]


def _path(at: str, place: tuple[int | str, ...]) -> str:
    path = at
    for step in place:
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else step
    return path


def _words(kind: str, message: str) -> str:
    if kind == "extra_forbidden":
        return "unknown key"
    if kind == "missing":
        return "a value is missing"
    return message.removeprefix("Value error, ")


# Where a field of a row has another name in the document.
NAMES = {
    "slug": "id",
    "nested": "combo",
    "model_names": "models",
    "scope": "scopes",
    "is_active": "active",
    "sha256": "key",
    "sealed": "url",
    "cooldown_s": "cooldown",
}


def of_row(error: ValidationError, at: str = "") -> list[tuple[str, str]]:
    """What Django's validation of a row found."""
    if not hasattr(error, "error_dict"):
        return [(at, words) for words in error.messages]
    problems = []
    for name, words in error.message_dict.items():
        field = "" if name == NON_FIELD_ERRORS else NAMES.get(name, name)
        joint = "." if at and field and not field.startswith("[") else ""
        path = f"{at}{joint}{field}"
        problems += [(path, each) for each in words]
    return problems
