"""What the REST routes take and give."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

TaskState = Literal["PENDING", "STARTED", "RETRY", "SUCCESS", "FAILURE", "REVOKED", "LOST", "EXPIRED"]


class Problem(BaseModel):
    """Every answer that is no success: a sentence for a person."""

    detail: str


class TaskError(BaseModel):
    """Why a task failed: a word for programs and a sentence for people."""

    kind: str
    message: str


class TaskStatus(BaseModel):
    """How a task stands. Poll until `status` is SUCCESS, FAILURE, REVOKED or EXPIRED; times are ISO 8601, UTC."""

    task_id: str
    status: TaskState
    progress: float | None = Field(None, description="0 to 1, where the task says so")
    result: Any = None
    error: TaskError | None = None
    created_at: str
    started_at: str | None = None
    finished_at: str | None = None
