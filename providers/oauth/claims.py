"""What a token says of itself, where it is a JWT. Nothing is decided by it that a signature guards."""

import base64
from typing import Any

from omniroute import http, moments


def read(token: str) -> dict[str, Any]:
    """The claims, unverified; empty where it is no JWT."""
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        told = http.parse(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def expiry(token: str) -> float | None:
    """When it ends, in Unix seconds."""
    return moments.dated(moments.number(read(token).get("exp")))
