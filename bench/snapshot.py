"""`python -m bench snapshot`: a large configuration is built anew beside an open stream."""

import asyncio
import gc
import os
import statistics
import threading
import time
from tempfile import TemporaryDirectory
from typing import NamedTuple

CONNECTIONS = 10_000
MODELS = 5_000
BUILDS = 5
TICK_S = 0.001  # between two pieces of the stream
PIECE = b"data: hello\n\n"


def populate(connections: int, models: int) -> None:
    """The shipped catalogue, further models, and connections to fifty of its providers."""
    from providers import catalogue
    from providers.models import Connection, Provider, ProviderModel

    catalogue.load()
    active = Provider.objects.filter(status="active", params=[]).exclude(format="").order_by("slug")
    chosen = list(active.exclude(slug="demo").exclude(base_url__contains="{")[:50])
    missing = models - ProviderModel.objects.count()
    ProviderModel.objects.bulk_create(
        ProviderModel(
            provider=chosen[number % len(chosen)],
            name=f"more-{number}",
            input_price=1,
            output_price=2,
            capabilities={"tools": True, "images": False},
        )
        for number in range(missing)
    )
    rows = []
    for number in range(Connection.objects.count(), connections):
        row = Connection(name=f"account-{number}", provider=chosen[number % len(chosen)])
        row.limits = {"rpm": 600}
        row.set_api_key(f"sk-{number:048}")
        rows.append(row)
    Connection.objects.bulk_create(rows, batch_size=500)


class Stream:
    """Pieces that go to and fro over a socket of this machine. `late`: by how many ms each came."""

    def __init__(self) -> None:
        self.late: list[float] = []

    async def run(self, other: threading.Thread) -> None:
        """While the `other` thread, which is started, is alive."""
        server = await asyncio.start_server(_echo, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        other.start()
        while other.is_alive():
            began = time.perf_counter()
            await asyncio.sleep(TICK_S)
            writer.write(PIECE)
            await reader.readexactly(len(PIECE))
            self.late.append((time.perf_counter() - began - TICK_S) * 1000)
        writer.close()
        await writer.wait_closed()
        server.close()


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1024):
        writer.write(data)
    writer.close()


class Measured(NamedTuple):
    """Seconds of each build, on the wall and of the processor, and the milliseconds by which the
    pieces of a stream were late: beside the builds, and beside nothing for as long."""

    took: list[float]
    worked: list[float]
    late: list[float]
    late_alone: list[float]


def measure(builds: int) -> Measured:
    from gateway import changes

    took: list[float] = []
    worked: list[float] = []
    watcher = changes.Watcher()

    def build() -> None:
        for _ in range(builds):
            changes.bump_version()
            began, work = time.perf_counter(), time.thread_time()
            watcher.refresh()
            took.append(time.perf_counter() - began)
            worked.append(time.thread_time() - work)

    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)  # as `serve` does
    beside, alone = Stream(), Stream()
    asyncio.run(beside.run(threading.Thread(target=build)))
    asyncio.run(alone.run(threading.Thread(target=time.sleep, args=[sum(took)])))
    return Measured(took, worked, sorted(beside.late), sorted(alone.late))


def main() -> None:
    with TemporaryDirectory() as folder:
        os.environ |= {"DATA_DIR": folder, "DJANGO_SETTINGS_MODULE": "omniroute.settings"}
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        populate(CONNECTIONS, MODELS)
        told = measure(BUILDS)
    print(f"{CONNECTIONS:,} connections, {MODELS:,} models, built {BUILDS} times beside a stream:")
    print(
        f"  a build takes {statistics.median(told.took):.2f} s, at most {max(told.took):.2f} s, "
        f"of which the processor works {statistics.median(told.worked):.2f} s"
    )
    for name, late in (("beside it", told.late), ("with none", told.late_alone)):
        print(
            f"  {name}, half of {len(late):,} pieces were up to {statistics.median(late):.1f} ms "
            f"late, 99% up to {late[len(late) * 99 // 100]:.1f} ms, and all up to {late[-1]:.1f} ms"
        )
