"""How long the app takes to be made, to start and to answer: `python -m bench.app`, on a copy of the project in a new folder.

Prints one table. Nothing of an installation beside this interpreter's packages is used, and nothing is left behind.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from bench.session import Visitor

ROOT = Path(__file__).resolve().parent.parent
LEFT_OUT = shutil.ignore_patterns(
    ".venv", ".git", "var", "work", "predictions", "reports", "cache", "tmp", "dvc.lock", "__pycache__", ".*_cache"
)
CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
Row = tuple[str, float, float]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def timed(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def until_answers(url: str, started: float, seconds: float = 60) -> float:
    """Seconds from `started` until `url` answers 200."""
    while time.perf_counter() - started < seconds:
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                if answer.status == 200:
                    return time.perf_counter() - started
        except (urllib.error.URLError, OSError):
            time.sleep(0.02)
    raise SystemExit(f"{url} did not answer within {seconds:.0f} s.")


def pages(address: str) -> list[Row]:
    """The first page of two visitors, each with an empty cache, until a match card stands there."""
    from playwright.sync_api import sync_playwright

    rows = []
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for words, goal in (("first page in Chromium", 2.5), ("a second visitor's first page", 1.5)):
            page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()

            def opened(page: object = page) -> None:
                page.goto(f"http://{address}/", wait_until="commit")  # type: ignore[attr-defined]
                page.wait_for_selector("article.m .bar", timeout=60_000)  # type: ignore[attr-defined]

            rows.append((words, timed(opened), goal))
        browser.close()
    return rows


def reruns(address: str, runs: int = 60) -> Row:
    """A visitor alone who chooses another filter again and again."""
    visitor = Visitor(address)
    visitor.run()
    found = [visitor.run("sex=men" if turn % 2 else "") for turn in range(runs)]
    visitor.close()
    return ("rerun of Matches, one visitor, p50", statistics.median(found[5:]), 0.06)


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="soccer-bench-"))
    project = folder / "project"
    shutil.copytree(ROOT, project, ignore=LEFT_OUT)
    port = free_port()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("SOCCER_", "MLFLOW_"))},
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "SOCCER_PORT": str(port), "SOCCER_METRICS_PORT": str(free_port()), "SOCCER_WORKER_METRICS_PORT": str(free_port()),
    }  # fmt: skip
    run = {"cwd": project, "env": environment, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    pipeline = [sys.executable, "-m", "workers.pipeline"]
    rows: list[Row] = []
    try:
        for words, goal in (("pipeline from nothing", 90.0), ("pipeline when nothing changed", 5.0)):
            rows.append((words, timed(lambda: subprocess.run(pipeline, check=True, **run)), goal))  # type: ignore[call-overload]
        started = time.perf_counter()
        app = subprocess.Popen([sys.executable, "-m", "workers.supervise"], **run)  # type: ignore[call-overload]
        try:
            address = f"127.0.0.1:{port}"
            rows.append(("/healthz after the start", until_answers(f"http://{address}/healthz", started), 5.0))
            rows.append(("/readyz after the start", until_answers(f"http://{address}/readyz", started), 8.0))
            rows += pages(address)
            rows.append(reruns(address))
        finally:
            app.send_signal(signal.SIGINT)
            app.wait(timeout=30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print("| what | measured | goal |\n| --- | ---: | ---: |")
    for words, seconds, goal in rows:
        print(f"| {words} | {told(seconds)} | {told(goal)} |")


def told(seconds: float) -> str:
    return f"{1000 * seconds:.0f} ms" if seconds < 0.2 else f"{seconds:.1f} s"


if __name__ == "__main__":
    main()
