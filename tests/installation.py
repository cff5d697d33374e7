"""A copy of the project with a home of its own, and the whole app started in it as a user starts it."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Seconds that something may take on a machine with much else to do, before a test calls it broken; and a run of the pipeline.
PATIENCE = 120.0
PIPELINE_PATIENCE = 900.0
# Below the ports that the system gives to whoever asks for any: nobody takes one between its finding and its use.
_PORTS = itertools.cycle(range(20_000 + os.getpid() % 5_000, 32_000, 4))
LEFT_OUT = (".venv", ".git", "var", "work", "predictions", "reports", "cache", "tmp", "dvc.lock", "__pycache__", ".*_cache", ".hypothesis")


def free_port() -> int:
    """A port that nobody has, nor the next one, and that is not given twice in a run of the tests."""
    return next(port for port in _PORTS if is_free(port) and is_free(port + 1))


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def children_of(pid: int) -> list[int]:
    """The processes that this one has begun; its threads come and go meanwhile."""
    found: list[int] = []
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            found += [int(child) for child in children.read_text().split()]
    return found


def command_line(pid: int) -> str:
    """The words it was started with; none when it has ended."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    return ""


def copy_project(to: Path, source: Path = ROOT) -> Path:
    """The project's files without what a run makes, as a downloaded archive has them."""
    shutil.copytree(source, to, ignore=shutil.ignore_patterns(*LEFT_OUT))
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
        command = [sys.executable, "-m", "workers.pipeline"]
        subprocess.run(command, cwd=self.project, env=self.environment, check=True, timeout=PIPELINE_PATIENCE)

    def start(self, seconds: float = PATIENCE) -> Installation:
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

    def until_answers(self, path: str, seconds: float = PATIENCE) -> None:
        """Wait until this path answers 200."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if self._process is not None and self._process.poll() is not None:
                raise AssertionError(f"The app ended by itself:\n{self.log.read_text()[-3000:]}")
            try:
                with urllib.request.urlopen(self.address + path, timeout=10) as answer:
                    if answer.status == 200:
                        return
            except (urllib.error.URLError, OSError):
                time.sleep(0.05)
        raise AssertionError(f"{path} did not answer within {seconds} s:\n{self.log.read_text()[-3000:]}")

    def process(self, name: str) -> int:
        """The pid of the child that runs the module or command `name`."""
        found = next((child for child in children_of(self.pid) if name in command_line(child)), None)
        assert found is not None, f"No child runs {name}."
        return found

    def stop(self) -> int:
        """Ctrl-C; the exit code."""
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
        try:
            return self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise
