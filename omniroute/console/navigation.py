"""The pages, as the menu at their side lists them."""

from functools import partial
from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext_lazy as _
from msgspec import Struct

from accounts.models import User


class Entry(Struct, frozen=True):
    """A page, by the name of its address. Without a permission it is for all who are signed in."""

    name: str
    title: Any  # translated when it is shown
    icon: str  # of icons.svg
    permission: str = ""


class Link(Struct, frozen=True):
    """An entry as one page shows it."""

    title: Any
    icon: str
    url: str
    current: bool


# A page that is not in urls.py yet is not in the menu either.
ENTRIES = (
    Entry("overview", _("Overview"), "overview"),
    Entry("logs", _("Logs"), "logs"),
    Entry("health", _("Health"), "health", "providers.view_connection"),
    Entry("costs", _("Limits and costs"), "costs"),
    Entry("playground", _("Playground"), "playground"),
    Entry("setup", _("Setup"), "setup"),
    Entry("translator", _("Translator"), "translator", "providers.view_connection"),
    Entry("admin:index", _("Admin"), "admin", "providers.view_connection"),
)


def context(request: HttpRequest) -> dict[str, Any]:
    """For every template; nothing is looked up where no menu is shown."""
    return {"navigation": partial(links, request)}


def links(request: HttpRequest) -> list[Link]:
    """The menu of who asks, with the page that they are on marked."""
    user = getattr(request, "user", None)
    if not isinstance(user, User):
        return []
    found = [
        (entry, url)
        for entry in ENTRIES
        if (not entry.permission or user.has_perm(entry.permission)) and (url := _url(entry.name))
    ]
    under = [url for _, url in found if request.path.startswith(url)]
    here = max(under, key=len, default="")
    return [
        Link(entry.title, entry.icon, url, url == here and (url != "/" or request.path == "/"))
        for entry, url in found
    ]


def _url(name: str) -> str:
    try:
        return reverse(name)
    except NoReverseMatch:
        return ""
