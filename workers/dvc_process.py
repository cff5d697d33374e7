"""DVC as a process of its own, in a process group that ends with this one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from workers.workplace import WITHIN, Workplace


def dvc(place: Workplace, run: str, locks: Sequence[int], *arguments: str) -> int:
    """`dvc ARGUMENTS`; 0 when it went well. `locks`: the descriptors to hold as long as it lives."""
    # The stages call `python`: let that be this one. DVC starts them by the user's shell, which may be another's, or nologin.
    first = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    environment = os.environ | {WITHIN: run, "PATH": first, "SHELL": "/bin/sh"}
    command = [sys.executable, "-m", "workers.leash", f"group:{os.getpid()}", "dvc", *arguments]
    # We hold the lock, so whoever stands in DVC's own list of readers and writers was killed; its number may be another's by now.
    (place.root / ".dvc" / "tmp" / "rwlock").unlink(missing_ok=True)
    # What DVC tells of its way is not needed beside the stages' own lines; what it complains of is.
    process = subprocess.Popen(command, cwd=place.root, env=environment, start_new_session=True, pass_fds=locks, stdout=subprocess.DEVNULL)
    try:
        return 1 if process.wait() else 0
    finally:
        _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
