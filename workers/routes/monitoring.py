"""How queues, workers and models fare."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core.serving.reports import count_drift
from workers.routes.shared import Answer, Held, Router, Work, apart
from workers.schemas import DriftStatus, QueueStats, WorkerInfo

if TYPE_CHECKING:
    from core.serving.services import Services

router = Router(prefix="/monitoring", tags=["monitoring"])

SUMMARY = ("as_of", "model_version", "drift_score", "sentence", "hurts", "window", "realised")
STATES = {"active": "active", "scheduled": "scheduled", "reserved": "waiting"}


@router.both("GET", "/drift", fails=(503,), response_model=DriftStatus, summary="The latest drift report in short")
async def get_drift_status(services: Held) -> Answer:
    """No report yet is no error: `drift_score` is null then."""
    return await apart(lambda: _drift(services))


def _drift(services: Services) -> Answer:
    report = services.reports.drift()
    trouble = services.reports.drift_error
    if report is None or trouble is not None:
        return Answer({"drift_score": None, "error": trouble})
    count_drift(report)
    features: list[dict[str, Any]] = report.get("features") or []
    told = {name: report.get(name) for name in SUMMARY}
    drifting = [feature["feature"] for feature in features if feature.get("drifts")]
    return Answer({**told, "features_checked": len(features), "features_drifting": drifting, "error": None})


@router.both("GET", "/queues", fails=(503,), response_model=QueueStats, summary="What waits, what runs, and where")
def get_queue_stats(services: Held, jobs: Work) -> Answer:
    depth = {queue: {state: counts[name] for state, name in STATES.items()} for queue, counts in jobs.depth().items()}
    return Answer(
        {
            "backend": jobs.backend(),
            **{state: sum(counts[state] for counts in depth.values()) for state in STATES},
            "queues": depth,
            "workers": [_load(worker) for worker in services.records.workers()],
            "tasks": services.records.task_counts(),
        }
    )


@router.both("GET", "/workers", fails=(503,), response_model=list[WorkerInfo], summary="The workers that are alive")
def get_workers(services: Held) -> Answer:
    """A worker that died leaves the list within five seconds."""
    return Answer([_worker(worker) for worker in services.records.workers()])


def _load(worker: dict[str, Any]) -> dict[str, Any]:
    return {
        **{name: worker[name] for name in ("worker", "queue", "current_task", "tasks_done")},
        "active": int(worker["current_task"] is not None),
    }


def _worker(worker: dict[str, Any]) -> dict[str, Any]:
    return {
        **{name: worker[name] for name in ("worker", "model_versions", "tasks_done", "current_task", "started_at", "host", "pid")},
        "queues": [worker["queue"]],
        "ping_age_seconds": round(worker["age_seconds"], 3),
    }
