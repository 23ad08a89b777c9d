"""`python -m tests.omniroute.supervised NAME…`: a supervisor of children that only wait.

Each child says `NAME PID` when it runs and `NAME stops` at SIGTERM; one that is called `rude` ends
with status 3 then.
"""

import logging
import os
import signal
import sys

from omniroute.serving import child
from omniroute.serving.supervisor import Child, Supervisor


def supervise(names: list[str]) -> int:
    logging.basicConfig(format="%(message)s")
    children = [
        Child(name, child.command("tests.omniroute.supervised", "--child", name)) for name in names
    ]
    supervisor = Supervisor(children, {"GATEWAY_PROCESSES": "6"})
    supervisor.run()
    return supervisor.stop(grace_s=10)


def wait(name: str) -> int:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    say(f"{name} {os.getpid()}")
    signal.sigwait({signal.SIGTERM})
    say(f"{name} stops, one of {os.environ['GATEWAY_PROCESSES']}")
    return 3 if name == "rude" else 0


def say(text: str) -> None:
    os.write(1, f"{text}\n".encode())  # whole, whoever else writes


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["--child", name]:
            sys.exit(wait(name))
        case names:
            sys.exit(supervise(names))
