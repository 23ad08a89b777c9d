"""Signing in at the operator's own identity provider, with OpenID Connect.

Who comes is known by the issuer's `sub`; the first time, by an e-mail address that the issuer has
verified: a user's, an invitation's, or anybody's where OIDC_DEFAULT_ROLE names their role.
"""

import logging
from typing import Any

import requests
from allauth.account.adapter import get_adapter as account_adapter
from allauth.account.utils import get_next_redirect_url
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter, get_adapter
from allauth.socialaccount.models import SocialApp, SocialLogin
from allauth.socialaccount.providers.base import AuthProcess
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET
from requests.adapters import BaseAdapter

from accounts import invitations, names
from accounts.invitations import InvitationGone
from accounts.models import User
from accounts.provider import Issuer
from omniroute import http

log = logging.getLogger(__name__)

# What allauth lets through of an issuer that is away, or answers what no issuer should.
_FAILURES = (
    OAuth2Error, requests.RequestException, KeyError, TypeError, ValueError, ValidationError,
)  # fmt: skip


class GuardedTransport(BaseAdapter):
    """allauth calls with `requests`; this sends it with the client that bounds size and time.

    The issuer is named by whoever runs the machine, and may well stand in a private network. What
    its documents lead to is held to the same rules, and no redirect is followed.
    """

    def send(
        self, request: requests.PreparedRequest, *args: Any, **options: Any
    ) -> requests.Response:
        body: Any = request.body or b""  # allauth sends nothing but forms
        try:
            status, content = http.send(
                str(request.method),
                str(request.url),
                {name: str(value) for name, value in request.headers.items()},
                body.encode() if isinstance(body, str) else body,
                allow_private=True,
            )
        except http.CallFailed as error:
            raise requests.ConnectionError(str(error)) from None
        response = requests.Response()
        response.status_code, response.url, response.request = status, str(request.url), request
        response.headers["content-type"] = "application/json"  # as all of an issuer's answers are
        response._content = content
        return response

    def close(self) -> None:
        pass


class OidcAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    def get_requests_session(self) -> requests.Session:
        session = requests.Session()
        session.trust_env = False
        session.headers["accept-encoding"] = "identity"
        for scheme in ("https://", "http://"):
            session.mount(scheme, GuardedTransport())
        return session

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Who comes for the first time becomes a user here, or is refused."""
        if sociallogin.is_existing:
            return
        email = next((row.email for row in sociallogin.email_addresses if row.verified), "")
        try:
            with transaction.atomic():
                sociallogin.connect(request, _user(sociallogin, email))
        except (Refused, InvitationGone):
            log.info("a sign-in with OpenID Connect was refused: nobody has invited them")
            refusal = render(request, "account/oidc_refused.html", {"email": email}, status=403)
            raise ImmediateHttpResponse(refusal) from None


class Refused(Exception):
    pass


def _user(sociallogin: SocialLogin, email: str) -> User:
    """Raises `Refused` for whoever is not expected."""
    if not email:
        raise Refused
    found = User.objects.filter(email__iexact=email)
    if len(found) > 1:
        raise Refused  # whose it is cannot be told
    return found[0] if found else _newcomer(sociallogin, email)


def _newcomer(sociallogin: SocialLogin, email: str) -> User:
    invitation = invitations.find_by_email(email)
    role = invitation.role if invitation else settings.OIDC_DEFAULT_ROLE
    if not role:
        raise Refused
    told = sociallogin.user
    wanted = [told.username, email.partition("@")[0], "user"]
    user = User(
        username=names.free(account_adapter().generate_unique_username(wanted)),
        first_name=told.first_name[:150],
        last_name=told.last_name[:150],
        email=email,
        role=role,
    )
    user.set_unusable_password()
    user.full_clean()
    user.save()
    if invitation:
        invitations.take_up(invitation, user)
    return user


@require_GET
def begin(request: HttpRequest) -> HttpResponse:
    """Of what the query says only `next` counts: scopes and parameters are the gateway's."""
    try:
        provider = get_adapter(request).get_provider(request, "oidc")
        onward: HttpResponse = provider.redirect(
            request, process=AuthProcess.LOGIN, next_url=get_next_redirect_url(request)
        )
    except SocialApp.DoesNotExist:
        raise Http404 from None
    except _FAILURES as error:
        return _failed(request, error)
    return onward


@require_GET
def come_back(request: HttpRequest) -> HttpResponse:
    try:
        view = OAuth2CallbackView.adapter_view(Issuer(request, "oidc"))
        answer: HttpResponse = view(request)
    except SocialApp.DoesNotExist:
        raise Http404 from None
    except (*_FAILURES, IntegrityError) as error:
        return _failed(request, error)
    return answer


def _failed(request: HttpRequest, error: Exception) -> HttpResponse:
    log.warning("signing in with OpenID Connect failed: %s", type(error).__name__)
    return render(request, "socialaccount/authentication_error.html", status=502)
