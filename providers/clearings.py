"""What operators have cleared, on its way to every process.

Redis tells them at once; without it, or while it is away, they look here.
"""

from datetime import timedelta

from django.utils import timezone

from providers.models import Clearing

# A process that did not look for so long was not there, or knows no block as old as that.
KEPT = timedelta(minutes=2)


def note(connection: str | None, model: str | None) -> None:
    """Of all where no connection is named. Raises `DatabaseError`."""
    now = timezone.now()
    Clearing.objects.filter(made__lt=now - KEPT).delete()
    Clearing.objects.create(connection=connection or "", model=model, made=now)


def of_late() -> list[Clearing]:
    """The oldest first. Raises `DatabaseError`."""
    return list(Clearing.objects.filter(made__gte=timezone.now() - KEPT).order_by("made"))
