"""A program that is no Python module, run as one, so that a leash can hold it: `python -m workers.program COMMAND ARGUMENT...`."""

from __future__ import annotations

import signal
import subprocess
import sys


def main(command: list[str]) -> int:
    """Its code. What is asked to stop is the whole process group: the program hears it too, and here it is only waited for."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(signum, lambda *_: None)
    return process.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
