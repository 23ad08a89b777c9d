"""What a gateway process says of itself in the database, so that a page of any of them knows all."""

import os
import socket
import uuid
from collections.abc import Callable
from datetime import timedelta
from importlib import metadata

from django.utils import timezone
from msgspec import Struct, structs

from analytics.models import GatewayProcess
from gateway.state.budgets import Amounts

FORGOTTEN = timedelta(minutes=10)


class Condition(Struct, frozen=True):
    """How a process is; the fields are the columns of `GatewayProcess`."""

    active: int
    draining: bool
    state: str
    journal_bytes: int
    snapshot_failing: bool
    reserved: dict[str, Amounts]


class Presence:
    """One a process. Its methods are for a thread beside the event loop, and raise `DatabaseError`.

    Args:
        condition: Asks the event loop. May raise `TimeoutError`: then the process stays silent.
    """

    def __init__(self, condition: Callable[[], Condition]) -> None:
        self._condition = condition
        self._id = uuid.uuid4().hex
        self._started = timezone.now()
        self._version = _version()

    def tell(self) -> None:
        now = timezone.now()
        GatewayProcess.objects.update_or_create(
            pk=self._id,
            defaults={
                "host": socket.gethostname()[:255],
                "pid": os.getpid(),
                "version": self._version,
                "started": self._started,
                "seen": now,
                **structs.asdict(self._condition()),
            },
        )
        GatewayProcess.objects.filter(seen__lt=now - FORGOTTEN).delete()

    def leave(self) -> None:
        GatewayProcess.objects.filter(pk=self._id).delete()


def _version() -> str:
    try:
        return metadata.version("omniroute")
    except metadata.PackageNotFoundError:  # it runs from a folder
        return ""
