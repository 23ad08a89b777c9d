"""`manage.py catalog`: check its files, take in a newer price list, write the table of providers."""

import asyncio
import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from omniroute import terminal
from omniroute.catalogue import check, page
from omniroute.http import Allowance, CallFailed, Fetcher
from providers import price_lists, repricing, rows

MAX_LIST_BYTES = 64 << 20
TIMEOUT_S = 60.0


class Command(BaseCommand):
    help = "Check the catalogue's files, take in a newer price list, or write docs/providers.md."

    def add_arguments(self, parser: CommandParser) -> None:
        deeds = parser.add_subparsers(dest="deed", required=True)
        checking = deeds.add_parser("check", help="Say what is wrong with the files, and where.")
        checking.add_argument("folder", nargs="?", type=Path, default=rows.FOLDER)
        updating = deeds.add_parser(
            "update",
            help="Hold a newer price list against the models: LiteLLM's "
            "model_prices_and_context_window.json or models.dev's api.json.",
        )
        updating.add_argument("source", help="A path, or a URL.")
        updating.add_argument("--apply", action="store_true", help="Write what would change.")
        table = deeds.add_parser("table", help="Write the table of providers.")
        table.add_argument("--out", type=Path, required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        match options["deed"]:
            case "check":
                self._check(options["folder"])
            case "update":
                self._update(options["source"], options["apply"])
            case "table":
                options["out"].write_text(page.document(rows.read()), encoding="utf-8")

    def _check(self, folder: Path) -> None:
        found = check.complaints(folder)
        for line in found:
            self.stderr.write(line)
        if found:
            raise CommandError(f"complaints about the catalogue: {len(found)}")
        self.stdout.write(f"{folder}: {len(rows.read(folder))} providers, nothing to complain of")

    def _update(self, source: str, is_applied: bool) -> None:
        try:
            listed = price_lists.read(_data(source))
        except (price_lists.PriceListError, CallFailed, OSError) as error:
            raise CommandError(f"{source}: {error}") from None
        changes = repricing.compare(listed)
        for change in changes:
            self.stdout.write(str(change))
        if is_applied and changes:
            with terminal.progress("Writing") as tell:
                repricing.apply(changes, datetime.datetime.now(datetime.UTC).date(), tell)
        done = "changed" if is_applied else "would change with --apply"
        self.stdout.write(f"{len(listed)} prices read; models that {done}: {len(changes)}")


def _data(source: str) -> bytes:
    """Raises `CallFailed`, `OSError`."""
    if "://" not in source:
        return Path(source).read_bytes()
    return asyncio.run(_fetched(source))


async def _fetched(url: str) -> bytes:
    fetcher = Fetcher(allow_private=settings.FETCH_PRIVATE_NETWORKS)
    try:
        return (await fetcher.get(url, [Allowance(MAX_LIST_BYTES)], TIMEOUT_S)).data
    finally:
        fetcher.close()
