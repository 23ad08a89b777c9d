"""Whose a change is to make: the same for the API, and for files that come in through Admin."""

from django.utils.translation import gettext as _

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


def refusal(user: User, change: Change) -> str:
    """Why `user` may not make `change`; empty where they may."""
    for name in _needed(change):
        if not user.has_perm(name):
            told = {"role": user.role, "permission": name}
            return _("the role %(role)s may not change this (%(permission)s)") % told
    is_own = change.kind == "user" and change.name == user.username
    if is_own and not {"role", "is_active"}.isdisjoint(change.fields):
        return _("nobody changes their own role or switches themself off")  # so one is always left
    return ""


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
