"""A database with a real server before it, asked for pages as a browser asks."""

import json
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import psycopg

from bench import processes

PASSWORD = "correct-horse-battery-9"
ROUNDS = 9


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
        """What that prints.

        Raises:
            SystemExit: It failed.
        """
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=processes.ROOT,
            env=os.environ | self.environment,
            input=stdin,
            stdout=subprocess.PIPE,
            text=True,
        )
        if done.returncode:
            sys.exit(f"{' '.join(arguments)} failed:\n{done.stdout}")
        return done.stdout

    def ask(self, query: str) -> list[str]:
        """The first row that it finds."""
        code = (
            "import json; from django.db import connection; cursor = connection.cursor(); "
            f"cursor.execute({query!r}); "
            "print(json.dumps([str(value) for value in cursor.fetchone()]))"
        )
        told = self.run("manage.py", "shell", "--verbosity", "0", "-c", code)
        found: list[str] = json.loads(told.strip().splitlines()[-1])
        return found


@contextmanager
def site(postgres: str = "", keep: str = "") -> Iterator[Site]:
    """An empty one, gone afterwards; or the one of that name, which stays."""
    with TemporaryDirectory(prefix="omniroute-pages-") as folder:
        if not postgres:
            yield Site(Path(folder), "")
            return
        name = keep or f"omniroute_pages_{uuid4().hex[:12]}"
        with psycopg.connect(postgres, autocommit=True) as server:
            if not server.execute(
                "SELECT 1 FROM pg_database WHERE datname = %s", [name]
            ).fetchone():
                server.execute(f'CREATE DATABASE "{name}"')
            try:
                yield Site(Path(folder), urlsplit(postgres)._replace(path=f"/{name}").geturl())
            finally:
                if not keep:
                    server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@dataclass(frozen=True)
class Browser:
    """Signed in as the administrator."""

    client: httpx.Client

    def json(self, path: str) -> Any:
        return self.client.get(path).raise_for_status().json()

    def times(self, page: Page) -> tuple[float, float]:
        """The median and the slowest of some answers, in milliseconds."""
        taken = []
        for _ in range(ROUNDS):
            began = time.monotonic()
            answer = self.client.get(page.path)
            taken.append((time.monotonic() - began) * 1000)
            assert answer.status_code == 200, page.path
        return statistics.median(taken), max(taken)


@contextmanager
def browsing(site: Site) -> Iterator[Browser]:
    port = processes.free_port()
    serve = ["manage.py", "serve", "--no-worker", "--server", "uvicorn", "--port", str(port)]
    base, log = f"http://127.0.0.1:{port}", site.folder / "server.log"
    with (
        processes.running([sys.executable, *serve], None, base + "/healthz", log, site.environment),
        httpx.Client(base_url=base, timeout=120, follow_redirects=True) as client,
    ):
        _sign_in(client)
        yield Browser(client)


def _sign_in(client: httpx.Client) -> None:
    form = client.get("/")
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', form.text)
    assert found is not None
    told = {"login": "admin", "password": PASSWORD, "csrfmiddlewaretoken": found[1]}
    answer = client.post(str(form.url), data=told, headers={"referer": str(form.url)})
    assert "Sign out" in answer.text
