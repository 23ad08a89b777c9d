"""`manage.py config apply|check|export`: the configuration as a file."""

import os
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import yaml
from django.core.management.base import BaseCommand, CommandError

from omniroute import terminal
from omniroute.configuration import export
from omniroute.configuration.apply import apply, read
from omniroute.configuration.errors import ConfigurationError
from providers.credentials import CredentialUnreadable


class Command(BaseCommand):
    help = "Apply, check or export the configuration as YAML or JSON."

    def add_arguments(self, parser: ArgumentParser) -> None:
        commands = parser.add_subparsers(dest="command", required=True)
        for name, words in (("apply", "write it"), ("check", "validate it, change nothing")):
            command = commands.add_parser(name, help=words)
            command.add_argument("file", help="a path, or - for standard input")
        command = commands.add_parser("export", help="print it")
        command.add_argument("--secrets", action="store_true", help="with credentials in clear")
        command.add_argument("file", nargs="?", help="a path; else standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["command"] == "export":
                self._export(options["file"], options["secrets"])
            else:
                self._apply(options["file"], keep=options["command"] == "apply")
        except (ConfigurationError, CredentialUnreadable) as error:
            raise CommandError(str(error)) from None
        except OSError as error:
            raise CommandError(f"{error.filename}: {error.strerror}") from None

    def _apply(self, file: str, *, keep: bool) -> None:
        text = sys.stdin.read() if file == "-" else Path(file).read_text()
        with terminal.progress("Writing") as tell:
            changes = apply(read(text), keep=keep, tell=tell)
        for change in changes:
            self.stdout.write(str(change))
            if change.secret and keep:
                self.stdout.write(f"  its secret, shown this once: {change.secret}")
        if not keep:
            self.stdout.write("The configuration is right; nothing was changed.")

    def _export(self, file: str | None, secrets: bool) -> None:
        content = export.document(secrets=secrets)
        text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
        if file is None:
            self.stdout.write(text)
            return
        # Written anew with a mode of its own: an older file might be readable by others.
        Path(file).unlink(missing_ok=True)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
            out.write(text)
