"""What signing in gave, as a connection: a new one, or one that has a token again."""

from typing import Any

from django.core.exceptions import ValidationError

from providers import placeholders
from providers.models import Connection, Provider
from providers.oauth import claims
from providers.oauth.client import Granted
from providers.oauth.row import Row
from providers.oauth.tokens import at


def keep(
    provider: Provider, row: Row, granted: Granted, name: str, params: dict[str, str]
) -> Connection:
    """Store it.

    Raises:
        ValidationError: The name is another provider's connection's, or a parameter is none.
    """
    placeholders.check(params)
    connection = _connection(provider, name or _name(provider, granted))
    is_key = row.issues == "api_key"
    connection.auth_type = Connection.Auth.API_KEY if is_key else Connection.Auth.OAUTH
    connection.credential = connection.sealed(_auth(granted, is_key=is_key))
    connection.params = connection.params | params | _told(row, granted)
    connection.save()
    return connection


def _told(row: Row, granted: Granted) -> dict[str, str]:
    """What the token says that the provider's addresses and headers ask for."""
    found: dict[str, str] = {}
    for name, steps in row.claims.items():
        told: Any = claims.read(str(granted.told.get("id_token", "")))
        for step in steps:
            told = told.get(step) if isinstance(told, dict) else None
        if isinstance(told, str) and told:
            found[name] = told
    placeholders.check(found)
    return found


def _auth(granted: Granted, *, is_key: bool) -> dict[str, Any]:
    if is_key:
        return {"api_key": granted.access_token}
    auth = {"access_token": granted.access_token}
    if granted.refresh_token:
        auth["refresh_token"] = granted.refresh_token
    if granted.expires is not None:
        auth["expires"] = at(granted.expires).isoformat()
    return auth


def _connection(provider: Provider, name: str) -> Connection:
    row = Connection.objects.select_related("provider").filter(name=name).first()
    if row is None:
        return Connection(name=name, provider=provider)
    if row.provider_id != provider.pk:
        raise ValidationError({"name": f"{name} is a connection to {row.provider}"})
    return row


def _name(provider: Provider, granted: Granted) -> str:
    """By the account where the answer tells it; the same account again is the same connection."""
    told = claims.read(str(granted.told.get("id_token", "")))
    account = told.get("email") or granted.told.get("email")
    if isinstance(account, str) and account:
        return f"{provider.slug} {account}"[:100]
    number, name = 1, provider.slug
    while Connection.objects.filter(name=name).exists():
        number += 1
        name = f"{provider.slug} {number}"
    return name
