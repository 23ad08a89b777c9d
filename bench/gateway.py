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

from bench.processes import ROOT
from bench.upstream import CREDENTIAL

KEY = "sk-omni-bench-0123456789abcdef0123456789abcdef"
MODEL = "mk/mock"
EMPTY_WITHIN_S = 5.0


@dataclass(frozen=True)
class Gateway:
    """A data folder of a gateway, prepared for a provider at `upstream`."""

    folder: Path
    upstream: str

    @property
    def environment(self) -> dict[str, str]:
        # The developer's own databases are none of the benchmark's business.
        return {"DATA_DIR": str(self.folder), "DATABASE_URL": "", "REDIS_URL": ""}

    def prepare(self) -> None:
        self._manage("bootstrap")
        self._manage("config", "apply", "-", stdin=json.dumps(self._configuration()))

    def _configuration(self) -> dict[str, object]:
        return {
            "providers": [
                {
                    "id": "mock",
                    "alias": "mk",
                    "base_url": self.upstream + "/v1",
                    "allow_private_network": True,
                }
            ],
            "connections": [
                {
                    "name": "mock-main",
                    "provider": "mock",
                    "auth": {"type": "api_key", "api_key": CREDENTIAL},
                }
            ],
            "models": [{"id": MODEL, "input_price": 1, "output_price": 2}],
            "api_keys": [{"name": "bench", "key": KEY}],
        }

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

    def command(self, server: str, port: int) -> list[str]:
        return [
            sys.executable, "manage.py", "serve", "--no-worker", "--server", server,
            "--host", "127.0.0.1", "--port", str(port),
        ]  # fmt: skip

    def rows(self) -> Counter[str]:
        """How many rows the request log has, by outcome."""
        with self._database() as database:
            query = "SELECT outcome, COUNT(*) FROM analytics_requestrecord GROUP BY outcome"
            return Counter(dict(database.execute(query).fetchall()))

    def wait_until_empty(self) -> float:
        """Seconds until everything in the journal is in the database.

        Raises:
            RuntimeError: It took longer than EMPTY_WITHIN_S.
        """
        began = time.monotonic()
        while waiting := self._undrained():
            if time.monotonic() - began > EMPTY_WITHIN_S:
                raise RuntimeError(
                    f"after {EMPTY_WITHIN_S} s {waiting} records wait in the journal"
                )
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

    def _database(self) -> sqlite3.Connection:
        return sqlite3.connect(f"file:{self.folder / 'omniroute.db'}?mode=ro", uri=True)
