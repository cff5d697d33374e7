"""Tasks: how they stand, and what can be done about them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core.storage import exports
from workers.routes.shared import Answer, Held, IdempotencyKey, Router, Work, said
from workers.schemas import AsyncPredictResponse, TaskStatus

if TYPE_CHECKING:
    from workers.jobs import Jobs

router = Router(prefix="/monitoring", tags=["tasks"])


def accepted(jobs: Jobs, task_id: str, before: bool = False) -> Answer:
    """202: the task, and where to ask for it. One that may have been made `before` is told as it stands."""
    status = jobs.ledger.get(task_id)["status"] if before else "PENDING"
    address = f"/monitoring/task_status/{task_id}"
    return Answer({"task_id": task_id, "status": status, "status_url": address}, 202, {"Location": address})


@router.both("GET", "/task_status/{task_id}", fails=(404, 422, 503), versioned=True, response_model=TaskStatus, summary="How a task stands")
def task_status(task_id: str, services: Held) -> Answer:
    """Poll until `status` is SUCCESS, FAILURE, REVOKED or EXPIRED; reading is repeatable and survives a restart."""
    task: dict[str, Any] = services.records.task(task_id)
    result = task["result"]
    version = result.get("model_version") if isinstance(result, dict) else None
    return Answer(task) if version is None else said(task, version)


@router.both("POST", "/tasks/{task_id}/revoke", fails=(404, 409), response_model=TaskStatus, summary="Stop a task")
def revoke(task_id: str, jobs: Work) -> Answer:
    """A waiting task never starts; a running one is asked to stop."""
    return Answer(jobs.revoke(task_id))


@router.both("POST", "/tasks/{task_id}/requeue", fails=(404, 409), response_model=TaskStatus, summary="Let a task run again")
def requeue(task_id: str, jobs: Work) -> Answer:
    """One that failed, was revoked or expired."""
    return Answer(jobs.requeue(task_id))


@router.both(
    "POST",
    "/export/{name_table}",
    fails=(404, 409, 429),
    status_code=202,
    response_model=AsyncPredictResponse,
    summary="Write a table to the store as Parquet",
)
def export(name_table: str, jobs: Work, idempotency_key: IdempotencyKey = None) -> Answer:
    exports.check(name_table)
    return accepted(jobs, jobs.export_data_raw(name_table, idempotency_key), idempotency_key is not None)


@router.both("POST", "/refresh", fails=(429,), status_code=202, response_model=AsyncPredictResponse, summary="Run the pipeline")
def refresh(jobs: Work) -> Answer:
    """One run at a time: while it lasts, every call names the same task."""
    return accepted(jobs, jobs.refresh(), before=True)


@router.both("POST", "/retrain", fails=(429,), status_code=202, response_model=AsyncPredictResponse, summary="Fit the models anew")
def retrain(jobs: Work) -> Answer:
    """Models learn from all that was played before today; by itself that happens once a month. One at a time."""
    return accepted(jobs, jobs.retrain(), before=True)
