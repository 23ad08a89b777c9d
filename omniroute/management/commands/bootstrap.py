"""`manage.py bootstrap`: everything that must be there before the gateway is served."""

import contextlib
import fcntl
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from auditlog.context import disable_auditlog
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from accounts import first
from providers import catalogue, error_rules
from providers.credentials import CredentialUnreadable, NoKeyFits
from providers.models import Connection

log = logging.getLogger(__name__)

CURL = """\
curl -N {url}/v1/chat/completions \\
  -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json' \\
  -d '{{"model": "demo/echo", "stream": true, "messages": [{{"role": "user", \
"content": "Hello from OmniRoute: these words come back one by one."}}]}}'"""


class Command(BaseCommand):
    help = "Migrate, load the catalogue, and make the first administrator and API key."

    def handle(self, *args: Any, **options: Any) -> None:
        with _alone():
            try:
                self._prepare()
            except (
                ImproperlyConfigured,
                catalogue.CatalogueError,
                error_rules.ErrorRulesError,
            ) as error:
                raise CommandError(str(error)) from None

    def _prepare(self) -> None:
        call_command("migrate", verbosity=0)
        call_command("createcachetable", verbosity=0)
        _keep_private()
        check_credentials()
        with disable_auditlog():  # what is shipped is nobody's decision
            catalogue.load()
            error_rules.load()
        catalogue.connect_environment(dict(os.environ))
        if settings.API_KEY:
            first.keep_environment_key(settings.API_KEY)
        password = first.make_administrator(settings.ADMIN_USERNAME, settings.ADMIN_PASSWORD)
        self._tell(password, first.make_key())

    def _tell(self, password: str | None, key: str | None) -> None:
        url = settings.PUBLIC_URL
        lines = [f"Admin:    {url}/admin/", f"Endpoint: {url}/v1"]
        if password:
            lines.append(f"Sign in as {settings.ADMIN_USERNAME} with the password {password}")
        if key:
            lines.append(f"API key:  {key}")
        if password or key:
            lines.append("This is not shown again.")
        else:
            lines.append(
                "Password and API key were shown at the first start; `python manage.py "
                "reset_password` and Admin make new ones."
            )
        if key:
            lines += ["Once the gateway listens, this streams:", "", CURL.format(url=url, key=key)]
            lines.append("")
        self.stdout.write("\n".join(lines))
        self.stdout.flush()


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Several containers may start at once: on one folder, or on one PostgreSQL with a folder each."""
    with open(settings.DATA_DIR / "bootstrap.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if connection.vendor != "postgresql":
            yield
            return
        # Another connection than the work's: a lock of the session outlives its transactions.
        other = connection.copy()
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
            try:
                yield
            finally:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])
                other.close()


_LOCK = 0x6F6D6E69  # any number, the same in every release


def _keep_private() -> None:
    if connection.vendor == "sqlite":
        path = Path(str(connection.settings_dict["NAME"]))
        for file in path.parent.glob(path.name + "*"):
            file.chmod(0o600)


def check_credentials() -> None:
    """Refuse to start with keys that do not decrypt what is stored.

    A row that is damaged otherwise stops nothing: the snapshot leaves it out.

    Raises:
        CommandError: It names the connections concerned.
    """
    unreadable = []
    for row in Connection.objects.exclude(credential=""):
        try:
            row.read_auth()
        except NoKeyFits:
            unreadable.append(row.name)
        except CredentialUnreadable as error:
            log.error("connection %s cannot be used: %s", row.name, error)
    if unreadable:
        raise CommandError(
            "ENCRYPTION_KEYS: no key decrypts the stored credential of "
            f"{', '.join(unreadable)}; give the keys that it was stored with"
        )
