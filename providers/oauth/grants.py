"""What a connection's token is asked for with: by the type of its credential, and its provider's row."""

import json
import os
from collections.abc import Mapping
from typing import Any, Literal

from providers.credentials import CredentialUnreadable, resolve
from providers.models import Connection
from providers.oauth import row as rows
from providers.oauth.client import Client, Granted, Place, Refused
from providers.oauth.row import Row

Grant = Literal["static", "refresh", "exchange", "client_credentials", "service_account", "api_key"]

_JWT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_API_KEY = "urn:ibm:params:oauth:grant-type:apikey"
ASSERTION_S = 3600


class NotConfigured(Exception):
    """Something that the operator has to supply is not there; the message names it."""


def of(connection: Connection, entered: Mapping[str, Any]) -> Grant | None:
    """How its token comes about; null where its calls carry the credential itself."""
    auth = Connection.Auth
    match connection.auth_type:
        case auth.CLIENT_CREDENTIALS:
            return "client_credentials"
        case auth.SERVICE_ACCOUNT:
            return "service_account"
        case auth.API_KEY:
            exchanges = "api_key_exchange" in rows.of(connection.provider).flows
            return "api_key" if exchanges else None
        case auth.OAUTH:
            if rows.of(connection.provider).exchange_url:
                return "exchange"
            return "refresh" if entered.get("refresh_token") else "static"
    return None


def ask(connection: Connection, held: Mapping[str, Any]) -> Granted:
    """A new token. `held` is what `Token.opened` gives.

    Raises:
        NotConfigured: A setting is missing.
        CredentialUnreadable: What the credential refers to is not there.
        Refused: The provider says no.
        CallFailed: It does not answer.
    """
    entered, row = held["entered"], rows.of(connection.provider)
    where = place(connection)
    try:
        match of(connection, entered):
            case "refresh":
                return client(row, where).refresh(resolve(held["refresh_token"]))
            case "exchange":
                return Client(row, where).exchange(resolve(entered["access_token"]))
            case "client_credentials":
                return _by_client(row, where, entered)
            case "service_account":
                return _by_assertion(row, where, entered)
            case "api_key":
                fields = {"apikey": resolve(entered["api_key"])}
                return Client(row, where).fetch(_API_KEY, fields)
    except ValueError as error:  # of an address whose parameter is missing
        raise NotConfigured(str(error)) from None
    raise Refused("expired_token", "it cannot be renewed; sign in, or paste a new one")


def _by_client(row: Row, where: Place, entered: Mapping[str, str]) -> Granted:
    asking = Client(row, where, resolve(entered["client_id"]), resolve(entered["client_secret"]))
    scopes = asking.scopes
    return asking.fetch("client_credentials", {"scope": " ".join(scopes)} if scopes else {})


def _by_assertion(row: Row, where: Place, entered: Mapping[str, str]) -> Granted:
    """RFC 7523, as Google has it.

    Source: https://developers.google.com/identity/protocols/oauth2/service-account#httprest
    """
    # Signing is not needed in most processes, and is 3 MB.
    from authlib.oauth2.rfc7523.assertion import sign_jwt_bearer_assertion
    from joserfc.jwk import RSAKey

    account = service_account(resolve(entered["json"]))
    audience = row.at(row.token_url, where.params)
    try:
        assertion = sign_jwt_bearer_assertion(
            RSAKey.import_key(account["private_key"]),
            account["client_email"],
            audience,
            claims={"scope": " ".join(Client(row, where).scopes)},
            header={"alg": "RS256", "kid": account.get("private_key_id", "")},
            expires_in=ASSERTION_S,
        )
    except Exception:  # joserfc and cryptography each have errors of their own
        raise CredentialUnreadable("the private key of the service account is none") from None
    return Client(row, where).fetch(_JWT, {"assertion": assertion})


def service_account(text: str) -> dict[str, str]:
    """Google's file of a service account. Raises `CredentialUnreadable` where it is none."""
    try:
        told = json.loads(text)
    except ValueError:
        raise CredentialUnreadable("the service account is not JSON") from None
    found = told if isinstance(told, dict) else {}
    for name in ("client_email", "private_key"):
        if not isinstance(found.get(name), str):
            raise CredentialUnreadable(f"the service account has no {name}")
    return {name: value for name, value in found.items() if isinstance(value, str)}


def place(connection: Connection) -> Place:
    """Raises `CredentialUnreadable`: the proxy's variable or file is not there."""
    provider = connection.provider
    return Place(provider.allow_private_network, resolve(connection.proxy), connection.params)


def client(row: Row, where: Place) -> Client:
    """The operator's own client at a provider, as the settings name it.

    Raises:
        NotConfigured: A setting is not there; it is named.
    """
    names = (row.client_id_setting, row.client_secret_setting)
    found = [setting(name) for name in names]
    for name, value in zip(names, found, strict=True):
        if name and not value:
            raise NotConfigured(
                f"{name} is not set: register a client with the provider, and put what it gives "
                "you into this environment variable"
            )
    return Client(row, where, *found)


def setting(name: str) -> str:
    """A variable that a provider's row names; empty where there is none."""
    return os.environ.get(name, "").strip() if name else ""
