"""Second factors: kept encrypted, taken away by an administrator, and asked of staff where required."""

from collections.abc import Callable

from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from cryptography.fernet import InvalidToken
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.models import User
from omniroute.vault import vault

# What is encrypted of an authenticator: the secret of TOTP, and the seed of recovery codes.
_SEALED = ("secret", "seed")


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # allauth ships no types
    def encrypt(self, text: str) -> str:
        return vault().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        try:
            return vault().decrypt(encrypted_text.encode()).decode()
        except InvalidToken:
            raise ValidationError(
                _("No key of ENCRYPTION_KEYS decrypts it. An administrator can reset it.")
            ) from None


def names(user: User) -> list[str]:
    """Of the user's second factors, recovery codes left out: they are none by themselves."""
    rows = Authenticator.objects.filter(user=user).exclude(type=Authenticator.Type.RECOVERY_CODES)
    return [str(row) for row in rows]


def reset(user: User) -> int:
    """Take all of them away; how many there were."""
    rows = Authenticator.objects.filter(user=user)
    taken = len(names(user))
    rows.delete()
    return taken


def rotate() -> tuple[int, list[str]]:
    """Encrypt each with the newest key: how many, and the users whose no key decrypts."""
    rotated, unreadable = 0, []
    for pk in Authenticator.objects.values_list("pk", flat=True):
        with transaction.atomic():
            row = Authenticator.objects.select_for_update().select_related("user").get(pk=pk)
            sealed = {name: row.data[name] for name in _SEALED if name in row.data}
            try:
                renewed = {n: vault().rotate(text.encode()).decode() for n, text in sealed.items()}
            except InvalidToken:
                unreadable.append(f"the second factor of {row.user}")
                continue
            if renewed:
                row.data |= renewed
                row.save(update_fields=["data"])
                rotated += 1
    return rotated, unreadable


def is_missing(user: object) -> bool:
    """Must this person set one up before anything else?"""
    return (
        bool(settings.SECOND_FACTOR_REQUIRED)
        and isinstance(user, User)
        and user.is_staff
        and not names(user)
    )


def required(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: with SECOND_FACTOR_REQUIRED, a session of staff without one can only get one."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.path.startswith(_open()) or not is_missing(request.user):
            return get_response(request)
        words = _("Set up a second factor first: your role needs one.")
        if request.path.startswith("/api/"):
            error = {"message": words, "type": "permission_error", "param": None, "code": None}
            return JsonResponse({"error": error}, status=403)
        messages.warning(request, words)
        return redirect("mfa_index")

    return middleware


def _open() -> tuple[str, ...]:
    names = ("mfa_index", "account_reauthenticate", "account_logout", "account_change_password")
    return (settings.STATIC_URL, *map(reverse, names))
