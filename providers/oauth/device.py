"""Signing in on another device: a code to type in, and a token to wait for (RFC 8628)."""

import time
from typing import Literal
from urllib.parse import quote

from authlib.common.security import generate_token
from msgspec import Struct

from omniroute import moments
from providers.models import Provider, SignIn
from providers.oauth.client import Client, Granted, Refused, granted
from providers.oauth.keep import keep
from providers.oauth.row import Row
from providers.oauth.sign_in import (
    STATE_CHARS,
    SignInFailed,
    find,
    operators_client,
    remember,
    row_with,
)
from providers.oauth.tokens import at

GRANT = "urn:ietf:params:oauth:grant-type:device_code"
SLOWER_S = 5
LASTS_S, MAX_LASTS_S = 600.0, 1800.0


class Code(Struct, frozen=True):
    """`user_code` is typed in at `verification_uri`; `complete_uri` has it in it, where told."""

    state: str
    user_code: str
    verification_uri: str
    complete_uri: str
    interval_s: int
    expires_in_s: float
    warning: str


class Polled(Struct, frozen=True):
    """`pending`: ask again after `interval_s`."""

    status: Literal["pending", "done"]
    interval_s: int = 0
    connection: str = ""


def begin(
    provider: Provider, binding: str, name: str = "", params: dict[str, str] | None = None
) -> Code:
    """Ask for a code; the arguments are those of `sign_in.begin`.

    Raises:
        SignInFailed: The provider has no such flow, refuses, or something is not set.
        CallFailed: It does not answer.
    """
    row = row_with(provider, "device")
    client = operators_client(row, provider, params or {})
    fields = {"scope": " ".join(client.scopes)} if client.scopes else {}
    try:
        told = client.send("POST", row.device_authorization_url, fields, row.device_names).told()
    except Refused as error:
        raise SignInFailed(f"{provider.name} gives no code: {error}") from None
    except ValueError as error:
        raise SignInFailed(str(error)) from None
    page = told.get("verification_uri") or told.get("verification_url")
    user_code, device_code = told.get("user_code"), told.get("device_code")
    if not page or not user_code or not device_code:
        raise SignInFailed(f"{provider.name} answers without a code")
    lasts_s = max(min(moments.number(told.get("expires_in")) or LASTS_S, MAX_LASTS_S), 1.0)
    interval_s = int(max(min(moments.number(told.get("interval")) or SLOWER_S, lasts_s), 1.0))
    state = generate_token(STATE_CHARS)
    kept = {"device_code": str(device_code), "name": name, "params": params or {}}
    sign_in = remember(provider, state, binding, kept, lasts_s)
    SignIn.objects.filter(pk=sign_in.pk).update(interval_s=interval_s)
    return Code(
        state=state,
        user_code=str(user_code),
        verification_uri=str(page),
        complete_uri=str(told.get("verification_uri_complete") or ""),
        interval_s=interval_s,
        expires_in_s=lasts_s,
        warning=provider.warning,
    )


def poll(provider: Provider, binding: str, state: str) -> Polled:
    """Has the person agreed? Asked more often than the provider wants, it is not asked.

    Raises:
        SignInFailed: They refused, took too long, or the sign-in is not theirs.
        CallFailed: The provider does not answer; a later poll may succeed.
    """
    sign_in, kept = find(provider, state, binding)
    now = time.time()
    if sign_in.polled is not None and now < sign_in.polled.timestamp() + sign_in.interval_s:
        return Polled("pending", sign_in.interval_s)
    # Two polls at once are one: the code can be given for a token only once.
    before = SignIn.objects.filter(pk=sign_in.pk, polled=sign_in.polled)
    if not before.update(polled=at(now)):
        return Polled("pending", sign_in.interval_s)
    row = row_with(provider, "device")
    client = operators_client(row, provider, kept["params"])
    try:
        found = _ask(row, client, kept["device_code"])
    except Refused as error:
        return _refused(provider, sign_in, error)
    if found is None:
        return Polled("pending", sign_in.interval_s)
    if not SignIn.objects.filter(pk=sign_in.pk).delete()[0]:
        raise SignInFailed("this sign-in was used already: begin again")
    return Polled("done", connection=keep(provider, row, found, kept["name"], kept["params"]).name)


def _refused(provider: Provider, sign_in: SignIn, error: Refused) -> Polled:
    interval_s = sign_in.interval_s
    match error.code:
        case "authorization_pending":
            return Polled("pending", interval_s)
        case "slow_down":
            SignIn.objects.filter(pk=sign_in.pk).update(interval_s=interval_s + SLOWER_S)
            return Polled("pending", interval_s + SLOWER_S)
    sign_in.delete()
    raise SignInFailed(f"{provider.name} refuses the sign-in: {error}")


def _ask(row: Row, client: Client, device_code: str) -> Granted | None:
    """The token; null where a vendor says "not yet" by nothing but a status."""
    if not row.poll_url:
        return client.fetch(GRANT, {"device_code": device_code})
    url = row.poll_url.replace("{code}", quote(device_code, safe=""))
    fields: dict[str, str] = {} if row.poll_method == "GET" else {"device_code": device_code}
    answer = client.send(row.poll_method, url, fields, row.device_names)
    if answer.status_code in row.poll_pending:
        return None
    return granted(answer.told())
