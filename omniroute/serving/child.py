"""`python -m omniroute.serving.child PARENT MODULE ARGUMENT…` runs a module while PARENT lives.

A supervisor that is killed cannot stop its children. On Linux the kernel tells them, elsewhere a
thread looks whether their parent is still the same.
"""

import ctypes
import os
import runpy
import signal
import sys
import threading
import time
from collections.abc import Sequence

POLL_S = 1.0
_PR_SET_PDEATHSIG = 1


def command(module: str, *arguments: str) -> list[str]:
    """What the process that calls this starts as its child."""
    return [sys.executable, "-m", __name__, str(os.getpid()), module, *arguments]


def main(arguments: Sequence[str]) -> None:
    parent, module, *rest = arguments
    follow(int(parent))
    sys.argv = [module, *rest]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def follow(parent: int) -> None:
    """From now on: SIGTERM for this process when `parent` is gone."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    else:
        threading.Thread(target=watch, args=(parent,), name="parent", daemon=True).start()
    if os.getppid() != parent:
        sys.exit("the supervisor is gone")  # it went before the kernel was asked


def watch(parent: int, poll_s: float = POLL_S) -> None:
    """Return, with a SIGTERM to this process, once `parent` is not its parent (any more)."""
    while os.getppid() == parent:
        time.sleep(poll_s)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main(sys.argv[1:])
