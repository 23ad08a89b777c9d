"""`python -m bench pages`: how long pages take over a long request log, asked for as a browser asks.

Makes a database of its own (SQLite in a folder of its own, or with `--postgres URL` a new one on that
server), fills it (`bench.rows`), and measures a real server. Fails where a page takes longer than its
bound, or where the overview's sums are not those of the log to 10⁻¹² USD.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote, urlsplit
from uuid import uuid4

import httpx
import psycopg

from bench import processes
from bench.log import KEYS

PASSWORD = "correct-horse-battery-9"
ROUNDS = 9
PAGE = 50  # rows of the log's page
HOUR_ROWS, HOUR_S = 100_000, 5.0

# Sums of the log, and of the overview's rollups: the same, or a row is lost or counted twice.
LOG_SUMS = "SELECT count(*), sum(input_tokens + output_tokens), sum(cost_picousd) FROM analytics_requestrecord"
ROLLUP_SUMS = (
    "SELECT sum(requests), sum(input_tokens + output_tokens), sum(cost_picousd) "
    "FROM analytics_{table} WHERE \"user\" = '' AND dimension = ''"
)


@dataclass(frozen=True)
class Page:
    name: str
    path: str
    bound_ms: float


@dataclass(frozen=True)
class Site:
    """A data folder, and the database that goes with it."""

    folder: Path
    database_url: str  # empty: SQLite, in the folder

    @property
    def environment(self) -> dict[str, str]:
        return {"DATA_DIR": str(self.folder), "DATABASE_URL": self.database_url, "REDIS_URL": ""}

    def prepare(self) -> None:
        """As after the first start, with an administrator's password that is known."""
        self.run("manage.py", "bootstrap")
        self.run("manage.py", "reset_password", "admin", stdin=PASSWORD + "\n")

    def run(self, *arguments: str, stdin: str = "") -> str:
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=processes.ROOT,
            env=os.environ | self.environment,
            input=stdin,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        return done.stdout

    def ask(self, query: str) -> tuple[Any, ...]:
        code = (
            "import json; from django.db import connection; cursor = connection.cursor(); "
            f"cursor.execute({query!r}); "
            "print(json.dumps([str(value) for value in cursor.fetchone()]))"
        )
        told = self.run("manage.py", "shell", "--verbosity", "0", "-c", code)
        return tuple(json.loads(told.strip().splitlines()[-1]))


@contextmanager
def site(postgres: str) -> Iterator[Site]:
    """An empty one, gone afterwards."""
    with TemporaryDirectory(prefix="omniroute-pages-") as folder:
        if not postgres:
            yield Site(Path(folder), "")
            return
        name = f"omniroute_pages_{uuid4().hex[:12]}"
        with psycopg.connect(postgres, autocommit=True) as server:
            server.execute(f'CREATE DATABASE "{name}"')
            try:
                yield Site(Path(folder), urlsplit(postgres)._replace(path=f"/{name}").geturl())
            finally:
                server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def pages(deep: str) -> list[Page]:
    """`deep` is the last id of the page before page 1,000."""
    key = quote(KEYS[-1][0])
    return [
        Page("overview, 24 hours", "/?range=24h", 300),
        Page("overview, 30 days by key", "/?range=30d&stack=key&zone=Europe/Vienna", 300),
        Page("overview, 90 days by model", "/?range=90d", 300),
        Page("overview, a year by tag", "/?range=1y&stack=tag", 300),
        Page("log, first page", "/logs/", 200),
        Page("log, page 1,000", f"/logs/?range=90d&before={deep}", 200),
        Page("log of one key, 90 days", f"/logs/?range=90d&key={key}", 300),
    ]


Ask = Callable[[Page], tuple[float, float]]


@contextmanager
def asking(site: Site) -> Iterator[Ask]:
    """A real server, and what asks it as a browser does: of a page the median and the slowest, in
    milliseconds."""
    port = processes.free_port()
    serve = ["manage.py", "serve", "--no-worker", "--server", "uvicorn", "--port", str(port)]
    base, log = f"http://127.0.0.1:{port}", site.folder / "server.log"
    with (
        processes.running([sys.executable, *serve], None, base + "/healthz", log, site.environment),
        httpx.Client(base_url=base, timeout=120, follow_redirects=True) as client,
    ):
        _sign_in(client)
        yield partial(_times, client)


def measure(site: Site) -> list[tuple[Page, float, float]]:
    """Of each page the median and the slowest."""
    offset = (
        f"SELECT id FROM analytics_requestrecord ORDER BY id DESC LIMIT 1 OFFSET {PAGE * 999 - 1}"
    )
    (deep,) = site.ask(offset)
    with asking(site) as ask:
        return [(page, *ask(page)) for page in pages(deep)]


def _sign_in(client: httpx.Client) -> None:
    form = client.get("/")
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', form.text)
    assert found is not None
    told = {"login": "admin", "password": PASSWORD, "csrfmiddlewaretoken": found[1]}
    answer = client.post(str(form.url), data=told, headers={"referer": str(form.url)})
    assert "Sign out" in answer.text


def _times(client: httpx.Client, page: Page) -> tuple[float, float]:
    taken = []
    for _ in range(ROUNDS):
        began = time.monotonic()
        answer = client.get(page.path)
        taken.append((time.monotonic() - began) * 1000)
        assert answer.status_code == 200, page.path
    return statistics.median(taken), max(taken)


def differences(site: Site) -> list[str]:
    """Where a rollup does not hold what the log does."""
    log = site.ask(LOG_SUMS)
    return [
        f"{table} adds up to {sums}, the log to {log}"
        for table in ("hourlyusage", "dailyusage")
        if (sums := site.ask(ROLLUP_SUMS.format(table=table))) != log
    ]


def _hour(postgres: str) -> float:
    """Seconds to roll up an hour of 100,000 requests."""
    with site(postgres) as empty:
        empty.run("manage.py", "migrate", "--verbosity", "0")
        told = empty.run("-m", "bench", "rows", f"--count={HOUR_ROWS}", "--days=0.04")
        return float(told.split()[-2])


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench pages")
    parser.add_argument("--postgres", default="", metavar="URL")
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--days", type=float, default=90)
    told = parser.parse_args(arguments)
    hour_s = _hour(told.postgres)
    with site(told.postgres) as filled:
        filled.prepare()
        print(filled.run("-m", "bench", "rows", f"--count={told.count}", f"--days={told.days}"))
        wrong = differences(filled)
        found = measure(filled)
    kind = "PostgreSQL" if told.postgres else "SQLite"
    print(
        f"| {kind}, {told.count:,} requests | median | slowest of {ROUNDS} | bound |\n|---|---|---|---|"
    )
    for page, median, slowest in found:
        print(f"| {page.name} | {median:.0f} ms | {slowest:.0f} ms | {page.bound_ms:.0f} ms |")
        if median > page.bound_ms:
            wrong.append(f"{page.name} takes {median:.0f} ms")
    print(f"| rolling up an hour of {HOUR_ROWS:,} requests | {hour_s:.1f} s | | {HOUR_S:.0f} s |")
    if hour_s > HOUR_S:
        wrong.append(f"an hour of {HOUR_ROWS:,} requests is rolled up in {hour_s:.1f} s")
    if wrong:
        sys.exit("\n".join(wrong))
    print("The sums of the rollups are those of the log, to 10⁻¹² USD.")
