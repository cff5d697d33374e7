"""A process on a leash ends when the one that started it is gone, however it went.

`python -m workers.leash PARENT MODULE ARGUMENT...` runs a module so; `hold(parent)` does it from within.
"""

from __future__ import annotations

import ctypes
import os
import runpy
import signal
import sys
import threading
import time

PR_SET_PDEATHSIG = 1


def hold(parent: int, whole_group: bool = False) -> None:
    """End this process when the process `parent` is no longer its parent; `whole_group`: with all that it started itself."""
    if sys.platform == "linux" and not whole_group:
        # The kernel sees to it, even when this process hangs. It forgets a parent that died before now: hence the watch too.
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    threading.Thread(target=_watch, args=(parent, whole_group), name="leash", daemon=True).start()


def _watch(parent: int, whole_group: bool) -> None:
    while os.getppid() == parent:
        time.sleep(0.2)
    if whole_group:
        os.killpg(os.getpgrp(), signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)


def main(arguments: list[str]) -> None:
    parent, module, *rest = arguments
    hold(int(parent.removeprefix("group:")), whole_group=parent.startswith("group:"))
    sys.argv = [module, *rest]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1:])
