"""What holds for a connection however it is changed: through Admin, the API or a file."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError

from omniroute.references import REFERENCES
from providers import placeholders
from providers.credentials import CredentialUnreadable
from providers.models import Connection, Provider
from providers.oauth.client import moment
from providers.oauth.grants import service_account

# What a credential of each type consists of.
FIELDS: dict[str, tuple[str, ...]] = {
    Connection.Auth.API_KEY: ("api_key",),
    Connection.Auth.OAUTH: ("access_token", "refresh_token", "expires"),
    Connection.Auth.AWS: ("access_key_id", "secret_access_key", "session_token", "region"),
    Connection.Auth.SERVICE_ACCOUNT: ("json",),
    Connection.Auth.CLIENT_CREDENTIALS: ("client_id", "client_secret"),
    Connection.Auth.NONE: (),
}
SECRETS = (
    *("api_key", "access_token", "refresh_token", "access_key_id", "secret_access_key"),
    *("session_token", "json", "client_secret"),
)
# What stands for a stored secret, on pages and in files, and where it comes back keeps it.
MASK = "********"
# What of a row says where calls with its credential go, or what they carry beside it: for those who
# may know the credential.
LEADS = frozenset({"provider", "auth_type", "auth", "base_url", "proxy", "params", "headers"})
PROVIDER_LEADS = frozenset(
    {"base_url", "other_formats", "other_kinds", "oauth", "allow_private_network"}
)
# Who knows one of them may send the credential elsewhere. An access key's id is no proof.
_PROOFS = (
    *("api_key", "access_token", "refresh_token", "secret_access_key", "json"),
    "client_secret",
)
_OPTIONAL = ("session_token", "access_token", "refresh_token", "expires")
# Given together: where one of the first is entered anew, the rest that is stored is forgotten.
_TOGETHER = (
    (("access_key_id", "secret_access_key"), ("session_token",)),
    (("access_token", "refresh_token"), ("access_token", "refresh_token", "expires")),
)
# It becomes part of a host's name.
_REGION = re.compile(r"[a-z0-9]([a-z0-9-]{0,40}[a-z0-9])?")


def has_secret(entered: Mapping[str, str | None]) -> bool:
    """Does whoever enters this know the credential?"""
    return any(entered.get(name) for name in _PROOFS)


def merged_auth(
    auth_type: str, stored: Mapping[str, Any], entered: Mapping[str, str | None]
) -> dict[str, str]:
    """A credential: what is entered, and of the rest what is stored.

    A session token belongs to the keys that it was given with, a refresh token to its access
    token: where those are entered anew, a stored one is forgotten.

    Raises:
        ValidationError: A field is missing, or is none; it is named.
    """
    told = {name: (value or "").strip() for name, value in entered.items()}
    for firsts, rest in _TOGETHER:
        if any(told.get(name) for name in firsts):
            stored = {name: value for name, value in stored.items() if name not in rest}
    auth = {name: told.get(name) or stored.get(name, "") for name in FIELDS[auth_type]}
    for name in missing_from(auth_type, auth):
        raise ValidationError({name: "a value is missing"})
    _check(auth)
    return {name: value for name, value in auth.items() if value}


def _check(auth: Mapping[str, str]) -> None:
    if "region" in auth and not _REGION.fullmatch(auth["region"]):
        raise ValidationError({"region": "the name of a region is expected, such as us-east-1"})
    if auth.get("expires") and moment(auth["expires"]) is None:
        raise ValidationError({"expires": "a time is expected, such as 2027-01-01T00:00:00Z"})
    if "json" in auth and not auth["json"].startswith(REFERENCES):
        try:
            service_account(auth["json"])
        except CredentialUnreadable as error:
            raise ValidationError({"json": str(error)}) from None


def missing_from(auth_type: str, auth: Mapping[str, Any]) -> list[str]:
    """The fields without which a credential of that type is of no use."""
    if auth_type == Connection.Auth.OAUTH:
        has_one = auth.get("access_token") or auth.get("refresh_token")
        return [] if has_one else ["access_token"]
    return [name for name in FIELDS[auth_type] if not auth.get(name) and name not in _OPTIONAL]


def merged_headers(stored: Mapping[str, str], entered: Mapping[str, str]) -> dict[str, str]:
    """What is entered, and what is stored where that is masked."""
    return {
        name: stored.get(name, value) if value == MASK else value for name, value in entered.items()
    }


def require_key_for_new_place(
    connection: Connection,
    provider: Provider,
    base_url: str,
    params: Mapping[str, str],
    proxy: str,
    *,
    has_key: bool,
    headers: Mapping[str, str] = {},
) -> None:
    """Refuse to send a stored secret to another host: who may edit an address may not know it.

    Args:
        has_key: The credential is entered anew.
        headers: As they are entered: which of the stored ones are to be kept.

    Raises:
        ValidationError: One of the addresses that decide where a call goes, or the proxy, is another.
    """
    keeps_key = bool(connection.credential) and not has_key
    kept = [name for name in headers if headers[name] == MASK and name in connection.headers]
    if not keeps_key and not kept:
        return
    if _leads_elsewhere(connection, provider, base_url, params):
        field, place = "base_url", "another address"
    elif proxy != connection.proxy:
        field, place = "proxy", "another proxy, which may see what goes through it,"
    else:
        return
    if keeps_key:
        words = f"{place} for {connection.name} needs its API key entered again: the stored one was given for the old one"
        raise ValidationError({field: words})
    words = f"{place} for {connection.name} needs the header {kept[0]} entered again"
    raise ValidationError({"headers": words})


def require_keys_stay(stored: Provider, moved: Provider) -> None:
    """The same for all connections of a provider whose addresses are to be those of `moved`.

    Raises:
        ValidationError: By the names of the provider's fields.
    """
    for connection in stored.connections.select_related("provider"):
        require_known_endpoints(connection, moved.other_kinds)
        try:
            require_key_for_new_place(
                connection, moved, connection.base_url, connection.params, connection.proxy,
                has_key=False, headers=dict.fromkeys(connection.headers, MASK),
            )  # fmt: skip
        except ValidationError as error:
            raise ValidationError({"base_url": error.messages}) from None


def _leads_elsewhere(
    connection: Connection, provider: Provider, base_url: str, params: Mapping[str, str]
) -> bool:
    """Would a call go to an origin where none of this connection's goes?"""
    return not _origins(provider, base_url, params) <= _known(connection)


