"""`python -m bench memory`: what an open stream holds in the gateway's memory."""

import asyncio
import json
import resource
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import processes
from bench.gateway import Gateway
from bench.load import PROMPT
from bench.processes import running
from bench.setups import KEY, plain
from bench.upstream import OPENAI_STREAM, STREAM_HEAD, Upstream

STREAMS = 1000
WARM_UP = 100  # what the first streams make once for all that follow: pools, caches, buffers
FIRST = 8  # events that a provider sends before it falls silent
PATHS = {"relayed": "/v1/chat/completions", "translated": "/v1/messages"}


class Silent(Upstream):
    """Begins to answer, and holds the stream open until the gateway leaves."""

    def _answer(self, head: bytes, body: bytes) -> None:
        self.transport.write(STREAM_HEAD + b"".join(OPENAI_STREAM[:FIRST]))


async def _open(stack: AsyncExitStack, port: int, path: str, model: str) -> None:
    """A stream whose first content has arrived."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    stack.callback(writer.close)
    body = json.dumps(
        {"model": model, "stream": True, "max_tokens": 256, "messages": PROMPT}
    ).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {KEY}\r\n"
    writer.write(head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    status = await reader.readline()
    if b" 200 " not in status:
        raise RuntimeError(f"the gateway answered {status.decode().strip()}")
    await reader.readuntil(b"hello ")


async def _grown_kib(pid: int, port: int, path: str, model: str) -> float:
    """Resident growth a stream, in KiB."""
    async with AsyncExitStack() as stack:
        for _ in range(WARM_UP):
            await _open(stack, port, path, model)
    await asyncio.sleep(1)  # until the gateway has let go of them
    before = processes.resident_mib(pid)
    async with AsyncExitStack() as stack:
        for _ in range(STREAMS):
            await _open(stack, port, path, model)
        return (processes.resident_mib(pid) - before) * 1024 / STREAMS


async def measure(path: str) -> float:
    """KiB of resident memory that each of 1,000 open streams adds, under uvicorn."""
    port = processes.free_port()
    loop = asyncio.get_running_loop()
    provider = await loop.create_server(Silent, "127.0.0.1", 0, backlog=STREAMS)
    upstream = f"http://127.0.0.1:{provider.sockets[0].getsockname()[1]}"
    with TemporaryDirectory(prefix="omniroute-bench-") as name:
        folder = Path(name)
        gateway = Gateway(folder, plain(upstream))
        await asyncio.to_thread(gateway.prepare)
        with running(
            gateway.command("uvicorn", port),
            processes.cores()[0],
            f"http://127.0.0.1:{port}/healthz",
            folder / "gateway.log",
            gateway.environment,
        ) as process:
            return await _grown_kib(process.pid, port, path, gateway.setup.model)


def main() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 65_536), most))  # two sockets a stream
    print(f"{STREAMS} open streams under uvicorn; KiB of resident memory that each adds\n")
    for kind, path in PATHS.items():
        print(f"{kind} ({path}): {asyncio.run(measure(path)):.0f}", flush=True)
