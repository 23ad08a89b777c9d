"""Load from wrk, and what it says of the answers."""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

UNITS_MS = {"us": 1e-3, "ms": 1.0, "s": 1e3}
PROMPT = [{"role": "user", "content": "You are terse. Say hello many times please."}]


@dataclass(frozen=True)
class Load:
    """What is asked for. Floor and provider get the same bytes as the gateway."""

    path: str
    model: str
    key: str
    stream: bool

    def script(self) -> str:
        body = {"model": self.model, "stream": self.stream, "max_tokens": 256, "messages": PROMPT}
        headers = {
            "Content-Type": "application/json",
            "Authorization": f"Bearer {self.key}",
            "anthropic-version": "2023-06-01",
        }
        lines = [f'wrk.headers["{name}"] = "{value}"' for name, value in headers.items()]
        return "\n".join(['wrk.method = "POST"', *lines, f"wrk.body = [==[{json.dumps(body)}]==]"])


@dataclass(frozen=True)
class Answers:
    """What came back: `per_s` complete answers a second, and their latency at 50 and 99 %."""

    complete: int
    failed: int
    per_s: float
    p50_ms: float
    p99_ms: float


def check_wrk() -> None:
    if shutil.which("wrk") is None:
        sys.exit("make bench needs wrk, which is not on this machine (Debian: apt install wrk)")


def send(load: Load, url: str, connections: int, seconds: int, cpu: int) -> Answers:
    """Keep `connections` busy for `seconds`, from one thread on `cpu`.

    Raises:
        RuntimeError: wrk could not connect.
    """
    with TemporaryDirectory() as folder:
        script = Path(folder) / "load.lua"
        script.write_text(load.script())
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}", "--latency"]
        ran = subprocess.run(
            [*command, "--timeout", "20s", "-s", str(script), url + load.path],
            capture_output=True,
            text=True,
            preexec_fn=lambda: os.sched_setaffinity(0, {cpu}),
        )
    return read(ran.stdout, ran.stderr)


def read(text: str, errors: str = "") -> Answers:
    """What wrk printed, as numbers.

    Raises:
        RuntimeError: It is no report.
    """
    complete = re.search(r"(\d+) requests in", text)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", text)
    if complete is None or rate is None:
        raise RuntimeError(f"wrk reports nothing: {text}{errors}")
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    broken = re.search(
        r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text
    )
    failed = [int(number) for found in (refused, broken) if found for number in found.groups()]
    return Answers(
        int(complete[1]), sum(failed), float(rate[1]), _latency(text, 50), _latency(text, 99)
    )


def _latency(text: str, percent: int) -> float:
    found = re.search(rf"\b{percent}%\s+([\d.]+)(us|ms|s)\b", text)
    return float(found[1]) * UNITS_MS[found[2]] if found else 0.0