def _known(connection: Connection) -> set[tuple[str, str]]:
    return _origins(connection.provider, connection.base_url, connection.params)


def _origins(provider: Provider, base_url: str, params: Mapping[str, str]) -> set[tuple[str, str]]:
    """Where a key is sent."""
    others = () if base_url else provider.other_urls
    filled = [placeholders.fill_known(url, params) for url in others]
    return {_origin(url) for url in (*addresses(provider, base_url, params), *filled)}


def addresses(provider: Provider, base_url: str, params: Mapping[str, str]) -> list[str]:
    """Where calls with a connection's credential go, and where its token is asked for."""
    own = [base_url] if base_url else [provider.base_url, *provider.other_formats.values()]
    asked = [str(url) for name, url in sorted(provider.oauth.items()) if name.endswith("_url")]
    return [placeholders.fill_known(url, params) for url in (*own, *asked) if url]


def require_known_endpoints(
    connection: Connection, endpoints: Mapping[str, Mapping[str, str]]
) -> None:
    """The same for what a provider's other kinds of model are asked at.

    Raises:
        ValidationError: One of them is at an origin to which the stored key was not sent so far.
    """
    if connection.base_url:
        return  # where it is asked for everything
    known = _known(connection)
    for kind, endpoint in endpoints.items():
        url = endpoint.get("base_url", "")
        keeps = connection.credential or connection.headers
        if url and keeps and _origin(url) not in known:
            raise ValidationError(
                {
                    "other_kinds": f"{kind}: the key of {connection.name} was not given for "
                    f"{_origin(url)[1]}; give it a provider of its own"
                }
            )


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.lower()
