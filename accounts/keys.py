"""API keys: made, hashed, shown once."""

import hashlib
import secrets
from typing import Any

from accounts.models import ApiKey

PREFIX = "sk-omni-"
SHOWN = 12  # characters of a key that stay readable, enough to tell two apart


def hash_key(key: str) -> str:
    """SHA-256 in hex. A key holds 128 random bits, so a slow hash would protect nothing more."""
    return hashlib.sha256(key.encode()).hexdigest()


def mint(key: str | None = None, **fields: Any) -> tuple[ApiKey, str]:
    """An unsaved row, and the key itself, which nothing can show again.

    Args:
        key: One that exists already, such as from a configuration file; else one is made.
        fields: Of the row; validated by its `full_clean`.
    """
    row = ApiKey(**fields)
    return row, assign(row, key)


def assign(row: ApiKey, key: str | None = None) -> str:
    """Give `row` another key; the former one stops working once the row is saved."""
    key = key or PREFIX + secrets.token_hex(16)
    row.prefix = key[:SHOWN]
    row.sha256 = hash_key(key)
    return key
