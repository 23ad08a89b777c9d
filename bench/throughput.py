"""`python -m bench`: requests a second beside a bare relay's.

Prints a table, and fails where an answer failed or is not accounted for.
"""

import argparse
import dataclasses
import json
import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench import load, processes, setups
from bench.gateway import Gateway
from bench.measure import CONNECTIONS, Addresses, Plan, Result, measure
from bench.processes import running
from bench.redis import redis_server

SERVERS = ("uvicorn", "daphne")


def main(argv: list[str]) -> None:
    arguments = parse(argv)
    load.check_wrk()
    gateway_cpu, load_cpu = processes.cores()
    plan = Plan(arguments.path, arguments.rounds, arguments.seconds, load_cpu)
    results: dict[str, Any] = {}
    faults: list[str] = []
    for server in arguments.server or SERVERS:
        print(f"measuring {server} …", file=sys.stderr, flush=True)
        with TemporaryDirectory(prefix="omniroute-bench-") as folder:
            result, mib = run(Path(folder), server, plan, gateway_cpu, arguments)
        results[server] = dataclasses.asdict(result) | {"rss_mib": round(mib, 1)}
        faults += [f"{server}: {fault}" for fault in find_faults(result)]
    print(table(results))
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1) + "\n")
    if faults:
        sys.exit("\n".join(faults))


def parse(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--server", action="append", choices=SERVERS, help="default: both")
    parser.add_argument("--path", default="/v1/chat/completions", help="or /v1/messages")
    parser.add_argument(
        "--routed", action="store_true", help="a key with limits and budgets, a combo of three"
    )
    parser.add_argument("--strategy", default="fill-first", help="of that combo")
    parser.add_argument("--redis", action="store_true", help="count in a Redis, not in memory")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=4, help="of each load")
    parser.add_argument("--json", type=Path, metavar="FILE", help="the figures, for machines")
    return parser.parse_args(argv)


def run(
    folder: Path, server: str, plan: Plan, gateway_cpu: int, arguments: argparse.Namespace
) -> tuple[Result, float]:
    """Start provider, floor and gateway, and measure; the figures, and the gateway's MiB."""
    with ExitStack() as stack:
        url = ""
        if arguments.redis:  # on the load's core: what is measured is the gateway's work
            url = stack.enter_context(redis_server(folder, plan.load_cpu)).url
        return _run(folder, server, plan, gateway_cpu, arguments, url)


def _run(
    folder: Path,
    server: str,
    plan: Plan,
    gateway_cpu: int,
    arguments: argparse.Namespace,
    redis_url: str,
) -> tuple[Result, float]:
    ports = [processes.free_port() for _ in range(3)]
    at = Addresses(*(f"http://127.0.0.1:{port}" for port in ports))
    setup = setups.plain(at.upstream)
    if arguments.routed:
        setup = setups.routed(at.upstream, arguments.strategy)
    gateway = Gateway(folder, setup, redis_url)
    gateway.prepare()
    python = [sys.executable, "-m"]
    floor = [*python, "uvicorn", "--port", str(ports[1]), "--no-access-log", "bench.floor:app"]
    with (
        running(
            [*python, "bench.upstream", str(ports[2])],
            plan.load_cpu, at.upstream + "/tally", folder / "upstream.log", {},
        ),
        running(
            floor, gateway_cpu, at.floor, folder / "floor.log", {"UPSTREAM": at.upstream + "/v1"}
        ),
        running(
            gateway.command(server, ports[0]),
            gateway_cpu, at.gateway + "/healthz", folder / "gateway.log", gateway.environment,
        ) as process,
    ):  # fmt: skip
        result = measure(gateway, at, plan)
        return result, processes.resident_mib(process.pid)


def find_faults(result: Result) -> list[str]:
    failed = result.json.failed + result.stream.failed
    return ([f"{failed} requests failed"] if failed else []) + result.ledger.faults()


COLUMNS = (
    "", "JSON/s", "÷floor", "p99 ms", "streams/s", "÷floor", "p99 ms", "adds ms", "failed", "MiB",
)  # fmt: skip


def table(results: dict[str, Any]) -> str:
    """Markdown, so that it can be pasted into docs/performance.md."""
    first = next(iter(results.values()))
    floors = [f"{first[kind]['floor_per_s']:,.0f}" for kind in ("json", "stream")]
    lines = [
        COLUMNS,
        ("---", *["---:"] * (len(COLUMNS) - 1)),
        ("floor", floors[0], "1", "", floors[1], "1", "", "", "", ""),
        *(row(server, result) for server, result in results.items()),
    ]
    ledgers = [
        f"{server}: {result['ledger']['answered']} answers counted by the load, rows of the log "
        f"{result['ledger']['rows']}, journal empty {result['json']['journal_empty_after_s']} and "
        f"{result['stream']['journal_empty_after_s']} s after the load"
        for server, result in results.items()
    ]
    text = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    return f"{CONNECTIONS} connections; adds: at one, JSON / streams\n\n{text}\n\n" + "\n".join(
        ledgers
    )


def row(server: str, result: dict[str, Any]) -> tuple[str, ...]:
    cells = [server]
    for kind in (result["json"], result["stream"]):
        cells += [
            f"{kind['gateway_per_s']:,.0f}", f"{kind['over_floor']:.2f}", f"{kind['p99_ms']:.0f}"
        ]  # fmt: skip
    added = f"{result['json']['added_ms']:.2f} / {result['stream']['added_ms']:.2f}"
    failed = result["json"]["failed"] + result["stream"]["failed"]
    return (*cells, added, str(failed), f"{result['rss_mib']:.0f}")
