"""The action "test connection": does the account answer? It asks for the list of models, which is free."""

import json
from time import monotonic

from msgspec import Struct

from omniroute import http
from providers import authentication
from providers.credentials import CredentialUnreadable, resolve
from providers.models import Connection


class Outcome(Struct, frozen=True):
    ok: bool
    message: str
    ms: int


def test_connection(connection: Connection) -> Outcome:
    """Ask the provider for its models with this connection's credential."""
    began = monotonic()
    ok, message = _ask(connection)
    return Outcome(ok, message, round((monotonic() - began) * 1000))


def _ask(connection: Connection) -> tuple[bool, str]:
    base_url = connection.effective_base_url
    if base_url.startswith("demo:"):
        return True, "answers locally"
    try:
        key = resolve(connection.read_auth().get("api_key", ""))
        status, body = http.get(
            base_url.rstrip("/") + "/models",
            {
                "accept-encoding": "identity",
                **authentication.headers(connection.provider.format, key),
                **connection.headers,
            },
            allow_private=connection.provider.allow_private_network,
        )
    except (http.CallFailed, CredentialUnreadable) as error:
        return False, str(error)
    if status in (401, 403):
        return False, f"the key was refused ({status})"
    if status != 200:
        return False, f"it answered {status}"
    try:
        names = [str(row["id"]) for row in json.loads(body)["data"]]
    except (ValueError, KeyError, TypeError):
        return False, "it answers, but with no list of models: is the base URL right?"
    missing = sorted(set(connection.model_names) - set(names))
    if missing:
        return False, f"it answers, but does not list {', '.join(missing)[:200]}"
    return True, f"answers, with {len(names)} models"
