"""The playground: chats with models, side by side, in the name of a key of whoever is signed in."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from accounts.models import ApiKey, User
from gateway import page_calls
from gateway.formats.thinking import EFFORTS
from omniroute.api.errors import answer
from omniroute.api.logs import item
from omniroute.console.access import allowed, records_of, user_of
from omniroute.console.offered import chat_models_of
from omniroute.console.reopened import CannotReopen, chat_request


@allowed()
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """`?from=` is the id of a logged request, to be asked again."""
    user = user_of(request)
    keys = list(ApiKey.objects.spendable_by(user))
    key = keys[0] if keys else None
    reopened, complaint = _reopened(user, request.GET.get("from", ""))
    data: dict[str, Any] = {
        "call": page_calls.PREFIX,
        "outcome": reverse("playground-outcome", args=["ID"]),
        "base_url": f"{settings.PUBLIC_URL}/v1",
        "max_mb": settings.MAX_BODY_MB,
        "request": reopened,
    }
    return render(
        request,
        "playground/page.html",
        {
            "keys": keys,
            "models": chat_models_of(key),
            "efforts": EFFORTS,
            "data": data,
            "words": words(),
            "complaint": complaint,
        },
    )


def words() -> dict[str, str]:
    """What the page's script says."""
    return {
        "user": _("You"),
        "assistant": _("Model"),
        "tool": _("Result"),
        "model": _("Model"),
        "picture": _("Picture"),
        "remove_picture": _("Remove this picture"),
        "calling": _("calls a tool…"),
        "stopped": _("Stopped."),
        "estimated": _("(estimated)"),
        "unpriced": _("no price known"),
        "faulty": _("Something in the settings is wrong: see the field."),
        "nameless": _("Name a model."),
        "unanswered": _("A model waits for the result of its tool."),
        "empty": _("There is nothing to send yet."),
        "too_large": _("Together these pictures are too large for a request."),
    }


def _reopened(user: User, id: str) -> tuple[dict[str, Any] | None, str]:
    """The request of a row that this person may see; or why it cannot be opened."""
    if not id:
        return None, ""
    row = records_of(user).filter(id=id).first()
    if row is None:
        return None, _("There is no such request in your log.")
    try:
        return chat_request(row), ""
    except CannotReopen as error:
        return None, str(error)


@allowed()
@require_GET
def models(request: HttpRequest) -> HttpResponse:
    """The options of the model fields, for a key."""
    keys = ApiKey.objects.spendable_by(user_of(request))
    pk = request.GET.get("key", "")
    key = keys.filter(pk=pk).first() if pk.isascii() and pk.isdigit() and len(pk) < 16 else None
    return render(request, "playground/models.html", {"models": chat_models_of(key)})


@require_POST
def call(request: HttpRequest, key: int) -> HttpResponse:
    """Whether a call may be made with this key; then it is made without another look at us."""
    if not isinstance(request.user, User):
        return answer(401, _("You are signed out: reload the page and sign in."))
    row = ApiKey.objects.spendable_by(request.user).filter(pk=key).first()
    if row is None:
        return answer(403, _("This key is not yours, or no longer valid: reload the page."))
    page_calls.grant(request.scope, row.sha256)  # type: ignore[attr-defined]  # of ASGIRequest
    return HttpResponse(status=204)


@allowed()
@require_GET
def outcome(request: HttpRequest, id: str) -> JsonResponse:
    """What a call has come to, once it is in the log; null until then."""
    row = records_of(user_of(request)).filter(id=id).first()
    return JsonResponse({"call": item(row) if row else None})
