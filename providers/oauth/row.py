"""How a provider gives out tokens, as its row says it.

The names are those of the facts: what a provider's file does not say is as the standards have it
(RFC 6749, 7636, 8628, 7523), and where a vendor differs the row says how. No vendor has code here.
"""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec
from msgspec import Struct

from providers.models import Provider
from providers.placeholders import fill

Flow = Literal[
    "authorization_code", "device", "client_credentials", "service_account", "api_key_exchange",
    "token_import",
]  # fmt: skip

# How the facts call them; what else they call a flow, this version does not have.
_WORDS: tuple[tuple[str, Flow], ...] = (
    ("authorization_code", "authorization_code"),
    ("device", "device"),
    ("client_credentials", "client_credentials"),
    ("service account", "service_account"),
    ("service_account", "service_account"),
    ("api key exchange", "api_key_exchange"),
    ("api_key_exchange", "api_key_exchange"),
    ("token import", "token_import"),
    ("token_import", "token_import"),
)


# The address without which a flow cannot begin.
_BEGINS: dict[Flow, str] = {
    "authorization_code": "authorize_url",
    "device": "device_authorization_url",
}


class Row(Struct, frozen=True, kw_only=True):
    """`flow` may name several ("authorization_code or device"). Addresses may have `{params}`."""

    flow: str = ""
    authorize_url: str = ""
    token_url: str = ""
    device_authorization_url: str = ""
    poll_url: str = ""  # of a device flow whose token is not asked for at `token_url`
    refresh_url: str = ""  # where it is not `token_url`
    discovery_url: str = ""  # tells the addresses that are not told here
    exchange_url: str = ""  # gives a short token for the one that signing in gave
    scopes: list[str] = []
    pkce: str | None = None
    redirect: str = ""  # a URL where the vendor prescribes one, else words
    client_id_setting: str = ""
    client_secret_setting: str = ""
    extra_params: dict[str, str] = {}  # of the address where people sign in
    # --- Where a vendor differs from the standards ------------------------------------------
    encoding: Literal["form", "json"] = "form"  # of token requests
    client_auth: Literal["basic", "post"] = "post"  # how a client secret is sent
    # Theirs of the standard's names; "" leaves one out.
    authorize_names: dict[str, str] = {}
    token_names: dict[str, str] = {}
    refresh_names: dict[str, str] = {}
    device_names: dict[str, str] = {}
    answer: dict[str, str] = {}  # where the standard's names stand in answers: "data.accessToken"
    token_params: dict[str, str] = {}  # further ones, with the code
    token_headers: dict[str, str] = {}  # of token requests; `{uuid}` is a new one each time
    state_in_redirect: bool = False  # where the vendor gives none back: in the address to return to
    sends_state: bool = False  # true: with the code, too
    poll_method: Literal["GET", "POST"] = "POST"
    poll_pending: list[int] = []  # statuses that mean "not yet", where no error says so
    exchange_header: str = "Bearer {}"  # the `authorization` of the exchange
    issues: Literal["token", "api_key"] = "token"  # what signing in gives
    # Parameters of the connection that the `id_token` tells, and where in it.
    claims: dict[str, list[str]] = {}

    @property
    def flows(self) -> tuple[Flow, ...]:
        """Those of this version that it has, in order; a token can be pasted in any case."""
        found = [flow for word, flow in _WORDS if word in self.flow.lower()]
        for flow, address in _BEGINS.items():
            if flow in found and not (getattr(self, address) or self.discovery_url):
                found.remove(flow)
        return tuple(dict.fromkeys(found))

    @property
    def redirect_setting(self) -> str:
        """The variable by which an operator names the address that their client is registered with."""
        return self.client_id_setting.replace("_CLIENT_ID", "_REDIRECT_URI")

    def at(self, address: str, params: Mapping[str, str]) -> str:
        """An address of the row's, with the connection's parameters in it.

        Raises:
            ValueError: One is missing; it is named.
        """
        return fill(address, params)


def of(provider: Provider) -> Row:
    """Raises `ValueError` where the row cannot be read."""
    return read(provider.oauth)


def read(told: Mapping[str, Any]) -> Row:
    """What other readers of the row know, and null, are passed over. Raises `ValueError`."""
    known = {name: value for name, value in told.items() if value is not None}
    return msgspec.convert(known, Row)
