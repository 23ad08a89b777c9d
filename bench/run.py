"""What the gateway costs: its throughput over that of a bare relay on the same core, in one run.

    python bench/run.py [--server uvicorn --server daphne] [--rounds 3] [--seconds 4] [--json FILE]

Gateway and floor run on CPU 0, the mock upstream and the load on CPU 1, in turn, so that a machine
that drifts moves both. Every request is authenticated, routed, journalled and logged, and the
journal is drained while it runs; at the end every answer must be one row within 5 seconds.
Needs `wrk` and Linux's `taskset`.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Sequence

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent
UPSTREAM, FLOOR, GATEWAY = (f"http://127.0.0.1:{port}" for port in (9100, 9001, 20129))
KEY = "sk-omni-bench-0123456789abcdef0123456789"
UNITS_MS = {"us": 1e-3, "ms": 1.0, "s": 1e3}
CONFIGURATION = {
    "providers": [
        {"id": "mock", "alias": "mk", "base_url": UPSTREAM + "/v1", "allow_private_network": True}
    ],
    "connections": [{"name": "mock", "provider": "mock", "auth": {"api_key": "sk-upstream"}}],
    "models": [{"id": "mk/mock", "input_price": 1, "output_price": 2}],
    "api_keys": [{"name": "bench", "key": KEY}],
}


def start(
    cpu: str, command: Sequence[str], cwd: pathlib.Path, **environment: str
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        ["taskset", "-c", cpu, *command],
        cwd=cwd,
        env=os.environ | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def wait_for(url: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(url, timeout=2)
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.2)
    sys.exit(f"nothing answered at {url}")


def wrk(url: str, stream: bool, connections: int, seconds: int) -> dict[str, float]:
    """Rate a second, failures, all answers, and latencies in ms."""
    body = json.dumps(
        {
            "model": "mk/mock",
            "stream": stream,
            "max_tokens": 256,
            "messages": [
                {"role": "user", "content": "You are terse. Say hello many times please."}
            ],
        }
    )
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(
            'wrk.method="POST"\nwrk.headers["Content-Type"]="application/json"\n'
            f'wrk.headers["Authorization"]="Bearer {KEY}"\nwrk.body=[==[{body}]==]\n'
        )
        script.flush()
        out = subprocess.run(
            [
                "taskset", "-c", "1", "wrk", "-t1", f"-c{connections}", f"-d{seconds}", "--latency",
                "--timeout", "20s", "-s", script.name, url + "/v1/chat/completions",
            ],
            capture_output=True,
            text=True,
        ).stdout  # fmt: skip
    failed = sum(
        int(n) for pair in re.findall(r"Non-2xx[^:]*: (\d+)|timeout (\d+)", out) for n in pair if n
    )
    latency = {
        f"p{share}": float(found[1]) * UNITS_MS[found[2]]
        for share in (50, 99)
        if (found := re.search(rf"{share}%\s+([\d.]+)(us|ms|s)", out))
    }
    return {
        "rate": number(r"Requests/sec:\s+([\d.]+)", out),
        "answers": number(r"(\d+) requests in", out),
        "failed": failed,
    } | latency


def number(pattern: str, text: str) -> float:
    found = re.search(pattern, text)
    if found is None:
        sys.exit(f"wrk said nothing of use:\n{text}")
    return float(found[1])


def resident_mib(pid: int) -> float:
    table = subprocess.run(["ps", "-eo", "pid,ppid,rss"], capture_output=True, text=True).stdout
    rows = [tuple(map(int, line.split())) for line in table.split("\n")[1:] if line.strip()]
    family = {pid}
    while more := {p for p, parent, _ in rows if parent in family} - family:
        family |= more
    return sum(rss for p, _, rss in rows if p in family) / 1024


def measure(server: str, rounds: int, seconds: int) -> dict[str, object]:
    folder = pathlib.Path(tempfile.mkdtemp(prefix="omniroute-bench-"))
    environment = {"DATA_DIR": str(folder), "PORT": "20129", "PUBLIC_URL": GATEWAY}
    manage = [sys.executable, str(ROOT / "manage.py")]
    for command, text in (("bootstrap", ""), ("config apply -", json.dumps(CONFIGURATION))):
        subprocess.run(
            [*manage, *command.split()], input=text, text=True, check=True, capture_output=True,
            env=os.environ | environment,
        )  # fmt: skip
    gateway = start("0", [*manage, "serve", "--no-worker", "--server", server], ROOT, **environment)
    try:
        wait_for(GATEWAY + "/healthz")
        answers = 0.0
        result: dict[str, object] = {"server": server}
        for kind, stream in (("json", False), ("stream", True)):
            answers += wrk(GATEWAY, stream, 8, 2)["answers"]
            wrk(FLOOR, stream, 8, 1)
            pairs = [
                (wrk(FLOOR, stream, 32, seconds), wrk(GATEWAY, stream, 32, seconds))
                for _ in range(rounds)
            ]
            single = [
                (wrk(UPSTREAM, stream, 1, 2), wrk(GATEWAY, stream, 1, 2)) for _ in range(rounds)
            ]
            loads = [gateway for _, gateway in (*pairs, *single)]
            answers += sum(load["answers"] for load in loads)
            result[kind] = {
                "per_s": median(gateway["rate"] for _, gateway in pairs),
                "floor_per_s": median(floor["rate"] for floor, _ in pairs),
                "over_floor": median(g["rate"] / f["rate"] for f, g in pairs),
                "added_ms": median(g["p50"] - u["p50"] for u, g in single),
                "p99_ms": median(gateway["p99"] for _, gateway in pairs),
                "failed": sum(load["failed"] for load in loads),
            }
        result["rss_mib"] = round(resident_mib(gateway.pid), 1)
        result["rows_within_5_s"] = drained(folder, int(answers))
        return result
    finally:
        os.killpg(gateway.pid, signal.SIGTERM)
        gateway.wait()
        shutil.rmtree(folder)


def drained(folder: pathlib.Path, answers: int) -> bool:
    """Is every answer that the load counted a row of the log within 5 seconds?"""
    deadline = time.monotonic() + 5
    database = sqlite3.connect(f"file:{folder / 'omniroute.db'}?mode=ro", uri=True)
    while time.monotonic() < deadline:
        query = "SELECT count(*) FROM analytics_requestrecord WHERE outcome = 'ok'"
        if database.execute(query).fetchone()[0] >= answers:
            return True
        time.sleep(0.1)
    return False


def median(values: object) -> float:
    return round(statistics.median(values), 3)  # type: ignore[call-overload]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--server", action="append", choices=["uvicorn", "daphne"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--json", type=pathlib.Path)
    args = parser.parse_args()
    for tool in ("wrk", "taskset"):
        if shutil.which(tool) is None:
            sys.exit(f"{tool} is needed; on Debian: apt-get install wrk util-linux")
    helpers = [start("1", [sys.executable, "mock_upstream.py", "9100"], HERE)]
    try:
        wait_for(UPSTREAM + "/v1/models")
        floor = ["-m", "uvicorn", "--port", "9001", "--no-access-log", "floor:app"]
        helpers.append(start("0", [sys.executable, *floor], HERE))
        wait_for(FLOOR)
        results = [
            measure(s, args.rounds, args.seconds) for s in args.server or ("uvicorn", "daphne")
        ]
    finally:
        for helper in helpers:
            os.killpg(helper.pid, signal.SIGTERM)
    print(
        "| server | | /s | ÷ floor | adds at 1 connection | p99 at 32 | failed | MiB | all logged |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for result in results:
        for kind in ("json", "stream"):
            row = result[kind]
            print(
                f"| {result['server']} | {kind} | {row['per_s']:.0f} | {row['over_floor']:.2f} "  # type: ignore[index]
                f"| {row['added_ms']:.2f} ms | {row['p99_ms']:.0f} ms | {row['failed']:.0f} "  # type: ignore[index]
                f"| {result['rss_mib']} | {'yes' if result['rows_within_5_s'] else 'NO'} |"
            )
    if args.json:
        args.json.write_text(json.dumps(results, indent=1))


main()
