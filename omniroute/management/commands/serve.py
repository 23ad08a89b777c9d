"""`manage.py serve`: the gateway, and what belongs to it."""

import importlib
import logging
import socket
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from omniroute.serving.supervisor import Child, Supervisor

log = logging.getLogger("omniroute.serve")

SERVERS = {"daphne": "omniroute.serving.daphne", "uvicorn": "omniroute.serving.uvicorn"}


class Command(BaseCommand):
    help = "Serve the gateway, Admin and pages; without --no-worker also Celery worker and beat."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default=settings.HOST)
        parser.add_argument("--port", type=int, default=settings.PORT)
        parser.add_argument("--workers", type=int, default=1, help="gateway processes")
        parser.add_argument("--server", choices=sorted(SERVERS), default="daphne")
        parser.add_argument("--no-worker", action="store_true", help="without Celery")
        parser.add_argument("--fd", type=int, help="a socket that is bound already")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["workers"] < 1:
            raise CommandError("--workers: at least one is needed")
        if options["fd"] is not None:
            serve(socket.socket(fileno=options["fd"]), options["server"])
            return
        listener = listen(options["host"], options["port"])
        where = f"http://{options['host']}:{listener.getsockname()[1]}"
        if options["workers"] == 1 and options["no_worker"]:
            self.stdout.write(f"OmniRoute listens on {where} ({options['server']})")
            self.stdout.flush()
            serve(listener, options["server"])
            return
        self.stdout.write(
            f"OmniRoute listens on {where} ({options['server']}, {options['workers']} workers)"
        )
        self.stdout.flush()
        sys.exit(supervise(listener, options))


def listen(host: str, port: int) -> socket.socket:
    """Raises `CommandError` where the address cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        raise CommandError(f"cannot listen on {host}:{port}: {error.strerror}") from None
    listener.listen(2048)
    listener.setblocking(False)
    return listener


def serve(listener: socket.socket, server: str) -> None:
    """Be a gateway process, until a signal."""
    run = importlib.import_module(SERVERS[server]).run
    from gateway import runtime
    from omniroute.asgi import application

    run(listener, application, runtime.start(), settings.SHUTDOWN_GRACE)


def supervise(listener: socket.socket, options: dict[str, Any]) -> int:
    """Run the gateway processes, and worker and beat beside them; returns the exit status."""
    descriptor = listener.fileno()
    manage = [sys.executable, str(settings.BASE_DIR / "manage.py")]
    gateway = [*manage, "serve", "--server", options["server"], "--fd", str(descriptor)]
    children = [
        Child(f"gateway {number + 1}", gateway, (descriptor,))
        for number in range(options["workers"])
    ]
    if not options["no_worker"]:
        celery = [sys.executable, "-m", "celery", "-A", "omniroute"]
        children += [
            Child("worker", [*celery, "worker", *WORKER_OPTIONS]),
            Child("beat", [*celery, "beat", "--loglevel", "warning", "--pidfile="]),
        ]
    processes = settings.GATEWAY_PROCESSES * options["workers"]
    supervisor = Supervisor(children, {"GATEWAY_PROCESSES": str(processes)})
    return supervisor.run(settings.SHUTDOWN_GRACE)


WORKER_OPTIONS = [
    "--pool=solo",
    "--loglevel=warning",
    "--without-gossip",
    "--without-mingle",
    "--without-heartbeat",
]
