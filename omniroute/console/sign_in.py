"""The pages behind "sign in" and "test all": what they do goes through the management API."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from msgspec import Struct

from providers import placeholders
from providers.models import Connection, Provider
from providers.oauth import grants, row
from providers.oauth.client import Place
from providers.oauth.row import Row
from providers.oauth.sign_in import callback


class Choice(Struct, frozen=True):
    """A provider, and why nobody can sign in there yet; empty where one can."""

    provider: Provider
    row: Row
    missing: str

    @property
    def callback(self) -> str:
        """What the operator registers their client with."""
        return callback(self.provider)

    @property
    def params(self) -> list[str]:
        """What its addresses ask for."""
        asked = [
            self.provider.base_url,
            *self.provider.headers.values(),
            *(self.row.authorize_url, self.row.token_url, self.row.device_authorization_url),
        ]
        names = dict.fromkeys(name for text in asked for name in placeholders.names(text))
        return [name for name in names if name not in self.row.claims]


def providers(request: HttpRequest) -> HttpResponse:
    """All where one can sign in."""
    _require(request)
    found = filter(None, map(_choice, Provider.objects.exclude(oauth={})))
    return _page(request, "sign_ins", title="Sign in", choices=list(found))


def provider(request: HttpRequest, slug: str) -> HttpResponse:
    """One of them; `?name=` is that of a connection to sign in again."""
    _require(request)
    choice = _choice(get_object_or_404(Provider, slug=slug))
    if choice is None:
        raise Http404("there is no sign-in at this provider")
    return _page(
        request,
        "sign_in",
        title=f"Sign in: {choice.provider.name}",
        choice=choice,
        name=request.GET.get("name", "")[:100],
        flows=[flow for flow in choice.row.flows if flow in ("authorization_code", "device")],
    )


def test_all(request: HttpRequest) -> HttpResponse:
    """Every active connection, tested several at a time; each says at once how it went."""
    if not request.user.has_perm("providers.change_connection"):
        raise PermissionDenied
    rows = Connection.objects.select_related("provider")
    pk = request.GET.get("pk", "")
    if pk.isdecimal():  # one of them, active or not
        rows, title = rows.filter(pk=pk), "Test a connection"
    else:
        rows, title = rows.filter(active=True), "Test all connections"
    return _page(request, "test_all", title=title, connections=rows)


def _choice(of: Provider) -> Choice | None:
    try:
        found = row.of(of)
    except ValueError:
        return None
    if not {"authorization_code", "device"} & set(found.flows):
        return None
    try:
        grants.client(found, Place())
    except grants.NotConfigured as error:
        return Choice(of, found, str(error))
    return Choice(of, found, "")


def _require(request: HttpRequest) -> None:
    if not request.user.has_perm("providers.change_credential"):
        raise PermissionDenied


def _page(request: HttpRequest, template: str, /, **context: Any) -> HttpResponse:
    context = admin.site.each_context(request) | context
    return TemplateResponse(request, f"console/{template}.html", context)
