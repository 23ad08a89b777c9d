"""Signing in with a browser: the authorization code with PKCE (RFC 6749, 7636).

A sign-in is kept under the hash of its state, encrypted, for ten minutes. It is bound to whoever
began it, and used once: a state of another session, or one that was used, is nobody's.
"""

import hashlib
import time
import uuid
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
from authlib.common.security import generate_token
from django.conf import settings
from msgspec import Struct

from providers import credentials
from providers.models import Connection, Provider, SignIn
from providers.oauth import grants, row
from providers.oauth.client import Client, Place, Refused
from providers.oauth.keep import keep
from providers.oauth.row import Row
from providers.oauth.tokens import at

LASTS_S = 600.0
STATE_CHARS, VERIFIER_CHARS = 43, 64


class SignInFailed(Exception):
    """Nothing was stored. The message is for whoever signs in."""


class Begun(Struct, frozen=True):
    """`url` is where to sign in. `comes_back`: the browser then returns to this gateway; otherwise
    what it shows, or the address it ends at, is to be pasted."""

    url: str
    state: str
    redirect_uri: str
    comes_back: bool
    warning: str


def begin(
    provider: Provider, binding: str, name: str = "", params: dict[str, str] | None = None
) -> Begun:
    """Begin to sign in.

    Args:
        binding: Who begins: a session or a user. Only they can finish.
        name: Of the connection to make, or to sign in again; empty: one is found.
        params: What the provider's addresses ask for.

    Raises:
        SignInFailed: The provider has no such flow, or something is not set; it is named.
    """
    found = row_with(provider, "authorization_code")
    client = operators_client(found, provider, params or {})
    state, verifier = generate_token(STATE_CHARS), generate_token(VERIFIER_CHARS)
    redirect_uri = _redirect_uri(found, provider)
    if found.state_in_redirect:
        redirect_uri += f"?state={state}"
    try:
        url = client.authorization_url(redirect_uri, state, verifier)
    except ValueError as error:
        raise SignInFailed(str(error)) from None
    remember(
        provider, state, binding,
        {"verifier": verifier, "redirect_uri": redirect_uri, "name": name, "params": params or {}},
    )  # fmt: skip
    comes_back = redirect_uri.startswith(callback(provider))
    return Begun(url, state, redirect_uri, comes_back, provider.warning)


def finish(provider: Provider, binding: str, code: str, state: str) -> Connection:
    """Give the code for a token, and keep that as a connection.

    Args:
        code: The code, `code#state` as some show it, or the whole address that the browser ended
            at.

    Raises:
        SignInFailed: The state is not theirs, or the provider refuses the code.
        CallFailed: The provider does not answer.
    """
    code, state = _read(code, state)
    begun = take(provider, state, binding)
    found = row_with(provider, "authorization_code")
    client = operators_client(found, provider, begun["params"])
    fields = {"code": code, "redirect_uri": begun["redirect_uri"], **found.token_params}
    if found.pkce:
        fields |= {"code_verifier": begun["verifier"], "code_challenge_method": found.pkce}
    if found.sends_state:
        fields["state"] = state
    try:
        granted = client.fetch("authorization_code", fields)
    except Refused as error:
        raise SignInFailed(f"{provider.name} refuses the sign-in: {error}") from None
    return keep(provider, found, granted, begun["name"], begun["params"])


def callback(provider: Provider) -> str:
    """Where the browser comes back to."""
    return f"{settings.PUBLIC_URL}/api/oauth/{provider.slug}/callback"


def _redirect_uri(found: Row, provider: Provider) -> str:
    """The address that the operator's client is registered with, as they name it; the vendor's own
    page where the row has one; else this gateway's."""
    named = grants.setting(found.redirect_setting)
    prescribed = found.redirect if found.redirect.startswith("http") else ""
    return named or ("" if "{" in prescribed else prescribed) or callback(provider)


def operators_client(found: Row, provider: Provider, params: dict[str, str]) -> Client:
    """Raises `SignInFailed`: a setting is missing; it is named."""
    try:
        return grants.client(found, Place(provider.allow_private_network, "", params))
    except grants.NotConfigured as error:
        raise SignInFailed(str(error)) from None


def row_with(provider: Provider, flow: row.Flow) -> Row:
    """Raises `SignInFailed` where the provider has no such flow."""
    try:
        found = row.of(provider)
    except ValueError as error:
        raise SignInFailed(f"the row of {provider.slug} is wrong: {error}") from None
    if flow not in found.flows:
        raise SignInFailed(f"{provider.name} has no sign-in by {flow.replace('_', ' ')}")
    return discovered(found, provider) if found.discovery_url else found


# RFC 8414's names of the addresses.
_DISCOVERED = {
    "authorize_url": "authorization_endpoint",
    "token_url": "token_endpoint",
    "device_authorization_url": "device_authorization_endpoint",
}


def discovered(found: Row, provider: Provider) -> Row:
    """The row with the addresses in it that its provider publishes; what it says itself stands.

    Raises:
        SignInFailed: They cannot be read.
        CallFailed: The provider does not answer.
    """
    if all(getattr(found, name) for name in _DISCOVERED):
        return found
    place = Place(provider.allow_private_network)
    try:
        told = Client(found, place).send("GET", found.discovery_url, {}).told()
    except Refused as error:
        raise SignInFailed(f"{provider.name} does not publish its addresses: {error}") from None
    missing = {
        ours: str(told[theirs])
        for ours, theirs in _DISCOVERED.items()
        if not getattr(found, ours) and told.get(theirs)
    }
    return msgspec.structs.replace(found, **missing)


def remember(
    provider: Provider, state: str, binding: str, kept: dict[str, Any], lasts_s: float = LASTS_S
) -> SignIn:
    now = time.time()
    SignIn.objects.filter(expires__lt=at(now)).delete()
    return SignIn.objects.create(
        provider=provider,
        state=_hash(state),
        binding=_hash(binding),
        sealed=credentials.seal(_owner(state), kept),
        expires=at(now + lasts_s),
    )


def find(provider: Provider, state: str, binding: str) -> tuple[SignIn, dict[str, Any]]:
    """Raises `SignInFailed` where there is none that is theirs."""
    found = SignIn.objects.filter(
        provider=provider, state=_hash(state), binding=_hash(binding), expires__gt=at(time.time())
    ).first()
    if found is None:
        raise SignInFailed("this sign-in is not known here, is over, or was used: begin again")
    return found, credentials.open_sealed(_owner(state), found.sealed)


def take(provider: Provider, state: str, binding: str) -> dict[str, Any]:
    """The same, and nobody else can."""
    found, kept = find(provider, state, binding)
    if not SignIn.objects.filter(pk=found.pk).delete()[0]:
        raise SignInFailed("this sign-in was used already: begin again")
    return kept


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _owner(state: str) -> uuid.UUID:
    """What is sealed is bound to a UUID; here the state is the identity."""
    return uuid.UUID(_hash("owner:" + state)[:32])


def _read(code: str, state: str) -> tuple[str, str]:
    text = code.strip()
    if text.startswith(("http://", "https://")):
        told = parse_qs(urlsplit(text).query)
        if "error" in told:
            raise SignInFailed(f"the provider says: {' '.join(told['error'])[:200]}")
        return told.get("code", [""])[0], told.get("state", [state])[0]
    code, _, behind = text.partition("#")
    return code, behind or state
