"""Signing in at providers: what the buttons in Admin call, and scripts can.

Who begins finishes: a browser its own session's sign-ins, a key its owner's.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from ninja import Body, Router, Schema
from pydantic import Field

from accounts.models import User
from omniroute.api.auth import binding, require
from omniroute.api.errors import ApiError
from omniroute.configuration import export
from omniroute.http import CallFailed
from providers.models import Provider
from providers.oauth import device, sign_in
from providers.oauth.sign_in import SignInFailed

PERMISSION = "providers.change_credential"

routes = Router()


class Wish(Schema):
    """`name` is that of the connection to make or to sign in again; `params` what the provider's
    addresses ask for."""

    name: str = Field(default="", max_length=100)
    params: dict[str, str] = {}


class Pasted(Schema):
    """`code` may be the code, `code#state`, or the whole address that the browser ended at."""

    code: str = Field(min_length=1, max_length=8000)
    state: str = Field(default="", max_length=200)


class Waiting(Schema):
    state: str = Field(min_length=1, max_length=200)


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except SignInFailed as error:
        raise ApiError(400, str(error), code="sign_in_failed") from None
    except CallFailed as error:
        raise ApiError(502, f"the provider: {error}", code="provider_failed") from None


def _provider(request: HttpRequest, slug: str) -> Provider:
    require(request, PERMISSION)
    return get_object_or_404(Provider, slug=slug)


@routes.post("/{provider}/authorize")
def authorize(request: HttpRequest, provider: str, wish: Body[Wish]) -> dict[str, Any]:
    """Where to sign in. The browser comes back here by itself, or what it shows is pasted."""
    row = _provider(request, provider)
    with _told():
        begun = sign_in.begin(row, binding(request), wish.name, wish.params)
    return _plain(begun)


@routes.post("/{provider}/exchange")
def exchange(request: HttpRequest, provider: str, pasted: Body[Pasted]) -> dict[str, Any]:
    """Paste the code; the answer is the connection."""
    row = _provider(request, provider)
    with _told():
        made = sign_in.finish(row, binding(request), pasted.code, pasted.state)
    return export.connection(made)


@routes.post("/{provider}/device")
def begin_device(request: HttpRequest, provider: str, wish: Body[Wish]) -> dict[str, Any]:
    """A code to type in on another device."""
    row = _provider(request, provider)
    with _told():
        return _plain(device.begin(row, binding(request), wish.name, wish.params))


@routes.post("/{provider}/poll")
def poll(request: HttpRequest, provider: str, waiting: Body[Waiting]) -> dict[str, Any]:
    """Has it been typed in? `pending`, or `done` and the connection's name."""
    row = _provider(request, provider)
    with _told():
        return _plain(device.poll(row, binding(request), waiting.state))


@routes.get("/{provider}/callback", auth=None, include_in_schema=False)
def come_back(
    request: HttpRequest, provider: str, code: str = "", state: str = "", error: str = ""
) -> HttpResponse:
    """Where a browser returns to: only in the session that began is there anything to finish."""
    if not isinstance(request.user, User):
        words = "this browser is not signed in here: paste this page's address where you began"
        raise ApiError(401, words)
    request.auth = request.user  # type: ignore[attr-defined]  # as of the other addresses
    row = _provider(request, provider)
    if error:
        raise ApiError(400, f"{row.name} says: {error[:200]}", code="sign_in_failed")
    with _told():
        made = sign_in.finish(row, f"session {request.session.session_key}", code, state)
    messages.success(request, f"{made.name} is signed in.")
    return redirect("admin:providers_connection_change", made.pk)


def _plain(value: msgspec.Struct) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(value)
    return plain
