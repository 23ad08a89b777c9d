"""Taking up an invitation: a name and a password, and one is signed in."""

from allauth.account.utils import perform_login
from django.contrib.auth.forms import UserCreationForm
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from accounts import invitations, names
from accounts.invitations import InvitationGone
from accounts.models import Invitation, User


class JoinForm(UserCreationForm):  # type: ignore[type-arg]  # it takes none at run time
    class Meta:
        model = User
        fields = ("username",)

    def clean_username(self) -> str:
        username: str = super().clean_username()
        if names.was_somebodys(username):
            raise ValidationError(_("Somebody had this name before you: choose another."))
        return username


@sensitive_post_parameters("password1", "password2")
@never_cache
def page(request: HttpRequest, token: str) -> HttpResponse:
    invitation = invitations.find(token)
    if invitation is None:
        return _gone(request)
    if request.user.is_authenticated:
        return render(request, "account/join_signed_in.html")
    person = User(email=invitation.email, role=invitation.role)
    form = JoinForm(request.POST or None, instance=person)
    if request.method != "POST" or not form.is_valid():
        return render(request, "account/join.html", {"form": form, "invitation": invitation})
    try:
        user = _make(form, invitation)
    except InvitationGone:
        return _gone(request)
    welcome: HttpResponse = perform_login(request, user, email_verification="none")
    return welcome


def _make(form: JoinForm, invitation: Invitation) -> User:
    with transaction.atomic():
        user: User = form.save()
        invitations.take_up(invitation, user)
    return user


def _gone(request: HttpRequest) -> HttpResponse:
    """The same words for all that is wrong with a link, so that none can be learnt by trying."""
    return render(request, "account/invitation_gone.html", status=410)
