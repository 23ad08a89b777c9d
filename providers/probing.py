"""The action "test connection": does the account answer? It asks for the list of models, which is free."""

import json
from time import monotonic

from msgspec import Struct

from omniroute import http
from providers import authentication
from providers.credentials import CredentialUnreadable
from providers.models import Connection

BEDROCK = "bedrock_converse"


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
    base_url = connection.effective_base_url.rstrip("/")
    if base_url.startswith("demo:"):
        return True, "answers locally"
    is_bedrock = connection.provider.format == BEDROCK
    url = _bedrocks_list(base_url) if is_bedrock else base_url + "/models"
    try:
        status, body = http.get(
            url,
            {"accept-encoding": "identity", **_headers(connection, url)},
            allow_private=connection.provider.allow_private_network,
        )
    except (http.CallFailed, CredentialUnreadable) as error:
        return False, str(error)
    if status in (401, 403):
        return False, f"the key was refused ({status})"
    if status != 200:
        return False, f"it answered {status}"
    try:
        told = json.loads(body)
        names = (
            [str(row["modelId"]) for row in told["modelSummaries"]]
            if is_bedrock
            else [str(row["id"]) for row in told["data"]]
        )
    except (ValueError, KeyError, TypeError):
        return False, "it answers, but with no list of models: is the base URL right?"
    # Bedrock does not list inference profiles, by which most of its models are called.
    missing = [] if is_bedrock else sorted(set(connection.model_names) - set(names))
    if missing:
        return False, f"it answers, but does not list {', '.join(missing)[:200]}"
    return True, f"answers, with {len(names)} models"


def _bedrocks_list(base_url: str) -> str:
    """Where Bedrock lists models: at the service beside the one that runs them.

    Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_ListFoundationModels.html
    (read 2026-11)
    """
    return base_url.replace("//bedrock-runtime", "//bedrock", 1) + "/foundation-models"


def _headers(connection: Connection, url: str) -> dict[str, str]:
    """Raises `CredentialUnreadable`: it cannot be decrypted, or is not where it should be."""
    return authentication.headers(
        connection.provider.format,
        connection.read_auth(),
        connection.headers,
        method="GET",
        url=url,
        key_header=connection.provider.key_header(connection.provider.format),
    )
