"""`python -m bench budgets`: many clients at once, and a budget that ends in the middle of it.

Four processes on Redis. Fails where more is spent than the budget, or less than nearly all of it.
"""

import asyncio
import sys
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import client, processes, setups, verdicts
from bench.client import Reply
from bench.gateway import Gateway, Row
from bench.redis import redis_server

WORKERS = 4
CLIENTS = 64
BUDGET_USD = 1.0
LEAST_USD = 0.95
# 10 tokens in and 64 out make an answer of about 0.001 USD; as many as MAX_TOKENS are reserved.
OUTPUT_PRICE = 15.5
MAX_TOKENS = 100
# A refusal may be of what others have reserved, and not spend.
REFUSALS = 5
PAUSE_S = 0.1
DRAINED_WITHIN_S = 30.0


def main() -> None:
    with TemporaryDirectory(prefix="omniroute-budgets-") as folder:
        replies, rows = asyncio.run(_run(Path(folder)))
    print(report(replies, rows))
    if found := faults(replies, rows):
        sys.exit("\n".join(found))


async def _run(folder: Path) -> tuple[list[Reply], list[Row]]:
    ports = [processes.free_port() for _ in range(2)]
    upstream = f"http://127.0.0.1:{ports[1]}"
    provider = [sys.executable, "-m", "bench.upstream", str(ports[1])]
    with redis_server(folder) as server:
        setup = setups.budgeted(upstream, BUDGET_USD, OUTPUT_PRICE)
        gateway = Gateway(folder, setup, server.url)
        await asyncio.to_thread(gateway.prepare)
        with (
            processes.running(provider, None, upstream + "/tally", folder / "upstream.log", {}),
            processes.running(
                gateway.command("uvicorn", ports[0], WORKERS),
                None,
                f"http://127.0.0.1:{ports[0]}/healthz",
                folder / "gateway.log",
                gateway.environment,
            ),
        ):
            clients = (_client(ports[0], setup.model, number) for number in range(CLIENTS))
            replies = [reply for told in await asyncio.gather(*clients) for reply in told]
            await asyncio.to_thread(gateway.wait_until_empty, DRAINED_WITHIN_S)
            return replies, gateway.records()


async def _client(port: int, model: str, number: int) -> list[Reply]:
    """It calls until it has been refused so often in a row that nothing can be left."""
    format, stream = list(client.PATHS)[number % 2], number % 4 < 2
    body = client.request(format, stream, model, MAX_TOKENS)
    replies: list[Reply] = []
    while any(reply.status == 200 for reply in replies[-REFUSALS:]) or len(replies) < REFUSALS:
        replies.append(await client.post(port, format, stream, setups.KEY, body))
        if replies[-1].status != 200:
            await asyncio.sleep(PAUSE_S)
    return replies


def faults(replies: list[Reply], rows: list[Row]) -> list[str]:
    """What is not as it should be."""
    usd = spent_usd(rows)
    ends = Counter(map(verdicts.end, replies))
    answered = sum(row.outcome == "ok" for row in rows)
    checks = {
        f"{usd:.6f} USD are spent of {BUDGET_USD:g}": usd <= BUDGET_USD,
        f"only {usd:.6f} USD could be spent of {BUDGET_USD:g}": usd >= LEAST_USD,
        f"calls ended as {dict(ends)}": set(ends) <= {"answered", "spent"},
        f"{ends['answered']} answers, {answered} rows of answers": ends["answered"] == answered,
    }
    return [words for words, right in checks.items() if not right]


def spent_usd(rows: list[Row]) -> float:
    return sum(row.cost or 0 for row in rows) / verdicts.PICO


def report(replies: list[Reply], rows: list[Row]) -> str:
    ends = Counter(map(verdicts.end, replies))
    seconds = max(reply.ended for reply in replies) - min(reply.began for reply in replies)
    return (
        f"{CLIENTS} clients, {WORKERS} processes on Redis, {seconds:.1f} s: {ends['answered']} calls "
        f"answered and {ends['spent']} refused; {spent_usd(rows):.6f} USD spent of {BUDGET_USD:g}"
    )
