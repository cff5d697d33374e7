"""The models behind the stages: what they are, and which one is the champion."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Request

from core.settings import CHAMPION
from workers.auth import who
from workers.routes.shared import Answer, Held, IdempotencyKey, Router, Stage, Work, said
from workers.routes.tasks import accepted
from workers.schemas import AsyncPredictResponse, ModelInfoResponse, PromoteRequest, RollbackRequest

router = Router(prefix="/predict", tags=["models"])

Caller = Annotated[str, Depends(who)]
TAKEN: dict[str, Any] = {"fails": (409, 429), "status_code": 202, "response_model": AsyncPredictResponse}


@router.both(
    "GET",
    "/model/info",
    fails=(404, 422, 504),
    versioned=True,
    response_model=ModelInfoResponse,
    summary="A stage's model and its features",
)
async def model_info(request: Request, services: Held, stage: Stage = CHAMPION) -> Answer:
    """Answered from a copy that a thread renews every two seconds."""
    if not services.models.versions():
        await request.app.state.waiting.until("models", services.models.load, services.settings.sync_timeout)
    info = services.models.get_model_info(stage)
    return said({name: info[name] for name in ModelInfoResponse.model_fields}, info["model_version"])


@router.both("POST", "/model/promote", **TAKEN, summary="Make a version the champion")
def promote(asked: PromoteRequest, caller: Caller, jobs: Work, idempotency_key: IdempotencyKey = None) -> Answer:
    """The worker checks again that the champion is the expected one; of two promotions at once one FAILs, and is told who won."""
    task_id = jobs.promote(asked.version, asked.reason, asked.expected_champion, caller, idempotency_key)
    return accepted(jobs, task_id, idempotency_key is not None)


@router.both("POST", "/model/rollback", **TAKEN, summary="Return to the champion before")
def rollback(asked: RollbackRequest, caller: Caller, jobs: Work, idempotency_key: IdempotencyKey = None) -> Answer:
    """To the previous champion of the audit log."""
    return accepted(jobs, jobs.rollback(asked.reason, caller, idempotency_key), idempotency_key is not None)
