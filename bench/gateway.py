"""The gateway under test: from an empty data folder, with nothing switched off."""

import json
import os
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from bench.processes import ROOT
from bench.setups import Setup

EMPTY_WITHIN_S = 5.0


class Row(NamedTuple):
    """What the request log says of a call. `cost` is in 10⁻¹² USD."""

    id: str
    key: str
    outcome: str
    cost: int


@dataclass(frozen=True)
class Gateway:
    """A data folder of a gateway, and how that is set up; without `redis_url` it counts in memory."""

    folder: Path
    setup: Setup
    redis_url: str = ""

    @property
    def environment(self) -> dict[str, str]:
        # The developer's own databases are none of the benchmark's business.
        return {"DATA_DIR": str(self.folder), "DATABASE_URL": "", "REDIS_URL": self.redis_url}

    def prepare(self) -> None:
        self._manage("bootstrap")
        self._manage("config", "apply", "-", stdin=json.dumps(self.setup.configuration))

    def _manage(self, *arguments: str, stdin: str = "") -> None:
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=os.environ | self.environment,
            input=stdin,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise RuntimeError(f"manage.py {' '.join(arguments)}: {done.stderr}")

    def command(self, server: str, port: int, workers: int = 1) -> list[str]:
        return [
            sys.executable, "manage.py", "serve", "--no-worker", "--server", server,
            "--host", "127.0.0.1", "--port", str(port), "--workers", str(workers),
        ]  # fmt: skip

    def rows(self) -> Counter[str]:
        """How many rows the request log has, by outcome."""
        with self._database() as database:
            query = "SELECT outcome, COUNT(*) FROM analytics_requestrecord GROUP BY outcome"
            return Counter(dict(database.execute(query).fetchall()))

    def records(self) -> list[Row]:
        """The request log."""
        with self._database() as database:
            query = "SELECT id, key, outcome, cost_picousd FROM analytics_requestrecord"
            return [Row(*row) for row in database.execute(query)]

    def wait_until_empty(self, within_s: float = EMPTY_WITHIN_S) -> float:
        """Seconds until everything in the journal is in the database.

        Raises:
            RuntimeError: It took longer than `within_s`.
        """
        began = time.monotonic()
        while waiting := self._undrained():
            if time.monotonic() - began > within_s:
                raise RuntimeError(f"after {within_s} s {waiting} records wait in the journal")
            time.sleep(0.05)
        return time.monotonic() - began

    def _undrained(self) -> int:
        """Records in the journal's files that the database lacks.

        A line is `B` or `E` and an array that begins with the record's id. A drained segment's file
        stays until it is full, so what counts is what the database lacks.
        """
        written = set()
        for path in (self.folder / "journal").glob("*/*.log"):
            try:
                # Up to the zeros: what is written while we read may be seen in part.
                content = path.read_bytes().partition(b"\0")[0]
            except FileNotFoundError:
                continue  # drained while we looked
            lines = content[: content.rfind(b"\n") + 1].splitlines()
            written |= {json.loads(line[1 : line.index(b",")] + b"]")[0] for line in lines}
        with self._database() as database:
            database.execute("CREATE TEMP TABLE written (id TEXT PRIMARY KEY)")
            database.executemany("INSERT INTO written VALUES (?)", [(id,) for id in written])
            query = "SELECT COUNT(*) FROM written WHERE id NOT IN (SELECT id FROM {})"
            found = database.execute(query.format("analytics_requestrecord")).fetchone()
        return int(found[0])

    @property
    def database(self) -> Path:
        return self.folder / "omniroute.db"

    def _database(self) -> sqlite3.Connection:
        return sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)
