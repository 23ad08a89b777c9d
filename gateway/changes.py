"""How a change of the configuration reaches the calls that follow: whoever makes it raises a version,
and each process then swaps its snapshot for a new one."""

import logging
import threading
from collections.abc import Callable
from typing import Any

from django.db import DatabaseError, connection, models, transaction
from django.db.models.signals import post_delete, post_save

from accounts.models import ApiKey, GatewaySettings, User
from combos import models as combos
from gateway.bearers import Bearers
from gateway.channels import announce
from gateway.pacing import paced, short_turns
from gateway.snapshot import Snapshot, build
from providers import models as providers

log = logging.getLogger(__name__)

POLL_INTERVAL_S = 0.5

CONFIGURATION: tuple[type[models.Model], ...] = (
    User,
    ApiKey,
    GatewaySettings,
    providers.LoadedCatalogue,
    providers.Provider,
    providers.ProviderModel,
    providers.ModelList,
    providers.Connection,
    providers.ErrorRule,
    combos.Alias,
    combos.Combo,
    combos.ComboTarget,
)


def watch_configuration() -> None:
    """Raise the version whenever a row that the snapshot holds is saved or deleted.

    `QuerySet.update()` and `bulk_create()` send no signals: who writes configuration so calls
    `bump_version` itself.
    """
    for model in CONFIGURATION:
        post_save.connect(_changed, sender=model, dispatch_uid=f"snapshot-save-{model.__name__}")
        post_delete.connect(_changed, sender=model, dispatch_uid=f"snapshot-del-{model.__name__}")


def _changed(**_: Any) -> None:
    bump_version()


def bump_version() -> None:
    """In the transaction of the change: the version rises when, and only when, it commits."""
    GatewaySettings.objects.filter(pk=1).update(version=models.F("version") + 1)
    transaction.on_commit(announce, robust=True)


def _parts(snapshot: Snapshot) -> list[Any]:
    """What there are thousands of. Freed all at once, they would hold up the event loop."""
    parts: list[Any] = []
    for provider in snapshot.providers.values():
        parts += provider.models.values()
        parts += provider.connections
    return parts


class Watcher:
    """Holds the current snapshot of this process and renews it when the configuration changes:
    when another process says so, and otherwise when it looks.

    `current` is replaced as a whole by a background thread; reading it needs no lock.
    """

    def __init__(self) -> None:
        self.bearers = Bearers()
        self.current = build(self.bearers)
        # Called with what comes next, before it is in force. May raise `DatabaseError`: not yet.
        self.prepare: Callable[[Snapshot], None] = lambda snapshot: None
        self.failing = False
        self._woken = threading.Event()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="snapshot", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """Look for a change now; from any thread."""
        self._woken.set()

    def stop(self) -> None:
        self._stopped = True
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join()

    def refresh(self) -> None:
        """Rebuild where the version differs, and take in tokens that have been renewed.

        Raises `DatabaseError` where it cannot be read.
        """
        version = GatewaySettings.objects.values_list("version", flat=True).get(pk=1)
        if version != self.current.version:
            with short_turns():
                following = build(self.bearers)
                self.prepare(following)
                old, self.current = self.current, following
                parts = _parts(old)
                del old
                for _ in paced(range(len(parts))):
                    parts.pop()
        else:
            self.bearers.refresh()

    def _run(self) -> None:
        while True:
            self._woken.wait(POLL_INTERVAL_S)
            self._woken.clear()
            if self._stopped:
                break
            try:
                self.refresh()
                self.failing = False
            except (DatabaseError, GatewaySettings.DoesNotExist) as error:
                # The last snapshot goes on serving: an absent database stops no call.
                if not self.failing:
                    log.warning("configuration cannot be read: %s", type(error).__name__)
                self.failing = True
                connection.close()
        connection.close()
