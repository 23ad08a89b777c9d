"""Credentials at rest: encrypted, bound to their row, readable by every configured key."""

import json
import os
import uuid
from pathlib import Path
from typing import Any

from cryptography.fernet import InvalidToken

from omniroute.vault import vault


class CredentialUnreadable(Exception):
    """A stored credential cannot be used; the message says why and holds no secret."""


class NoKeyFits(CredentialUnreadable):
    """No key of ENCRYPTION_KEYS decrypts it."""

    def __init__(self) -> None:
        super().__init__("no key of ENCRYPTION_KEYS decrypts the stored credential")


def seal(owner: uuid.UUID, auth: dict[str, Any]) -> str:
    """Encrypt `auth` with the newest key, with the identity of its row inside."""
    return vault().encrypt(json.dumps({"owner": str(owner), "auth": auth}).encode()).decode()


def open_sealed(owner: uuid.UUID, sealed: str) -> dict[str, Any]:
    """Decrypt what `seal` made for the same owner.

    Raises:
        NoKeyFits: No key of ENCRYPTION_KEYS decrypts it.
        CredentialUnreadable: The text is another row's.
    """
    try:
        content = json.loads(vault().decrypt(sealed.encode()))
    except InvalidToken:
        raise NoKeyFits from None
    if content["owner"] != str(owner):
        raise CredentialUnreadable("the stored credential belongs to another connection")
    auth: dict[str, Any] = content["auth"]
    return auth


def rotate(sealed: str) -> str:
    """Encrypt anew with the newest key, whichever key it was under.

    Raises:
        NoKeyFits: No key of ENCRYPTION_KEYS decrypts it.
    """
    try:
        return vault().rotate(sealed.encode()).decode()
    except InvalidToken:
        raise NoKeyFits from None


def resolve(secret: str) -> str:
    """The value of a secret that may stand elsewhere: `env:NAME`, `file:PATH`, or itself.

    Raises:
        CredentialUnreadable: The variable is unset, the file cannot be read, or either is empty.
    """
    kind, _, place = secret.partition(":")
    if kind == "env":
        value = os.environ.get(place, "").strip()
        if not value:
            raise CredentialUnreadable(f"the environment variable {place} is not set")
        return value
    if kind == "file":
        return _read(Path(place))
    return secret


def _read(path: Path) -> str:
    try:
        value = path.read_text().strip()
    except OSError as error:
        raise CredentialUnreadable(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise CredentialUnreadable(f"{path}: not text") from None
    if not value:
        raise CredentialUnreadable(f"{path}: empty")
    return value
