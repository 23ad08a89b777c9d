"""`manage.py rotate_keys`: every stored credential under the newest key of ENCRYPTION_KEYS."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts import second_factor
from analytics.models import AlertChannel
from gateway.changes import bump_version
from providers.credentials import CredentialUnreadable, rotate
from providers.models import Connection, Token


class Command(BaseCommand):
    help = "Encrypt every stored credential anew, with the first key of ENCRYPTION_KEYS."

    def handle(self, *args: Any, **options: Any) -> None:
        rotated, unreadable = 0, []
        for pk, name, sealed in Connection.objects.exclude(credential="").values_list(
            "pk", "name", "credential"
        ):
            try:
                renewed = rotate(sealed)
            except CredentialUnreadable:
                unreadable.append(name)
                continue
            # Row by row, and only where nobody has put another credential there meanwhile: so
            # this can be killed at any time, and run again.
            rotated += Connection.objects.filter(pk=pk, credential=sealed).update(
                credential=renewed
            )
        rotated += _rotate_tokens(unreadable) + _rotate_channels(unreadable)
        factors, lost = second_factor.rotate()
        rotated, unreadable = rotated + factors, unreadable + lost
        bump_version()
        self.stdout.write(f"{rotated} credentials are under the newest key.")
        if unreadable:
            raise CommandError(
                "no key of ENCRYPTION_KEYS decrypts the credential of: " + ", ".join(unreadable)
            )


def _rotate_tokens(unreadable: list[str]) -> int:
    """The tokens too. A sign-in that is under way ends in minutes, so it may as well fail."""
    rotated = 0
    for pk, name, sealed in Token.objects.values_list("pk", "connection__name", "sealed"):
        try:
            renewed = rotate(sealed)
        except CredentialUnreadable:
            unreadable.append(name)
            continue
        rotated += Token.objects.filter(pk=pk, sealed=sealed).update(sealed=renewed)
    return rotated


def _rotate_channels(unreadable: list[str]) -> int:
    """And where alerts go."""
    rotated = 0
    rows = AlertChannel.objects.exclude(sealed="").values_list("pk", "name", "sealed")
    for pk, name, sealed in rows:
        try:
            renewed = rotate(sealed)
        except CredentialUnreadable:
            unreadable.append(f"alert channel {name}")
            continue
        rotated += AlertChannel.objects.filter(pk=pk, sealed=sealed).update(sealed=renewed)
    return rotated
