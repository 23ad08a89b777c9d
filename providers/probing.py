"""The action "test connection": does the account answer? It asks for the list of models, which is free."""

from time import monotonic

from django.utils.translation import ngettext
from msgspec import Struct

from providers import listing, states
from providers.credentials import CredentialUnreadable
from providers.listing import ListFailed
from providers.models import Connection


class Outcome(Struct, frozen=True):
    ok: bool
    message: str
    ms: int


def test_connection(connection: Connection) -> Outcome:
    """Ask the provider for its models with this connection's credential; an answer is remembered."""
    began = monotonic()
    ok, message = _ask(connection)
    if ok:
        states.answered(connection)
    return Outcome(ok, message, round((monotonic() - began) * 1000))


def _ask(connection: Connection) -> tuple[bool, str]:
    if connection.effective_base_url.startswith("demo:"):
        return True, "answers locally"
    try:
        names = listing.models(connection)
    except (ListFailed, CredentialUnreadable) as error:
        return False, str(error)
    # Bedrock does not list inference profiles, by which most of its models are called.
    is_bedrock = connection.provider.format == "bedrock_converse"
    missing = [] if is_bedrock else sorted(set(connection.model_names) - set(names))
    if missing:
        return False, f"it answers, but does not list {', '.join(missing)[:200]}"
    told = ngettext("answers, with %(n)d model", "answers, with %(n)d models", len(names))
    return True, told % {"n": len(names)}
