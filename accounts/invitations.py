"""Invitations: made with a link that is shown once, good for one person, until they expire."""

import hashlib
import logging
import secrets
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import send_mail
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from accounts.models import Invitation, User

log = logging.getLogger(__name__)


class InvitationGone(Exception):
    """It was taken up, has expired or was withdrawn, perhaps a moment ago."""


def assign(invitation: Invitation) -> str:
    """Give it a secret, of which only the hash is kept: the link, which nothing can show again."""
    token = secrets.token_urlsafe(32)
    invitation.sha256 = _hash(token)
    return f"{settings.PUBLIC_URL}{reverse('account_join', args=[token])}"


def find(token: str) -> Invitation | None:
    return Invitation.objects.open().filter(sha256=_hash(token)).first()


def find_by_email(email: str) -> Invitation | None:
    rows = Invitation.objects.open().exclude(email="")
    return rows.filter(email__iexact=email).order_by("-created").first()


def take_up(invitation: Invitation, user: User) -> None:
    """In the transaction that saves `user`. Raises `InvitationGone` to all but the first."""
    claimed = Invitation.objects.open().filter(pk=invitation.pk)
    if not claimed.update(accepted=timezone.now(), user=user):
        raise InvitationGone


def send(invitation: Invitation, link: str) -> bool:
    """By e-mail, where EMAIL_URL and an address are given: was it handed to the mail server?"""
    if not (settings.EMAIL_URL and invitation.email):
        return False
    text = render_to_string("account/invitation.txt", {"invitation": invitation, "link": link})
    try:
        send_mail("An invitation to OmniRoute", text, None, [invitation.email])
    except (SMTPException, OSError) as error:
        log.warning("the invitation of %s could not be sent: %s", invitation, type(error).__name__)
        return False
    return True


def _hash(token: str) -> str:
    """SHA-256 in hex. A token holds 256 random bits, so a slow hash would protect nothing more."""
    return hashlib.sha256(token.encode()).hexdigest()
