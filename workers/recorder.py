"""Runs one task and writes down how it ended."""

from __future__ import annotations

import faulthandler
import logging
import re
import time
from collections.abc import Callable, Mapping
from functools import partial
from types import TracebackType
from typing import Any, TypeVar

from core.errors import (
    AliasMissing,
    DatabaseUnavailable,
    FeaturesRefused,
    FileMissing,
    MatchUnknown,
    PipelineFailed,
    PromotionRefused,
    SoccerPredictError,
    TaskRevoked,
    UnknownStage,
)
from core.metrics import TASK_DURATION, TASKS
from core.storage.task_ledger import Claim, TaskLedger
from workers import progress
from workers.jobs import Kind
from workers.log import line

RETRIES = 2
# Another try would end the same way.
REFUSALS = (AliasMissing, FeaturesRefused, FileMissing, MatchUnknown, PipelineFailed, PromotionRefused, UnknownStage)
UNKNOWN = Kind("", 30.0)
DROPPED = "no such task waits in this queue: it ended, expired, was revoked, waits for its next try, or runs elsewhere"
# How long an end is kept for a database that is away: longer than a pipeline or another writer locks it.
KEEP_SECONDS = 60.0
KEEP_PAUSE = 1.0
STANDARD_ERROR = 2

Body = Callable[..., Any]
T = TypeVar("T")


class Recorder:
    """What a worker does with each message: claim the task in the ledger, run its body, store the end.

    `current` is the task at work, `done` how many have ended here: the heartbeat tells both.
    """

    def __init__(
        self, ledger: TaskLedger, bodies: Mapping[str, Body], kinds: Mapping[str, Kind], worker: str, queue: str, retry_delay: float
    ) -> None:
        self.ledger = ledger
        self.queue = queue
        self.bodies = bodies
        self.kinds = kinds
        self.worker = worker
        self.retry_delay = retry_delay
        self.current: str | None = None
        self.done = 0

    def run(self, name: str, task_id: str) -> str | None:
        """The state it ended in, or None when there was nothing to do or it will be tried again."""
        limit = self.kinds.get(name, UNKNOWN).limit
        self.current = task_id
        try:
            claim = self.ledger.claim(task_id, self.worker, limit, name, self.queue)
            if claim is None:
                line("message dropped", task_id=task_id, task=name, note=DROPPED)
                return None
            with Recording(self, claim, limit) as recording, progress.told(partial(self.ledger.progress, task_id, self.worker)):
                recording.result = self._body(claim.name)(**claim.arguments)
            self.done += 1
            return recording.status if recording.status != "RETRY" else None
        finally:
            self.current = None

    def _body(self, name: str) -> Body:
        if name not in self.bodies:
            raise FileMissing(f"This worker knows no task {name[:40]!r}. Start workers of the same version as the app.")
        return self.bodies[name]


class Recording:
    """The span of one try. Leaving it stores the result, or the exception: the one place where any exception is caught."""

    def __init__(self, recorder: Recorder, claim: Claim, limit: float) -> None:
        self.recorder = recorder
        self.claim = claim
        self.limit = limit
        self.result: Any = None
        self.status = "NOT STORED"
        self._began = time.perf_counter()

    def __enter__(self) -> Recording:
        # Its watchdog is a thread in C: it ends the process even when the task never lets go of the interpreter.
        faulthandler.dump_traceback_later(self.limit, exit=True, file=STANDARD_ERROR)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> bool:
        faulthandler.cancel_dump_traceback_later()
        if error is not None and not isinstance(error, Exception):
            return False
        try:
            error = error or self._succeeded()
            if error is not None:
                self._failed(error)
        finally:
            self._count(error)
        return True

    def _succeeded(self) -> Exception | None:
        ledger, task_id, worker = self.recorder.ledger, self.claim.task_id, self.recorder.worker
        try:
            kept = _stored(lambda: ledger.succeed(task_id, worker, self.result))
        except (TypeError, ValueError) as error:
            return error  # the result is not JSON
        self.status = "SUCCESS" if kept else "TOO LATE"
        return None

    def _failed(self, error: Exception) -> None:
        ledger, task_id, worker = self.recorder.ledger, self.claim.task_id, self.recorder.worker
        if isinstance(error, TaskRevoked):
            kept, status = _stored(lambda: ledger.stop(task_id, worker)), "REVOKED"
        elif isinstance(error, REFUSALS) or self.claim.failures >= RETRIES:
            kept, status = _stored(lambda: ledger.fail(task_id, worker, in_words(error))), "FAILURE"
        else:
            put_back = _stored(lambda: ledger.retry(task_id, worker, in_words(error), self.recorder.retry_delay))
            kept, status = put_back is not None, put_back or ""
        self.status = status if kept else "TOO LATE"

    def _count(self, error: Exception | None) -> None:
        seconds = time.perf_counter() - self._began
        TASKS.labels(task=self.claim.name, status=self.status).inc()
        TASK_DURATION.labels(task=self.claim.name).observe(seconds)
        bug = error if error is not None and not isinstance(error, SoccerPredictError) else None
        line(
            "task",
            logging.INFO if error is None else logging.WARNING,
            bug,
            task_id=self.claim.task_id,
            task=self.claim.name,
            status=self.status,
            attempt=self.claim.attempt,
            seconds=round(seconds, 6),
            match_id=self.claim.arguments.get("match_id"),
            model_version=self.result.get("model_version") if isinstance(self.result, dict) else None,
            error=None if error is None else in_words(error)["message"],
        )


def _stored(end: Callable[[], T]) -> T:
    """Write an end down, when the database is away as soon as it is back: until then the task is still this worker's."""
    until = time.monotonic() + KEEP_SECONDS
    while True:
        try:
            return end()
        except DatabaseUnavailable:
            if time.monotonic() > until:
                raise
            time.sleep(KEEP_PAUSE)


def in_words(error: Exception) -> dict[str, str]:
    """{kind, message}: ours speaks for itself, any other is a bug and is named."""
    if isinstance(error, SoccerPredictError):
        return {"kind": re.sub(r"(?<!^)(?=[A-Z])", "_", type(error).__name__).lower(), "message": str(error)}
    return {"kind": "bug", "message": f"{type(error).__name__}: {error}"[:1000]}
