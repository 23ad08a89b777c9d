"""`python -m bench chaos`, or `make chaos`: everything fails at once, and clients should not notice.

Two gateway processes, Redis, a provider whose every connection fails 30% of its calls before the
first content, and some after it. While clients call, Redis is stopped and started again, the
database is locked, and a gateway process is killed. Fails where a client was let down.
"""

import argparse
import asyncio
import json
import sys
import urllib.request
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from time import monotonic

import redis

from bench import client, events, processes, setups, verdicts
from bench.client import Reply
from bench.gateway import Gateway
from bench.redis import RedisServer, redis_server
from bench.verdicts import Met

WORKERS = 2
CLIENTS = 24
SMALL_EVERY = 4  # each so many-eth client has the key whose budget runs out
THINKS_S = (0.2, 1.2)
MAX_TOKENS = 100
PRICE = 10 * 10**6 + 64 * 2 * 10**6  # of an answer, in 10⁻¹² USD
REDIS_AWAY_S = 10.0
LOCKED_S = 5.0
DRAINED_WITHIN_S = 30.0  # a dead process's journal is looked for every 10 s


@dataclass
class Run:
    """A gateway under load, and what is noted of it."""

    gateway: Gateway
    redis: RedisServer
    port: int
    supervisor: int
    rng: Random
    replies: list[Reply] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    killed_at: float = 0.0
    clients_of_killed: set[int] = field(default_factory=set)
    began: float = field(default_factory=monotonic)

    def note(self, words: str) -> None:
        self.notes.append(f"{monotonic() - self.began:6.1f} s  {words}")

    def is_lost(self, reply: Reply) -> bool:
        """Was it under way in the killed process?"""
        return reply.port in self.clients_of_killed and reply.began <= self.killed_at <= reply.ended


def main(argv: list[str]) -> None:
    arguments = _parse(argv)
    print(f"{arguments.seconds} s with the seed {arguments.seed} …", file=sys.stderr, flush=True)
    with TemporaryDirectory(prefix="omniroute-chaos-") as folder:
        run, met = asyncio.run(_run(Path(folder), arguments))
    print(report(run, met))
    if found := run.faults + verdicts.faults(met):
        sys.exit("\n".join(["", "NOT AS IT SHOULD BE:", *found]))


def _parse(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench chaos", description=__doc__)
    parser.add_argument("--seconds", type=int, default=120)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--server", default="uvicorn", choices=("uvicorn", "daphne"))
    return parser.parse_args(argv)


async def _run(folder: Path, arguments: argparse.Namespace) -> tuple[Run, Met]:
    ports = [processes.free_port() for _ in range(2)]
    upstream = f"http://127.0.0.1:{ports[1]}"
    provider = [sys.executable, "-m", "bench.faults", str(ports[1]), str(arguments.seed)]
    with redis_server(folder) as server:
        gateway = Gateway(folder, setups.failing(upstream), server.url)
        await asyncio.to_thread(gateway.prepare)
        with (
            processes.running(provider, None, upstream + "/tally", folder / "upstream.log", {}),
            processes.running(
                gateway.command(arguments.server, ports[0], WORKERS),
                None,
                f"http://127.0.0.1:{ports[0]}/healthz",
                folder / "gateway.log",
                gateway.environment,
            ) as process,
        ):
            run = Run(gateway, server, ports[0], process.pid, Random(arguments.seed))
            async with _clients(run, arguments.seed):
                await _disturb(run, arguments.seconds)
            return run, await asyncio.to_thread(_met, run, upstream)


@asynccontextmanager
async def _clients(run: Run, seed: int) -> AsyncIterator[None]:
    """They call until the block ends, and are answered."""
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for number in range(CLIENTS):
            group.create_task(_client(run, number, Random(f"{seed} {number}"), stop))
        try:
            yield
        finally:
            stop.set()


async def _client(run: Run, number: int, rng: Random, stop: asyncio.Event) -> None:
    key = setups.SMALL_KEY if number % SMALL_EVERY == 0 else setups.KEY
    while not stop.is_set():
        format, stream = rng.choice(tuple(client.PATHS)), rng.random() < 0.5
        body = client.request(format, stream, run.gateway.setup.model, MAX_TOKENS)
        run.replies.append(await client.post(run.port, format, stream, key, body))
        await asyncio.sleep(rng.uniform(*THINKS_S))


async def _disturb(run: Run, seconds: int) -> None:
    """One thing after the other, at times that the seed moves about."""
    plan: list[tuple[float, Callable[[Run], Awaitable[None]]]] = [
        (0.15, _take_redis_away), (0.45, _lock_database), (0.65, _kill_process),
    ]  # fmt: skip
    for share, deed in plan:
        at = run.began + seconds * (share + run.rng.uniform(-0.05, 0.05))
        await asyncio.sleep(max(at - monotonic(), 0))
        await deed(run)
    await asyncio.sleep(max(run.began + seconds - monotonic(), 0))


async def _take_redis_away(run: Run) -> None:
    run.note("Redis is stopped")
    await asyncio.to_thread(run.redis.stop)
    await asyncio.sleep(REDIS_AWAY_S)
    await asyncio.to_thread(run.redis.start)
    run.note("Redis is started, and empty")


async def _lock_database(run: Run) -> None:
    run.note(f"the database is locked for {LOCKED_S:g} s")
    await events.lock(run.gateway.database, LOCKED_S)


async def _kill_process(run: Run) -> None:
    victim = run.rng.choice(processes.children(run.supervisor))
    run.killed_at, run.clients_of_killed = events.kill(victim, run.port)
    run.note(f"a gateway process is killed, with {len(run.clients_of_killed)} connections")
    if await events.replaced(run.supervisor, victim, WORKERS):
        run.note("there is another one in its place")
    else:
        run.faults.append("the killed process has no successor")


def _met(run: Run, upstream: str) -> Met:
    """All that is known once the journals are in the database."""
    try:
        drained_s = run.gateway.wait_until_empty(DRAINED_WITHIN_S)
        run.note(f"the journals are in the database, after {drained_s:.1f} s")
    except RuntimeError as error:
        run.faults.append(str(error))
    with urllib.request.urlopen(upstream + "/tally", timeout=5) as answer:
        seen = json.load(answer)
    return Met(
        replies=run.replies,
        lost=[reply for reply in run.replies if run.is_lost(reply)],
        rows=run.gateway.records(),
        seen=seen,
        budgets={"large": setups.LARGE_USD, "small": setups.SMALL_USD},
        price=PRICE,
        spent=_counted(run),
    )


def _counted(run: Run) -> dict[str, int]:
    """What Redis counts as spent today, in 10⁻¹² USD, by key."""
    with redis.Redis.from_url(run.redis.url, decode_responses=True) as store:
        found = {name: store.hget(name, "total") for name in store.scan_iter("*}:spent:key:*")}
    return {
        name.split(":")[3]: int(str(total).split()[0]) for name, total in found.items() if total
    }


def report(run: Run, met: Met) -> str:
    """Short, for people."""
    ends = ", ".join(f"{count} {kind}" for kind, count in met.ends.most_common())
    seen = ", ".join(f"{count} {what}" for what, count in sorted(met.seen.items()))
    attempts = sum(met.seen.values())
    before = sum(count for what, count in met.seen.items() if what.startswith("before"))
    times = sorted(reply.ended - reply.began for reply in met.kept if reply.status == 200)
    p50, p99 = (times[int(len(times) * share)] * 1000 for share in (0.5, 0.99))
    money = ", ".join(
        f"{key} {met.logged(key) / verdicts.PICO:.6f} of {usd:g} (Redis "
        f"{met.spent.get(key, 0) / verdicts.PICO:.6f})"
        for key, usd in met.budgets.items()
    )
    return "\n".join(
        [
            *run.notes,
            "",
            f"calls: {len(met.replies)}: {ends}; under way in the killed process: {len(met.lost)}",
            f"answered of those that could be: {met.share:.3%} (at least {verdicts.LEAST_SHARE:.1%})",
            f"provider: {attempts} calls, {before / max(attempts, 1):.1%} failed before the first content: {seen}",
            f"answers took {p50:.0f} ms, 1% of them more than {p99:.0f} ms",
            f"rows in the log: {dict(Counter(row.outcome for row in met.rows))}",
            f"spent, in USD: {money}",
        ]
    )
