"""The models behind the stages: what they are, and which one is the champion."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Request

from core.vocabulary import CHAMPION
from workers.auth import who
from workers.routes.shared import Answer, Held, IdempotencyKey, Router, Stage, Work, said
from workers.routes.tasks import accepted
from workers.schemas import AsyncPredictResponse, GateRefusal, ModelInfoResponse, PromoteRequest, RollbackRequest

router = Router(prefix="/predict", tags=["models"])

Caller = Annotated[str, Depends(who)]
NOT_PROMOTED = "The gate is not passed: `failing` names the checks; or the version is the champion already, or failed the leak test"
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


@router.both(
    "POST",
    "/model/promote",
    **TAKEN | {"fails": (404, 409, 429)},
    responses={409: {"model": GateRefusal, "description": NOT_PROMOTED}},
    summary="Make a version the champion",
)
def promote(asked: PromoteRequest, caller: Caller, services: Held, jobs: Work, idempotency_key: IdempotencyKey = None) -> Answer:
    """Refused with the checks of the gate that fail, unless `against_the_gate`; what failed the leak test always is.

    The worker checks again, and that the champion is the expected one; of two promotions at once one FAILs, with who won in its error.
    """
    if not jobs.knows("promote", idempotency_key):
        services.check_promotion(asked.version, asked.expected_champion, asked.against_the_gate)
    who = f"{asked.who} ({caller})" if asked.who else caller
    task_id = jobs.promote(asked.version, asked.reason, asked.expected_champion, who, idempotency_key, asked.against_the_gate)
    return accepted(jobs, task_id, idempotency_key is not None)


@router.both("POST", "/model/rollback", **TAKEN, summary="Return to the champion before")
def rollback(asked: RollbackRequest, caller: Caller, services: Held, jobs: Work, idempotency_key: IdempotencyKey = None) -> Answer:
    """To the previous champion of the audit log; refused where it has none."""
    if not jobs.knows("rollback", idempotency_key):
        services.check_rollback()
    who = f"{asked.who} ({caller})" if asked.who else caller
    return accepted(jobs, jobs.rollback(asked.reason, who, idempotency_key), idempotency_key is not None)
