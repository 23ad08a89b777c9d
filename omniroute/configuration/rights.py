"""Whose a change is to make: the same for the API, and for files that come in through Admin."""

from accounts.models import User
from analytics.alerts import channels
from omniroute.configuration.write import Change
from providers.connections import LEADS, PROVIDER_LEADS

# By kind of change, the model whose permissions it takes.
MODELS = {
    "provider": "providers.provider",
    "model": "providers.providermodel",
    "connection": "providers.connection",
    "error rules": "providers.errorrule",
    "combo": "combos.combo",
    "alias": "combos.alias",
    "user": "accounts.user",
    "API key": "accounts.apikey",
    "alert channel": "analytics.alertchannel",
    "settings": "accounts.gatewaysettings",
}


def missing(user: User, change: Change) -> str:
    """The permission that `user` lacks to make `change`, as Django names it; empty: none."""
    return next((name for name in _needed(change) if not user.has_perm(name)), "")


def _needed(change: Change) -> list[str]:
    if not change.created and not change.fields:
        return []
    app, _, model = MODELS[change.kind].partition(".")
    needed = [f"{app}.{'add' if change.created else 'change'}_{model}"]
    if _leads(change):
        needed.append(f"{app}.change_credential")
    return needed


def _leads(change: Change) -> bool:
    """Does it say where a credential goes, or what is sent beside it?"""
    match change.kind:
        case "connection":
            return change.created or not LEADS.isdisjoint(change.fields)
        case "provider":  # a new one has no connection yet
            return not change.created and not PROVIDER_LEADS.isdisjoint(change.fields)
        case "alert channel":
            return change.created or not channels.LEADS.isdisjoint(change.fields)
    return False
