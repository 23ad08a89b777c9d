"""`manage.py serve`: the gateway, and what belongs to it."""

import errno
import functools
import gc
import importlib
import os
import socket
import sys
import time
from argparse import SUPPRESS, ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from omniroute.serving import child
from omniroute.serving.supervisor import Child, Supervisor

SERVERS = {"daphne": "omniroute.serving.daphne", "uvicorn": "omniroute.serving.uvicorn"}
BACKLOG = 2048
WORKER_AFTER_S = (
    2.0  # calls are answered first: on two cores, three starts at once hinder each other
)
CELERY = {
    "worker": [
        "--concurrency=2",  # one that waits for a provider keeps no other from its time
        "--without-gossip",
        "--without-mingle",
        "--without-heartbeat",
    ],
    "beat": ["--pidfile="],
}


class Command(BaseCommand):
    help = "Serve the gateway, Admin and pages; without --no-worker also Celery worker and beat."
    requires_system_checks = ()  # `make lint` runs them; here they would cost each process a third of its start

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default=settings.HOST)
        parser.add_argument("--port", type=int, default=settings.PORT)
        parser.add_argument("--workers", type=int, default=1, help="gateway processes")
        parser.add_argument("--server", choices=sorted(SERVERS), default="daphne")
        parser.add_argument("--no-worker", action="store_true", help="without Celery")
        # What a supervisor gives its gateway processes: the bound socket, and what one of them
        # says when it accepts.
        parser.add_argument("--fd", type=int, help=SUPPRESS)
        parser.add_argument("--announce", default="", help=SUPPRESS)

    def handle(self, *args: Any, **options: Any) -> None:
        workers, server = options["workers"], options["server"]
        if workers < 1:
            raise CommandError("--workers: at least one is needed")
        if options["fd"] is not None:
            self._serve(socket.socket(fileno=options["fd"]), server, options["announce"])
            return
        listener = listen(options["host"], options["port"])
        line = f"OmniRoute listens on {address(listener)} ({server}, {processes(workers)})"
        if workers == 1 and options["no_worker"]:
            self._serve(listener, server, line)
        else:
            sys.exit(supervise(listener, server, workers, not options["no_worker"], line))

    def _serve(self, listener: socket.socket, server: str, line: str) -> None:
        """Be a gateway process, until a signal."""
        run = importlib.import_module(SERVERS[server]).run
        from gateway import runtime
        from omniroute.asgi import application

        try:
            process = runtime.start()
        except DatabaseError as error:
            raise CommandError(
                f"the database cannot be used ({type(error).__name__}): is it there, "
                "and has `manage.py migrate` been run?"
            ) from None
        spare_the_collector()
        run(
            listener,
            application,
            process,
            settings.SHUTDOWN_GRACE,
            functools.partial(self._announce, line),
        )

    def _announce(self, line: str) -> None:
        if line:
            self.stdout.write(line)
            self.stdout.flush()


def spare_the_collector() -> None:
    """What start-up made stays: a collection that walks it stops every call for 100 ms.

    And a call makes hundreds of objects that are in no cycle, so looking for cycles less often
    finds the same.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


def listen(host: str, port: int) -> socket.socket:
    """Raises `CommandError` where the address cannot be had."""
    if not 0 <= port <= 65535:
        raise CommandError(f"--port: {port} is not a port")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise CommandError(f"port {port} is in use") from None
        raise CommandError(f"cannot listen on {host}:{port}: {error.strerror}") from None
    listener.setblocking(False)
    return listener


def address(listener: socket.socket) -> str:
    host, port, *_ = listener.getsockname()
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def processes(count: int) -> str:
    return "1 process" if count == 1 else f"{count} processes"


def supervise(
    listener: socket.socket, server: str, workers: int, with_celery: bool, line: str
) -> int:
    """Run the gateway processes, and worker and beat beside them; returns the exit status."""
    children = gateways(listener.fileno(), server, workers, line)
    if with_celery:
        children += [
            Child(
                name,
                child.command(
                    "celery",
                    "-q",
                    "-A",
                    "omniroute.celery:app",
                    name,
                    "--loglevel=warning",
                    *options,
                ),
                due=time.monotonic() + WORKER_AFTER_S,
            )
            for name, options in CELERY.items()
        ]
    supervisor = Supervisor(children, environment(workers))
    supervisor.run()
    listener.close()  # as long as anybody has it open, the kernel accepts
    return supervisor.stop(settings.SHUTDOWN_GRACE)


def gateways(descriptor: int, server: str, workers: int, line: str) -> list[Child]:
    command = child.command(
        "omniroute.cli", "serve", "--server", server, "--fd", str(descriptor)
    )  # fmt: skip
    return [
        Child(
            f"gateway {number}",
            command if number > 1 else [*command, "--announce", line],
            (descriptor,),
        )
        for number in range(1, workers + 1)
    ]


def environment(workers: int) -> dict[str, str]:
    """What children are told: how many share the limits, and where this project's modules are."""
    paths = [str(settings.BASE_DIR), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        "GATEWAY_PROCESSES": str(settings.GATEWAY_PROCESSES * workers),
        "PYTHONPATH": os.pathsep.join(paths),
    }
