"""The task that runs the pipeline: a process of its own, which ends with this one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections import deque
from contextlib import suppress
from typing import Any

from core.errors import PipelineFailed, StorageError
from core.settings import PROJECT
from workers import progress
from workers.checks import child_environment
from workers.children import stop_all

STAGES = 8
LOOK_EVERY = 0.5
PATIENCE = 10.0


class Run:
    """One run of `python -m workers.pipeline` with these arguments, and what its log has said so far."""

    def __init__(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "workers.leash", str(os.getpid()), "workers.pipeline", *arguments]
        self.process = subprocess.Popen(
            command, cwd=PROJECT, env=child_environment(PROJECT), stderr=subprocess.PIPE, start_new_session=True
        )
        self.stage = "starting"
        self.done = 0
        self.seconds = 0.0
        self.problem: str | None = None
        self._last: deque[str] = deque(maxlen=3)
        self._reading = threading.Thread(target=self._read, name="pipeline", daemon=True)
        self._reading.start()

    def _read(self) -> None:
        """Pass its log on to ours, line by line, and learn from it."""
        assert self.process.stderr is not None
        with self.process.stderr as spoken:
            for some in spoken:
                text = some.decode(errors="replace")
                sys.stderr.write(text)
                self._learn(text)

    def _learn(self, text: str) -> None:
        try:
            said = json.loads(text)
        except ValueError:
            said = None
        if not isinstance(said, dict):
            self._last.append(text.strip())
            return
        if said.get("event") == "stage" and "problem" not in said:
            self.stage, self.done = str(said.get("stage")), self.done + 1
        self.problem = said.get("problem") or self.problem

    def wait(self) -> int:
        """Its exit code. TaskRevoked when the task was, and nothing of it runs on."""
        began = time.monotonic()
        try:
            while self.process.poll() is None:
                with suppress(StorageError):  # the ledger is away for a moment: no reason to stop
                    progress.report(min(self.done / STAGES, 0.99), self.stage)
                time.sleep(LOOK_EVERY)
        finally:
            self._stop()
        self._reading.join(PATIENCE)
        self.seconds = round(time.monotonic() - began, 1)
        return self.process.returncode

    def why(self) -> str:
        return self.problem or " ".join(self._last)[:500] or f"it ended with code {self.process.returncode}"

    def _stop(self) -> None:
        if self.process.poll() is None:
            stop_all([self.process], PATIENCE)


def refresh() -> dict[str, Any]:
    """Look for news at the sources and publish forecasts that know of them: {stages, seconds}. Where there are no sources, run what
    changed in the pipeline. PipelineFailed says which stage failed, and why.
    """
    return _through(Run("refresh"))


def retrain() -> dict[str, Any]:
    """Fit the models anew on all that was played before today, and run what follows from that: as `refresh`."""
    return _through(Run("retrain"))


def advance(to: str) -> dict[str, Any]:
    """Move the replay's clock, and run what follows from that: as `refresh`."""
    return _through(Run("advance", "--to", to))


def _through(run: Run) -> dict[str, Any]:
    if run.wait() != 0:
        raise PipelineFailed(f"The pipeline failed after {run.done} of its stages: {run.why()}")
    return {"stages": run.done, "seconds": run.seconds}
