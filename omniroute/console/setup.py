"""Setup: how to point a tool at this gateway, and whether its first request has come."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from accounts.keys import hash_key
from accounts.models import ApiKey, User
from accounts.own_keys import OwnKeyForm
from analytics.ids import first_id
from omniroute.console import clients
from omniroute.console.access import allowed, records_of, user_of
from omniroute.console.offered import chat_models_of


@allowed()
@require_http_methods(["GET", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    """A POST makes a key, which this one answer shows."""
    user = user_of(request)
    asked = request.POST if request.method == "POST" else request.GET
    form, made, secret = OwnKeyForm(user=user), None, ""
    if request.method == "POST":
        form = _asked_for(request.POST.get("name", ""), user)
        made, secret = _make(form, user)
    rows = list(ApiKey.objects.seen_by(user))
    key = made or _chosen(rows, asked.get("key", "")) or next(iter(rows), None)
    models = chat_models_of(key)
    model = asked.get("model") or next(iter(models), "")
    client = clients.find(asked.get("client", ""))
    # A new key stands on the page once and in one place; the page's script puts it in here.
    place = clients.Place(settings.PUBLIC_URL, clients.PLACEHOLDER_KEY, model[:250])
    response = render(
        request,
        "setup/page.html",
        {
            "kinds": _by_kind(),
            "client": client,
            "parts": clients.filled(client, place),
            "keys": rows,
            "key": key,
            "secret": secret,
            "form": form,
            "may_make_keys": may_make_keys(user),
            "models": models,
            "model": model,
            "since": asked.get("since") or round(timezone.now().timestamp() * 1000),
        },
    )
    if secret:
        response["Cache-Control"] = "no-store"
    return response


def may_make_keys(user: User) -> bool:
    return user.has_perm("accounts.add_ownkey")


def _asked_for(name: str, user: User) -> OwnKeyForm:
    """A key for all that its owner may call, until it is revoked."""
    return OwnKeyForm({"name": name, "models": "\n".join(user.allowed_models)}, user=user)


def _make(form: OwnKeyForm, user: User) -> tuple[ApiKey | None, str]:
    """The key's row and the key; why there is none is told by the form."""
    if not may_make_keys(user):
        form.add_error("name", _("You may not make keys: ask an administrator for one."))
    if not form.is_valid():
        return None, ""
    secret = form.make()
    return ApiKey.objects.get(sha256=hash_key(secret)), secret


def _chosen(rows: list[ApiKey], pk: str) -> ApiKey | None:
    return next((row for row in rows if str(row.pk) == pk), None)


def _by_kind() -> dict[str, list[clients.Client]]:
    return {
        title: [client for client in clients.clients() if client.kind == kind]
        for kind, title in clients.KINDS.items()
    }


@allowed()
@require_GET
def waiting(request: HttpRequest) -> HttpResponse:
    """The first request of a key since the page was opened; asked again until there is one."""
    user = user_of(request)
    key = get_object_or_404(ApiKey.objects.seen_by(user), pk=_number(request, "key"))
    since = min(_number(request, "since") / 1000, timezone.now().timestamp())
    rows = records_of(user).filter(id__gte=first_id(since), key=key.name)
    rows = rows.defer("request_body", "response_body", "trace", "attempts")
    # An answer says more than the refusals that came before it.
    found = rows.filter(outcome="ok").order_by("id").first() or rows.order_by("-id").first()
    if (found.id if found else "") == request.GET.get("seen", ""):
        return HttpResponse(status=204)  # nothing new, so the page stays as it is
    context: dict[str, Any] = {"key": key, "since": round(since * 1000), "found": found}
    return render(request, "setup/waiting.html", context)


def _number(request: HttpRequest, name: str) -> int:
    text = request.GET.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else 0
