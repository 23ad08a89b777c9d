"""The real gateway, as a process of its own, with a folder of its own."""

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import httpx

ROOT = Path(__file__).resolve().parents[2]
KEY = "sk-omni-0123456789abcdef0123456789abcdef"
PASSWORD = "correct-horse-battery-9"  # the administrator's, and of those who are given it
MANAGE_KEY = "sk-omni-fedcba9876543210fedcba9876543210"
UPSTREAM_KEY = "sk-up-canary-7f3a9c"

STATUSES = (400, 401, 402, 403, 404, 408, 409, 413, 422, 429, 500, 502, 503, 529)

# One gateway serves many tests, and what one of them breaks must not keep the next one away. Tests
# of cooldowns and breakers have a gateway, or connections, of their own.
FORGETFUL = {
    "breaker_failures": 1_000_000,
    "cooldown_first_s": 0.001,
    "cooldown_max_s": 0.001,
    "cooldown_hint_max_s": 0.001,
    "cooldown_auth_s": 0.001,
    "model_lock_first_s": 0.001,
    "model_lock_max_s": 0.001,
}

Value = TypeVar("Value")

# One for all, since making one reads every certificate; each call has a connection of its own.
CLIENT = httpx.Client(timeout=30, limits=httpx.Limits(max_keepalive_connections=0))


