"""How tasks, workers and models fare."""

from __future__ import annotations

from typing import Any

from workers.routes.shared import Held, Router
from workers.schemas import Problem, TaskStatus

router = Router(prefix="/monitoring", tags=["monitoring"])


@router.both("GET", "/task_status/{task_id}", response_model=TaskStatus, responses={404: {"model": Problem}}, summary="How a task stands")
def task_status(task_id: str, services: Held) -> dict[str, Any]:
    """Poll until `status` is SUCCESS; reading is repeatable and survives a restart."""
    found: dict[str, Any] = services.records.task(task_id)
    return found
