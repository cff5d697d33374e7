"""The processes that the supervisor holds: each on a leash, in a session of its own, started again when it dies."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

# A process that lives this long is well: its next death is its first.
WELL_SECONDS = 20.0
FIRST_WAIT = 0.25
LONGEST_WAIT = 30.0


@dataclass(frozen=True)
class Role:
    """What a process is for, and the module that runs it with its arguments; `queue` is named for workers.

    `port`: where it listens, for a server that others wait for. `starts_others`: it ends together with what it started.
    `log`: a file for what it says, which otherwise goes where ours does.
    """

    name: str
    module: str
    arguments: Sequence[str]
    queue: str | None = None
    port: int | None = None
    starts_others: bool = False
    log: Path | None = None


class Child:
    """One role's process, now or soon."""

    def __init__(self, role: Role, folder: Path, environment: Mapping[str, str]) -> None:
        self.role = role
        self.folder = folder
        self.environment = environment
        self.process: subprocess.Popen[bytes] | None = None
        self.started = 0.0
        self.seen: float | None = None
        self.due = 0.0
        self.deaths = 0
        self._quick_deaths = 0

    def start(self) -> int:
        self.process = leashed(self.role.module, self.role.arguments, self.folder, self.environment, self.role.starts_others, self.role.log)
        self.started = time.monotonic()
        self.seen = None
        return self.process.pid

    @property
    def pid(self) -> int | None:
        return None if self.process is None else self.process.pid

    def ended(self) -> int | None:
        """Its code when it has died since the last look; it is then due again after a pause that grows with each quick death."""
        if self.process is None or (code := self.process.poll()) is None:
            return None
        kill_group(self.process, signal.SIGKILL)  # what it started itself
        self.process = None
        self.deaths += 1
        now = time.monotonic()
        self._quick_deaths = 0 if now - self.started > WELL_SECONDS else self._quick_deaths + 1
        self.due = now + min(LONGEST_WAIT, FIRST_WAIT * 2 ** max(0, self._quick_deaths - 1))
        return code

    def is_due(self) -> bool:
        return self.process is None and time.monotonic() >= self.due

    def listens(self) -> bool:
        """Whether its port is open; one without a port is taken for ready."""
        if self.process is None or self.role.port is None:
            return self.process is not None
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex(("127.0.0.1", self.role.port)) == 0


def leashed(
    module: str,
    arguments: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    whole_group: bool = False,
    log: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Start a module that ends with this process; `whole_group`: together with what it started itself."""
    parent = f"group:{os.getpid()}" if whole_group else str(os.getpid())
    command = [sys.executable, "-m", "workers.leash", parent, module, *arguments]
    with log.open("ab") if log else nullcontext() as said:
        return subprocess.Popen(command, cwd=folder, env=dict(environment), start_new_session=True, stdout=said, stderr=said)


def stop_all(processes: Sequence[subprocess.Popen[bytes]], patience: float) -> None:
    """Ask all at once to stop, and kill what still runs after `patience` seconds."""
    for process in processes:
        kill_group(process, signal.SIGTERM)
    until = time.monotonic() + patience
    for process in processes:
        with suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, until - time.monotonic()))
    for process in processes:
        kill_group(process, signal.SIGKILL)
        process.wait()


def kill_group(process: subprocess.Popen[bytes], signum: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signum)


def in_words(code: int) -> str:
    """How a process ended: `ended with code 2`, `was killed by SIGKILL`."""
    if code < 0:
        with suppress(ValueError):
            return f"was killed by {signal.Signals(-code).name}"
        return f"was killed by signal {-code}"
    return f"ended with code {code}"