def until(found: Callable[[], Value | None], seconds: float = 10) -> Value:
    """The first value that is true, so no empty one; an AssertionError when there is none in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = found()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError("it did not happen in time")


def key_of(name: str) -> str:
    """The key of that name in `configuration`."""
    return f"sk-omni-{name:0>32}"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def configuration(upstream_url: str) -> dict[str, Any]:
    # Long enough for a busy machine; the short ones belong to tests of time limits.
    timeouts = {"connect": 5, "first_byte": 20, "first_content": 20, "idle": 20, "total": 30}

    def connection(name: str, provider: str, priority: int = 1, **more: Any) -> dict[str, Any]:
        return {
            "name": name, "provider": provider, "priority": priority, "timeouts": timeouts,
            "auth": {"type": "api_key", "api_key": UPSTREAM_KEY},
        } | more  # fmt: skip

    def provider(id: str, **more: Any) -> dict[str, Any]:
        return {
            "id": id, "alias": id, "base_url": upstream_url, "allow_private_network": True,
        } | more  # fmt: skip

    return {
        "providers": [
            provider("mk"),
            provider("an", format="anthropic_messages"),
            provider("rs", format="openai_responses"),
            provider("gm", format="gemini", base_url=upstream_url.replace("/v1", "/v1beta")),
            provider("well"),
            provider("dead", base_url="http://127.0.0.1:1/v1"),
            provider("two"),
            provider("hasty"),
            provider("idle"),
            provider("brief"),
            provider("spare"),
            provider("mute", quirks={"include_usage": False}),
        ],
        "models": [
            {"id": "mk/plain", "input_price": 1, "output_price": 2},
            {"id": "well/plain", "input_price": 1, "output_price": 2},
            {"id": "mk/usage-null", "input_price": 1, "output_price": 2},
        ],
        "connections": [
            connection("mk-main", "mk"),
            connection("an-main", "an"),
            connection("rs-main", "rs"),
            connection("gm-main", "gm"),
            connection("well-main", "well"),
            connection("dead-main", "dead"),
            connection("hasty-main", "hasty", timeouts={"first_byte": 0.3, "first_content": 0.3}),
            connection("idle-main", "idle", timeouts=timeouts | {"idle": 0.4}),
            connection("brief-main", "brief", timeouts=timeouts | {"total": 0.6}),
            connection("spare-main", "spare", limits={"rpm": 1}),
            connection("mute-main", "mute", headers={"x-team": "blue"}),
            connection("two-first", "two", 1, model_map={"m": "status-500"}),
            connection("two-second", "two", 2, model_map={"m": "plain"}),
        ],
        "combos": [
            {"name": f"after-{fault}", "targets": [{"model": target}, {"model": "well/plain"}]}
            for fault, target in (
                ("dead", "dead/x"), ("hangs", "hasty/hangs"), ("reset", "mk/reset"),
                ("html", "mk/html"), ("empty", "mk/empty"), ("error-first", "mk/error-first"),
                ("hangs-after-headers", "hasty/hangs-after-headers"),
                *((fault, f"mk/{fault}") for fault in (
                    "cut-mid-event", "redirect", "compressed", "invalid-json", "short-body",
                    "status-502-html",
                )),
                *((str(status), f"mk/status-{status}") for status in STATUSES),
            )
        ],
        "api_keys": [
            {"name": "laptop", "key": KEY},
            {"name": "rare", "key": key_of("rare"), "limits": {"rpm": 1}},
            {"name": "narrow", "key": key_of("narrow"), "allowed_models": ["mk/p*", "best*"]},
            {"name": "elsewhere", "key": key_of("elsewhere"), "allowed_ips": ["192.0.2.0/24"]},
            {"name": "expired", "key": key_of("expired"), "expires": "2020-01-01T00:00:00Z"},
            {"name": "revoked", "key": key_of("revoked"), "active": False},
            {"name": "ops", "key": MANAGE_KEY, "scopes": ["manage"], "owner": "admin"},
        ],
        "settings": FORGETFUL,
    }  # fmt: skip


class Gateway:
    """One `serve`, and what a test wants to know of it."""

    def __init__(self, folder: Path, *options: str, **environment: str) -> None:
        self.folder, self.port = folder, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._environment = {
            **os.environ, "DATA_DIR": str(folder), "PUBLIC_URL": self.url, **environment,
        }  # fmt: skip
        self._options = options

    def manage(self, *arguments: str, stdin: str = "", **environment: str) -> str:
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT, env=self._environment | environment, input=stdin, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def prepare(self, upstream_url: str) -> None:
        self.manage("bootstrap", ADMIN_PASSWORD=PASSWORD)
        self.apply(configuration(upstream_url))

    def give_password(self, username: str) -> None:
        """PASSWORD; the administrator has it from the start."""
        if username != "admin":
            self.manage("reset_password", username, stdin=PASSWORD + "\n")

    def apply(self, document: dict[str, Any]) -> None:
        self.manage("config", "apply", "-", stdin=json.dumps(document))

    def start(self) -> "Gateway":
        self.log = (self.folder / "server.log").open("a")
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "serve", "--port", str(self.port), *self._options],
            cwd=ROOT, env=self._environment, stdout=self.log, stderr=self.log,
            start_new_session=True,
        )  # fmt: skip
        until(self._answers, 30)
        return self

    def _answers(self) -> bool:
        assert self.process.poll() is None, (self.folder / "server.log").read_text()
        try:
            return CLIENT.get(self.url + "/healthz", timeout=1).status_code == 200
        except httpx.TransportError:
            return False

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(40)

    def kill(self) -> None:
        """kill -9, of all processes at once."""
        os.killpg(self.process.pid, signal.SIGKILL)
        for child in _children(self.process.pid):
            os.kill(child, signal.SIGKILL)
        self.process.wait(5)

    def output(self) -> str:
        return (self.folder / "server.log").read_text()

    def rows(self, where: str = "1", *values: Any) -> list[dict[str, Any]]:
        with sqlite3.connect(f"file:{self.folder / 'omniroute.db'}?mode=ro", uri=True) as database:
            database.row_factory = sqlite3.Row
            query = f"SELECT * FROM analytics_requestrecord WHERE {where} ORDER BY id"
            return [dict(row) for row in database.execute(query, values)]

    def row(self, request_id: str) -> dict[str, Any]:
        """The log's row of a request, once the journal is drained so far."""
        found = until(lambda: self.rows("id = ?", request_id))
        assert len(found) == 1
        return found[0]

    def chat(self, model: str, **more: Any) -> httpx.Response:
        return self.post("/v1/chat/completions", {"model": model, "messages": HELLO, **more})

    def messages(self, model: str, **more: Any) -> httpx.Response:
        body = {"model": model, "messages": HELLO, "max_tokens": 100, **more}
        return self.post("/v1/messages", body)

    def post(self, path: str, body: Any, **headers: str) -> httpx.Response:
        headers = {"authorization": f"Bearer {KEY}"} | headers
        return CLIENT.post(self.url + path, json=body, headers=headers)


def request_id(response: httpx.Response) -> str:
    return response.headers["x-request-id"]


def keyed(key: str = KEY) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


HELLO = [{"role": "user", "content": "Say hello."}]


def _children(pid: int) -> list[int]:
    """Those that left their parent's process group, as a supervisor's children do."""
    table = subprocess.run(["ps", "-eo", "pid,ppid"], capture_output=True, text=True).stdout
    rows = [tuple(map(int, line.split())) for line in table.split("\n")[1:] if line.strip()]
    return [child for child, parent in rows if parent == pid]


def copy(prepared: Path, folder: Path) -> Path:
    shutil.copytree(prepared, folder, dirs_exist_ok=True)
    return folder
