"""A call through the gateway, and what its client is told, read as its format wants it."""

import asyncio
import json
import re
from dataclasses import dataclass

import aiohttp

from gateway.retries import SHARE
from tests.e2e.gateway import CLIENT, MANAGE_KEY, Gateway, keyed
from tests.faults.cases import MAY_COOL, WELL, Case
from tests.faults.upstream import Upstream
from tests.matrix.clients import CLIENTS
from tests.matrix.scenarios import Ask, Heard, JSONDict

# Far past every limit that a case sets: a call that takes so long hangs.
HANGS_S = 15.0
HELLO = Ask("Say hello.")

_OPENAI = {
    429: "requests", 502: "upstream_error", 503: "service_unavailable", 504: "timeout",
}  # fmt: skip
# What the contract calls the errors of these statuses.
KINDS: dict[str, dict[int, str]] = {
    "openai_chat": _OPENAI,
    "openai_responses": _OPENAI,
    "anthropic_messages": {
        429: "rate_limit_error", 502: "api_error", 503: "overloaded_error", 504: "timeout_error",
    },
    "gemini": {
        429: "RESOURCE_EXHAUSTED", 502: "UNAVAILABLE", 503: "UNAVAILABLE",
        504: "DEADLINE_EXCEEDED",
    },
}  # fmt: skip

_RETRY_DELAY = re.compile(rb'"retryDelay": ?"(\d+)s"')


@dataclass(frozen=True)
class Told:
    """What the client has at the end. `kind` is its format's name for an error."""

    status: int
    heard: Heard
    headers: dict[str, str]
    kind: str
    raw: bytes

    @property
    def id(self) -> str:
        return self.headers["x-request-id"]

    @property
    def come_back(self) -> str:
        """After how many seconds; Google's clients read it in the body, and no header."""
        header = self.headers.get("retry-after", "")
        delays = [found.decode() for found in _RETRY_DELAY.findall(self.raw)]
        if self.kind in KINDS["gemini"].values() and delays != [header]:
            return f"{header} or {delays}"
        return header


async def call(
    session: aiohttp.ClientSession, url: str, case: Case, upstream: Upstream, ask: Ask = HELLO
) -> Told:
    client = CLIENTS[case.client]
    body = client.build(ask, case.model, case.streams)
    async with (
        asyncio.timeout(HANGS_S),
        session.post(url + client.path(case.model, case.streams), json=body) as response,
    ):
        pieces = []
        async for piece in response.content.iter_any():
            upstream.note_heard(case.id)
            pieces.append(piece)
    raw, headers = b"".join(pieces), {k.lower(): v for k, v in response.headers.items()}
    if response.status == 200 and case.streams:
        return Told(200, client.read_stream(raw), headers, "", raw)
    told: JSONDict = json.loads(raw)
    kind = "" if response.status == 200 else _kind(case.client, told["error"])
    return Told(response.status, client.read(response.status, told), headers, kind, raw)


async def earn_retries(session: aiohttp.ClientSession, url: str, count: int) -> None:
    """A call in five may be asked again, of all that there are: so many make `count` sure."""
    body = CLIENTS["openai_chat"].build(HELLO, f"to-{WELL}/m", False)

    async def one() -> None:
        async with session.post(f"{url}/v1/chat/completions", json=body) as response:
            assert response.status == 200, await response.text()

    await asyncio.gather(*(one() for _ in range(round(count / SHARE))))


def cooling(gateway: Gateway) -> dict[str, JSONDict]:
    """What is left alone for a while, by the connection, as the management API tells it."""
    told = CLIENT.get(f"{gateway.url}/api/health", headers=keyed(MANAGE_KEY)).json()
    found = {block["connection"]: block for block in told["connections"]}
    assert len(found) == len(told["connections"])
    assert found.keys() <= MAY_COOL, f"these have done nothing for it: {found.keys() - MAY_COOL}"
    return found


def _kind(client: str, error: JSONDict) -> str:
    return str(error["status" if client == "gemini" else "type"])
