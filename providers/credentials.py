"""Credentials at rest: encrypted, bound to their row, readable by every configured key."""

import uuid
from typing import Any

from cryptography.fernet import InvalidToken

from omniroute import references, vault


class CredentialUnreadable(Exception):
    """A stored credential cannot be used; the message says why and holds no secret."""


class NoKeyFits(CredentialUnreadable):
    """No key of ENCRYPTION_KEYS decrypts it."""

    def __init__(self) -> None:
        super().__init__("no key of ENCRYPTION_KEYS decrypts the stored credential")


def seal(owner: uuid.UUID, auth: dict[str, Any]) -> str:
    """Encrypt `auth` with the newest key, with the identity of its row inside."""
    return vault.seal(owner, {"auth": auth})


def open_sealed(owner: uuid.UUID, sealed: str) -> dict[str, Any]:
    """Decrypt what `seal` made for the same owner.

    Raises:
        NoKeyFits: No key of ENCRYPTION_KEYS decrypts it.
        CredentialUnreadable: The text is another row's.
    """
    try:
        auth: dict[str, Any] = vault.open_sealed(owner, sealed)["auth"]
    except vault.NoKeyFits:
        raise NoKeyFits from None
    except vault.AnotherOwner:
        raise CredentialUnreadable("the stored credential belongs to another connection") from None
    return auth


def rotate(sealed: str) -> str:
    """Encrypt anew with the newest key, whichever key it was under.

    Raises:
        NoKeyFits: No key of ENCRYPTION_KEYS decrypts it.
    """
    try:
        return vault.vault().rotate(sealed.encode()).decode()
    except InvalidToken:
        raise NoKeyFits from None


def resolve(secret: str) -> str:
    """As `omniroute.references`. Raises `CredentialUnreadable` where there is nothing."""
    try:
        return references.resolve(secret)
    except references.Unresolved as error:
        raise CredentialUnreadable(str(error)) from None
