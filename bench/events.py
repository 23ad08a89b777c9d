"""What is done to a running gateway: its database locked, one of its processes killed."""

import asyncio
import os
import signal
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from time import monotonic

from bench.processes import children


async def lock(database: Path, seconds: float) -> None:
    """Let nobody else write."""
    held = sqlite3.connect(database, isolation_level=None, timeout=30)
    try:
        held.execute("BEGIN IMMEDIATE")
        await asyncio.sleep(seconds)
        held.execute("ROLLBACK")
    finally:
        held.close()


def kill(process: int, port: int) -> tuple[float, set[int]]:
    """End a gateway process at once. It is stopped first, so that what it has is no guess.

    Returns:
        When, and the ports of the clients that it was connected to at `port`.
    """
    os.kill(process, signal.SIGSTOP)
    try:
        clients = _clients(process, port)
    finally:
        os.kill(process, signal.SIGKILL)
    return monotonic(), clients


def _clients(process: int, port: int) -> set[int]:
    links = (_link(path) for path in Path(f"/proc/{process}/fd").iterdir())
    inodes = {link[8:-1] for link in links if link.startswith("socket:[")}
    return peers(Path("/proc/net/tcp").read_text().splitlines()[1:], inodes, port)


def _link(path: Path) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""  # closed meanwhile


def peers(table: Iterable[str], inodes: set[str], port: int) -> set[int]:
    """The other ends' ports of the sockets `inodes` at `port`, by lines of /proc/net/tcp."""
    found = set()
    for line in table:
        _, local, remote, *rest = line.split()
        if rest[6] in inodes and int(local.split(":")[1], 16) == port:
            found.add(int(remote.split(":")[1], 16))
    return found - {0}  # of the listening socket


async def replaced(supervisor: int, dead: int, count: int, within_s: float = 60.0) -> bool:
    """Does the supervisor have `count` processes again, none of them the dead one?"""
    until = monotonic() + within_s
    while monotonic() < until:
        running = await asyncio.to_thread(children, supervisor)
        if dead not in running and len(running) == count:
            return True
        await asyncio.sleep(0.2)
    return False
