"""A question to a provider with a connection's credential, off the hot path, and what it says."""

from collections.abc import Mapping
from typing import Any

from omniroute import http
from providers import authentication
from providers.credentials import resolve
from providers.models import Connection
from providers.oauth import renewal

_HEADERS = {"accept-encoding": "identity"}


class AskFailed(Exception):
    """There is no answer of use; the message says why and holds no secret.

    `status` is the answer's, where there was one. `needs_login`: the credential is refused.
    """

    def __init__(
        self, message: str, status: int | None = None, *, needs_login: bool = False
    ) -> None:
        super().__init__(message)
        self.status, self.needs_login = status, needs_login


def ask(
    connection: Connection,
    url: str,
    auth: Mapping[str, Any] | None = None,
    key_header: tuple[str, str] | None = None,
) -> Any:
    """The JSON of what answers at `url`.

    Args:
        auth: The credential that goes with it; null: what a call would carry now.
        key_header: Name and template of the header with the key; null: that of calls.

    Raises:
        AskFailed: It does not answer, refuses, or answers something else.
        CredentialUnreadable: The credential is not where it should be.
    """
    provider = connection.provider
    try:
        headers = authentication.headers(
            provider.format,
            renewal.auth(connection) if auth is None else auth,
            connection.headers,
            method="GET",
            url=url,
            key_header=key_header or provider.key_header(provider.format),
        )
        status, body = http.get(
            url,
            _HEADERS | headers,
            allow_private=provider.allow_private_network,
            proxy=resolve(connection.proxy),
        )
    except http.CallFailed as error:
        raise AskFailed(str(error)) from None
    except renewal.NotRenewed as error:
        raise AskFailed(str(error), needs_login=error.is_credential) from None
    if status in (401, 403):
        words = f"the key was refused ({status})"
        raise AskFailed(words, status, needs_login=status == 401)
    if status != 200:
        raise AskFailed(f"it answered {status}", status)
    try:
        return http.parse(body)
    except ValueError:
        raise AskFailed("it answers, but not with JSON", status) from None
