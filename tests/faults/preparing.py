"""A data folder with all the cases: so large a configuration takes seconds to apply, so that it is
done once, and each of pytest's workers puts the addresses of its own upstream into a copy."""

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.e2e.gateway import Gateway
from tests.faults.cases import configuration
from tests.faults.upstream import Upstream

# They stand for the addresses until there is an upstream; nobody calls them.
_UPSTREAM = "http://127.0.0.1:1"
_PLACES = {"refuses": "http://127.0.0.1:2", "never-accepts": "http://127.0.0.1:3"}


def prepare(folder: Path) -> None:
    making = folder.with_suffix(".making")  # what is half made is not there
    making.mkdir()
    gateway = Gateway(making)
    gateway.manage("bootstrap")
    gateway.apply(configuration(_UPSTREAM, _PLACES))
    making.rename(folder)


def readdress(folder: Path, upstream: Upstream) -> None:
    """Before the gateway starts: `upstream` is where the configuration's is."""
    with closing(sqlite3.connect(folder / "omniroute.db")) as database, database:
        database.execute(
            "UPDATE providers_provider SET base_url = replace(base_url, ?, ?)",
            (_UPSTREAM + "/", upstream.url + "/"),
        )
        for name, url in upstream.places.items():
            # Whole, since the new address of one may begin as the old one of another.
            database.execute(
                "UPDATE providers_connection SET base_url = ? WHERE base_url = ?",
                (url, _PLACES[name]),
            )
