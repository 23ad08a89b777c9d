"""What holds for a connection however it is changed: through Admin, the API or a file."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError

from providers.models import Connection, Provider

# What a credential of each type consists of. All but the region is secret.
FIELDS: dict[str, tuple[str, ...]] = {
    Connection.Auth.API_KEY: ("api_key",),
    Connection.Auth.AWS: ("access_key_id", "secret_access_key", "session_token", "region"),
    Connection.Auth.NONE: (),
}
SECRETS = ("api_key", "access_key_id", "secret_access_key", "session_token")
_OPTIONAL = ("session_token",)
# It becomes part of a host's name.
_REGION = re.compile(r"[a-z0-9]([a-z0-9-]{0,40}[a-z0-9])?")


def merged_auth(
    auth_type: str, stored: Mapping[str, Any], entered: Mapping[str, str | None]
) -> dict[str, str]:
    """A credential: what is entered, and of the rest what is stored.

    A session token belongs to the keys that it was given with: where those are entered anew, a
    stored one is forgotten.

    Raises:
        ValidationError: A field is missing, or is none; it is named.
    """
    told = {name: (value or "").strip() for name, value in entered.items()}
    if told.get("access_key_id") or told.get("secret_access_key"):
        stored = {name: value for name, value in stored.items() if name != "session_token"}
    auth = {name: told.get(name) or stored.get(name, "") for name in FIELDS[auth_type]}
    for name, value in auth.items():
        if not value and name not in _OPTIONAL:
            raise ValidationError({name: "a value is missing"})
    if "region" in auth and not _REGION.fullmatch(auth["region"]):
        raise ValidationError({"region": "the name of a region is expected, such as us-east-1"})
    return {name: value for name, value in auth.items() if value}


def missing_from(auth_type: str, auth: Mapping[str, Any]) -> list[str]:
    """The fields without which a credential of that type is of no use."""
    return [name for name in FIELDS[auth_type] if not auth.get(name) and name not in _OPTIONAL]


def require_key_for_new_origin(
    connection: Connection, old_url: str, new_url: str, *, has_key: bool
) -> None:
    """Refuse to send a stored key to another host: who may edit an address may not know the key.

    Raises:
        ValidationError: The scheme, host or port changes and the key was not entered anew.
    """
    if connection.credential and not has_key and _origin(old_url) != _origin(new_url):
        raise ValidationError(
            {
                "base_url": f"another address for {connection.name} needs its API key entered "
                "again: the stored one was given for the old address"
            }
        )


def require_known_endpoints(
    connection: Connection, provider: Provider, endpoints: Mapping[str, Mapping[str, str]]
) -> None:
    """The same for what a provider's other kinds of model are asked at.

    Raises:
        ValidationError: One of them is at an origin to which the stored key was not sent so far.
    """
    known = {_origin(provider.base_url), *map(_origin, provider.origins)}
    for kind, endpoint in endpoints.items():
        url = endpoint.get("base_url", "")
        if url and connection.credential and _origin(url) not in known:
            raise ValidationError(
                {
                    "endpoints": f"{kind}: the key of {connection.name} was not given for "
                    f"{_origin(url)[1]}; give it a provider of its own"
                }
            )


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.lower()
