"""Servers that a test run starts for itself, from installed binaries; nothing of them is kept."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg
import redis

START_S = 30.0
# Debian keeps the server's own programs out of the PATH.
POSTGRES_FOLDERS = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)


@contextmanager
def redis_server(port: int = 0, *options: str) -> Iterator[str | None]:
    """The URL of a Redis that ends with the block; None where none is installed."""
    binary = shutil.which("redis-server")
    if binary is None:
        yield None
        return
    port = port or free_port()
    url = f"redis://127.0.0.1:{port}/0"
    with tempfile.TemporaryDirectory(prefix="omniroute-redis-") as folder:
        command = [binary, "--bind", "127.0.0.1", "--port", str(port), "--dir", folder]
        nothing_kept = ["--save", "", "--appendonly", "no"]
        with _running(
            [*command, *nothing_kept, *options], signal.SIGTERM, lambda: redis_answers(url)
        ):
            yield url


@contextmanager
def postgres_server() -> Iterator[str | None]:
    """The URL of a PostgreSQL that ends with the block; None where none is installed."""
    path = os.pathsep.join([os.environ.get("PATH", ""), *map(str, POSTGRES_FOLDERS)])
    initdb, postgres = (shutil.which(name, path=path) for name in ("initdb", "postgres"))
    account = _account()
    if initdb is None or postgres is None or account is None:
        yield None
        return
    port = free_port()
    url = f"postgres://postgres@127.0.0.1:{port}/postgres"
    with tempfile.TemporaryDirectory(prefix="omniroute-postgres-") as folder:
        os.chown(folder, account.pw_uid, account.pw_gid)
        data = f"{folder}/data"
        subprocess.run(
            [initdb, "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"],
            check=True,
            capture_output=True,
            user=account.pw_uid,
            group=account.pw_gid,
            cwd=folder,
        )
        command = [postgres, "-D", data, "-p", str(port)]
        for option in ("listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off"):
            command += ["-c", option]
        # SIGINT disconnects clients; SIGTERM would wait for them.
        with _running(command, signal.SIGINT, lambda: postgres_answers(url), account):
            yield url


def _account() -> pwd.struct_passwd | None:
    """Whom PostgreSQL can run as: never root."""
    if os.geteuid():
        return pwd.getpwuid(os.geteuid())
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return None


def redis_answers(url: str) -> bool:
    try:
        with redis.Redis.from_url(url, socket_connect_timeout=2) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


def postgres_answers(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


@contextmanager
def _running(
    command: Sequence[str],
    stop: signal.Signals,
    answers: Callable[[], bool],
    account: pwd.struct_passwd | None = None,
) -> Iterator[None]:
    process = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        user=account.pw_uid if account else None,
        group=account.pw_gid if account else None,
    )
    try:
        deadline = time.monotonic() + START_S
        while not answers():
            assert process.poll() is None, f"{command[0]} ended with {process.returncode}"
            assert time.monotonic() < deadline, f"{command[0]} does not answer"
            time.sleep(0.05)
        yield
    finally:
        process.send_signal(stop)
        process.wait(30)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
