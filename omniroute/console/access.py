"""Who may see a page, and which rows of the log on it."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec
from urllib.parse import urlsplit

from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from accounts import roles
from accounts.models import User
from analytics.models import RequestRecord
from analytics.usage import EVERYONE

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


def allowed(permission: str = "") -> Callable[[View[P]], View[P]]:
    """Decorator of a page: who is not signed in is sent to sign in, who may not see it gets a 403.

    A page that asks for a part of itself after its session has ended is sent there as a whole: the
    part would be that of the sign-in page, which has none of that name.

    Without a permission the page is for everybody who is signed in, members too, and shows them
    only what is theirs: `records_of` for the log.
    """

    def decorate(view: View[P]) -> View[P]:
        @wraps(view)
        def checked(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if permission and not request.user.has_perm(permission):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        to_sign_in = login_required(checked)

        @wraps(view)
        def of_page(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if "hx-request" not in request.headers or request.user.is_authenticated:
                return to_sign_in(request, *args, **kwargs)
            shown = urlsplit(request.headers.get("hx-current-url", ""))
            place = shown._replace(scheme="", netloc="").geturl()
            sent = redirect_to_login(place).url
            return HttpResponse(headers={"HX-Redirect": sent})

        return of_page

    return decorate


def user_of(request: HttpRequest) -> User:
    """Who is signed in, behind `allowed`."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


def records_of(user: User) -> QuerySet[RequestRecord]:
    """A member's log is of their own calls; who may view the log sees all.

    Raises:
        PermissionDenied: The role may see neither.
    """
    if not user.is_active:
        raise PermissionDenied
    if user.role == roles.MEMBER:
        return RequestRecord.objects.filter(user=user.username)
    if not user.has_perm("analytics.view_requestrecord"):
        raise PermissionDenied
    return RequestRecord.objects.all()


def usage_of(user: User) -> str:
    """Whose usage somebody may see, as `analytics.usage` names it: their own, or everyone's.

    Raises:
        PermissionDenied: The role may see neither.
    """
    if user.role == roles.MEMBER:
        return user.username
    if not user.has_perm("analytics.view_requestrecord"):
        raise PermissionDenied
    return EVERYONE
