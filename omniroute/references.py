"""Secrets that stand elsewhere: `env:NAME` and `file:PATH`, read when they are used.

A leaf that any room may import.
"""

import os
from pathlib import Path

REFERENCES = ("env:", "file:")


class Unresolved(Exception):
    """There is nothing where a secret should be; the message says where, and holds none."""


def resolve(secret: str) -> str:
    """The value of a secret that may stand elsewhere: `env:NAME`, `file:PATH`, or itself.

    Raises:
        Unresolved: The variable is unset, the file cannot be read, or either is empty.
    """
    kind, _, place = secret.partition(":")
    if kind == "env":
        value = os.environ.get(place, "").strip()
        if not value:
            raise Unresolved(f"the environment variable {place} is not set")
        return value
    if kind == "file":
        return _read(Path(place))
    return secret


def _read(path: Path) -> str:
    try:
        value = path.read_text().strip()
    except OSError as error:
        raise Unresolved(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Unresolved(f"{path}: not text") from None
    if not value:
        raise Unresolved(f"{path}: empty")
    return value
