"""What is encrypted at rest: with the newest of ENCRYPTION_KEYS, and each of them decrypts it.

A leaf that any room may import.
"""

import json
import uuid
from collections.abc import Mapping
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class NoKeyFits(Exception):
    """No key of ENCRYPTION_KEYS decrypts it."""


class AnotherOwner(Exception):
    """It was sealed for another row."""


def vault() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.ENCRYPTION_KEYS])


def seal(owner: uuid.UUID, content: Mapping[str, Any]) -> str:
    """Encrypt `content` with the newest key, with the identity of its row inside."""
    return vault().encrypt(json.dumps({"owner": str(owner), **content}).encode()).decode()


def open_sealed(owner: uuid.UUID, sealed: str) -> dict[str, Any]:
    """What `seal` was given for the same owner. Raises `NoKeyFits` and `AnotherOwner`."""
    try:
        content: dict[str, Any] = json.loads(vault().decrypt(sealed.encode()))
    except InvalidToken:
        raise NoKeyFits from None
    if content.pop("owner") != str(owner):
        raise AnotherOwner
    return content
