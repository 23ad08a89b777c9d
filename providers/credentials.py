"""Credentials at rest: encrypted, bound to their row, readable by every configured key."""

import json
import os
import uuid
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class CredentialUnreadable(Exception):
    """A stored credential cannot be used; the message says why and holds no secret."""


def _vault() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.ENCRYPTION_KEYS])


def seal(owner: uuid.UUID, auth: dict[str, Any]) -> str:
    """Encrypt `auth` with the newest key, with the identity of its row inside."""
    return _vault().encrypt(json.dumps({"owner": str(owner), "auth": auth}).encode()).decode()


def open_sealed(owner: uuid.UUID, sealed: str) -> dict[str, Any]:
    """Decrypt what `seal` made for the same owner.

    Raises:
        CredentialUnreadable: No key of ENCRYPTION_KEYS fits, or the text is another row's.
    """
    try:
        content = json.loads(_vault().decrypt(sealed.encode()))
    except InvalidToken:
        raise CredentialUnreadable(
            "no key of ENCRYPTION_KEYS decrypts the stored credential"
        ) from None
    if content["owner"] != str(owner):
        raise CredentialUnreadable("the stored credential belongs to another connection")
    auth: dict[str, Any] = content["auth"]
    return auth


def rotate(sealed: str) -> str:
    """Encrypt anew with the newest key, whichever key it was under.

    Raises:
        CredentialUnreadable: No key of ENCRYPTION_KEYS fits.
    """
    try:
        return _vault().rotate(sealed.encode()).decode()
    except InvalidToken:
        raise CredentialUnreadable(
            "no key of ENCRYPTION_KEYS decrypts the stored credential"
        ) from None


def resolve(secret: str) -> str:
    """The value of a secret that may stand elsewhere: `env:NAME`, `file:PATH`, or itself.

    Raises:
        CredentialUnreadable: The variable is unset or the file cannot be read.
    """
    kind, _, place = secret.partition(":")
    if kind == "env":
        if not os.environ.get(place):
            raise CredentialUnreadable(f"the environment variable {place} is not set")
        return os.environ[place].strip()
    if kind == "file":
        try:
            return Path(place).read_text().strip()
        except OSError as error:
            raise CredentialUnreadable(f"{place}: {error.strerror}") from None
    return secret
