"""Where a person is signed in, and an end to it."""

from allauth.account.adapter import get_adapter
from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.sessions.models import Session
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from accounts.models import User


@login_required
def page(request: HttpRequest) -> HttpResponse:
    UserSession.objects.create_from_request(request)  # this one, whenever it began
    listed = UserSession.objects.purge_and_list(request.user)
    listed.sort(key=lambda session: session.last_seen_at, reverse=True)
    return render(request, "account/sessions.html", {"sessions": listed})


@login_required
@require_POST
def end(request: HttpRequest, pk: int) -> HttpResponse:
    """One of one's own."""
    session = get_object_or_404(UserSession, pk=pk, user=request.user)
    if session.is_current():
        get_adapter().logout(request)
    session.end()
    messages.success(request, _("That session is ended."))
    return redirect("account_sessions")


@login_required
@require_POST
def end_others(request: HttpRequest) -> HttpResponse:
    user = request.user
    assert isinstance(user, User)  # noqa: S101 - for mypy, behind login_required
    ended = end_all(user, keep=request.session.session_key)
    messages.success(
        request,
        ngettext("%(n)d other session is ended.", "%(n)d other sessions are ended.", ended)
        % {"n": ended},
    )
    return redirect("account_sessions")


def end_all(user: User, keep: str | None = None) -> int:
    """Sign `user` out everywhere but in the session `keep`; how many sessions there were.

    Django's own table is gone through, since a session that came before the list is not in the list.
    """
    ended = 0
    for session in Session.objects.exclude(session_key=keep or "").iterator():
        if session.get_decoded().get("_auth_user_id") == str(user.pk):
            session.delete()
            ended += 1
    UserSession.objects.filter(user=user).exclude(session_key=keep or "").delete()
    return ended
