"""A home with a real queue and real worker processes; whatever a test starts is stopped by its id."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from core.settings import Settings, prepare_home
from core.storage.database import Database
from tests.installation import PATIENCE, ROOT
from tests.installation import free_port as free_port
from tests.workers.station import TEST_KINDS
from workers.jobs import Jobs


def eventually(condition, seconds: float = PATIENCE, pause: float = 0.02):
    """The condition's first true value; fails when there is none in time."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = condition()
        if found:
            return found
        time.sleep(pause)
    raise AssertionError(f"not within {seconds} s: {condition}")


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def environment(home: Path, **more: str) -> dict[str, str]:
    """What a process of ours needs, and nothing of the one that runs the tests."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "SSL_CERT_FILE") if name in os.environ}
    return (
        kept
        | {
            "SOCCER_HOME": str(home),
            "SOCCER_METRICS_PORT": "0",
            "SOCCER_WORKER_METRICS_PORT": "0",
            "PYTHONUNBUFFERED": "1",
            "SOCCER_SOURCES": "none",
        }
        | more
    )


class House:
    """A home, its database, the jobs of a client, and the workers that the test starts."""

    def __init__(self, home: Path, **more: str) -> None:
        self.home = home
        self.environment = environment(home, SOCCER_RETRY_DELAY="0.2", **more)
        self.settings = Settings.from_environment(self.environment)
        prepare_home(self.settings)
        self.database = Database(self.settings.database_url)
        self.database.create()
        self.jobs = Jobs.open(self.settings, self.database, TEST_KINDS)
        self.ledger = self.jobs.ledger
        self.notes = str(home / "notes.txt")
        self._started: list[subprocess.Popen[str]] = []

    def worker(self, queue: str = "ml") -> subprocess.Popen[str]:
        """A worker that is at work already."""
        known = {row["worker"] for row in self.ledger.workers()}
        process = self.begin_worker(queue)
        eventually(lambda: process.poll() is not None or {row["worker"] for row in self.ledger.workers()} - known)
        assert process.poll() is None, self.log(queue)
        return process

    def begin_worker(self, queue: str = "ml") -> subprocess.Popen[str]:
        return self.start("tests.workers.station", queue)

    def start(self, module: str, queue: str) -> subprocess.Popen[str]:
        """A worker of the tests' own, or the real one, which may not be at work yet."""
        log = (self.home / f"{queue}.log").open("a")
        process = subprocess.Popen(
            [sys.executable, "-m", module, "--queue", queue, "--parent", str(os.getpid())],
            cwd=ROOT,
            env=self.environment,
            stderr=log,
            text=True,
        )
        self._started.append(process)
        return process

    def log(self, queue: str = "ml") -> str:
        return (self.home / f"{queue}.log").read_text()

    def noted(self) -> list[str]:
        path = Path(self.notes)
        return path.read_text().splitlines() if path.exists() else []

    def statuses(self, task_id: str) -> list[str]:
        return [event["status"] for event in self.ledger.events(task_id)]

    def close(self) -> None:
        for process in self._started:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
            process.wait(PATIENCE)
        self.jobs.close()
        self.database.close()
