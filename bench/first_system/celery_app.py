"""Its tasks: Celery 5 with Redis as broker and result store, JSON, prefork. Each child loads the model once, when it starts.

`predict` is the first system's own: MLflow's pyfunc on a frame of one row. `predict_match` and `nothing` are ours, with our ledger,
so that the two queues can be compared on the same work.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from celery import Celery
from celery.signals import worker_process_init

from bench.first_system import place
from core.settings import Settings
from core.storage.database import Database
from core.storage.task_ledger import TaskLedger
from workers.tasks import Tasks

LABELS = ("home_win", "draw", "away_win")
LIMIT = 30.0

app = Celery("first_system", broker=place.said(place.BROKER), backend=place.said(place.BROKER))
app.conf.update(
    task_serializer="json", result_serializer="json", accept_content=["json"], broker_connection_retry_on_startup=True, result_expires=600
)
held: dict[str, Any] = {}


@worker_process_init.connect  # type: ignore[untyped-decorator]
def start(**_: object) -> None:
    """Both models, and the ledger: made after the fork, before the first task."""
    import mlflow.pyfunc

    settings = Settings.from_environment()
    mlflow.set_tracking_uri(settings.tracking_uri)
    mlflow.set_registry_uri(settings.tracking_uri)
    held["pyfunc"] = mlflow.pyfunc.load_model(place.said(place.MODEL))
    database = Database(settings.database_url)
    tasks = Tasks.open(settings, database)
    tasks.models.load(ask_registry=False)
    held["ledger"], held["tasks"], held["name"] = TaskLedger(database), tasks, f"celery:{os.getpid()}"


@app.task(name="predict")  # type: ignore[untyped-decorator]
def predict(features: dict[str, Any], match_id: int | None = None) -> dict[str, Any]:
    import pandas as pd

    chances = held["pyfunc"].predict(pd.DataFrame([features])).iloc[0].tolist()
    said = chances.index(max(chances))
    return {
        "match_id": match_id,
        "predicted_class": said,
        "predicted_label": LABELS[said],
        **dict(zip(("proba_home", "proba_draw", "proba_away"), chances, strict=True)),
        "predicted_at": datetime.now(UTC).isoformat(),
    }


def recorded(task_id: str, body: Callable[..., Any]) -> None:
    """The rows that our worker writes: claimed by one, ended once."""
    ledger: TaskLedger = held["ledger"]
    claim = ledger.claim(task_id, held["name"], LIMIT)
    if claim is not None:
        ledger.succeed(task_id, held["name"], body(**claim.arguments))


@app.task(name="predict_match")  # type: ignore[untyped-decorator]
def predict_match(task_id: str) -> None:
    recorded(task_id, held["tasks"].predict_match)


@app.task(name="nothing")  # type: ignore[untyped-decorator]
def nothing(task_id: str) -> None:
    recorded(task_id, lambda: {})
