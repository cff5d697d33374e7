"""A copy of the project with a home of its own, and the whole app started in it as a user starts it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LEFT_OUT = (".venv", ".git", "var", "work", "predictions", "reports", "cache", "tmp", "dvc.lock", "__pycache__", ".*_cache", ".hypothesis")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def copy_project(to: Path) -> Path:
    """The project's files without what a run makes, as a downloaded archive has them."""
    shutil.copytree(ROOT, to, ignore=shutil.ignore_patterns(*LEFT_OUT))
    return to


def bare_environment(**more: str) -> dict[str, str]:
    """This environment without anybody's settings, with free ports."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SOCCER_", "MLFLOW_", "FASTAPI_", "PYTEST_"))}
    ports = {name: str(free_port()) for name in ("SOCCER_PORT", "SOCCER_METRICS_PORT", "SOCCER_WORKER_METRICS_PORT")}
    # The stages find this interpreter first, wherever the copy stands.
    path = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", "")])
    return {**kept, **ports, "PATH": path, "SOCCER_SOURCES": "none", **more}


class Installation:
    """`make run` without its set-up: the supervisor, the web process and the workers, in one folder. `module`: or `make run-full`."""

    def __init__(self, project: Path, module: str = "workers.supervise", **settings: str) -> None:
        self.project = project
        self.module = module
        self.environment = bare_environment(**settings)
        self.address = f"http://127.0.0.1:{self.environment['SOCCER_PORT']}"
        self.log = project / "app.log"
        self._process: subprocess.Popen[bytes] | None = None

    def pipeline(self) -> None:
        subprocess.run([sys.executable, "-m", "workers.pipeline"], cwd=self.project, env=self.environment, check=True, timeout=300)

    def start(self, seconds: float = 60) -> Installation:
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", self.module, "--with-parent"]
            self._process = subprocess.Popen(
                command, cwd=self.project, env=self.environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True
            )
        self.until_answers("/readyz", seconds)
        return self

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def until_answers(self, path: str, seconds: float) -> float:
        """Seconds until this path answers 200."""
        started = time.monotonic()
        while time.monotonic() - started < seconds:
            if self._process is not None and self._process.poll() is not None:
                raise AssertionError(f"The app ended by itself:\n{self.log.read_text()[-3000:]}")
            try:
                with urllib.request.urlopen(self.address + path, timeout=2) as answer:
                    if answer.status == 200:
                        return time.monotonic() - started
            except (urllib.error.URLError, OSError):
                time.sleep(0.05)
        raise AssertionError(f"{path} did not answer within {seconds} s:\n{self.log.read_text()[-3000:]}")

    def process(self, name: str) -> int:
        """The pid of the child that runs the module or command `name`."""
        for child in self.children():
            if name in Path(f"/proc/{child}/cmdline").read_bytes().replace(b"\0", b" ").decode():
                return child
        raise AssertionError(f"No child runs {name}.")

    def children(self) -> list[int]:
        lists = Path(f"/proc/{self.pid}/task").glob("*/children")
        return [int(pid) for children in lists for pid in children.read_text().split()]

    def stop(self) -> int:
        """Ctrl-C; the exit code."""
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
        try:
            return self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise
