"""Where work is handed in: a row in the ledger first, then a message in the queue."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from typing import Any

from core.clock import iso
from core.errors import FeaturesRefused, KeyReused, QueueFull, QueueUnavailable, SettingsError, TaskStateError
from core.settings import Settings
from core.storage.database import Database
from core.storage.exports import EXPORTED
from core.storage.task_ledger import TaskLedger
from core.storage.task_queries import ENDED, TaskRow
from workers.broker import Queue

QUEUES = ("ml", "batch")
DAY = 86400.0
# Arguments that are not the caller's own: his match's features as they stand, and marks of this one try.
ADDED = ("features", "features_computed_at", "request", "who")


@dataclass(frozen=True)
class Kind:
    """A kind of task: its queue, the seconds it may run, and those after which it is not worth starting (None: always)."""

    queue: str
    limit: float
    expires_in: float | None = None


KINDS: Mapping[str, Kind] = {
    "predict_match": Kind("ml", 30.0, DAY),
    "get_model_info": Kind("ml", 30.0, DAY),
    "export_data_raw": Kind("batch", 600.0),
    "promote": Kind("ml", 120.0),
    "rollback": Kind("ml", 120.0),
    "refresh": Kind("batch", 1800.0),
    "retrain": Kind("batch", 3600.0),
    "advance": Kind("batch", 1800.0),
}
# Of these one waits or runs at a time.
ONE_AT_A_TIME = ("refresh", "retrain", "advance")


class Jobs:
    """Hands tasks in and says how they stand. Raises QueueUnavailable, QueueFull and, for the ledger, DatabaseUnavailable."""

    def __init__(self, settings: Settings, database: Database, kinds: Mapping[str, Kind] = KINDS) -> None:
        self.ledger = TaskLedger(database)
        self.kinds = kinds
        self._settings = settings
        self._guard = threading.Lock()
        self._queues: dict[str, Queue] = {}

    @classmethod
    def open(cls, settings: Settings, database: Database, kinds: Mapping[str, Kind] = KINDS) -> Jobs:
        """Connects to nothing yet, so that an app without its database or its broker starts all the same."""
        return cls(settings, database, kinds)

    def predict_match(
        self,
        match_id: int,
        features: Mapping[str, Any],
        features_computed_at: datetime | str | None = None,
        model_stage: str | None = None,
        idempotency_key: str | None = None,
    ) -> str:
        """Queue one prediction and return the task's id; its result will have the shape of `PredictResponse`."""
        computed_at = iso(features_computed_at) if isinstance(features_computed_at, datetime) else features_computed_at
        arguments = {"match_id": match_id, "features": dict(features), "features_computed_at": computed_at, "model_stage": model_stage}
        infinite = [name for name, value in features.items() if isinstance(value, float) and not isfinite(value)]
        if infinite:
            raise FeaturesRefused(dict.fromkeys(infinite, "not a finite number"))
        return self.hand_in("predict_match", arguments, idempotency_key)

    def get_model_info(self, model_stage: str | None = None, idempotency_key: str | None = None) -> str:
        """Queue a question about a stage's model; its result will have the shape of `ModelInfoResponse`."""
        return self.hand_in("get_model_info", {"model_stage": model_stage}, idempotency_key)

    def export_data_raw(self, name_table: str, idempotency_key: str | None = None) -> str:
        """Queue the export of one table of the database to the store."""
        return self.hand_in("export_data_raw", {"name_table": name_table}, idempotency_key)

    def knows(self, name: str, idempotency_key: str | None) -> bool:
        """Whether a task of this kind was made under this key before."""
        return self.ledger.known(name, idempotency_key) is not None

    def promote(
        self,
        version: int,
        reason: str,
        expected_champion: int | None,
        who: str = "the app",
        idempotency_key: str | None = None,
        against_the_gate: bool = False,
    ) -> str:
        """Queue that a version becomes the champion, if the champion still is the expected one when a worker comes to it, and the gate
        is passed or overridden."""
        arguments = {"version": version, "reason": reason, "expected_champion": expected_champion, "who": who}
        return self.hand_in("promote", arguments | {"against_the_gate": against_the_gate} | _request(), idempotency_key)

    def rollback(self, reason: str, who: str = "the app", idempotency_key: str | None = None) -> str:
        """Queue the return to the previous champion of the audit log."""
        return self.hand_in("rollback", {"reason": reason, "who": who} | _request(), idempotency_key)

    def refresh(self) -> str:
        """Queue a run of the pipeline, or name the one that waits or runs already."""
        return self._one_at_a_time("refresh", {})

    def retrain(self) -> str:
        """Queue that the models are fitted anew, or name the task that does so already. By itself that happens once a month."""
        return self._one_at_a_time("retrain", {})

    def advance(self, to: str) -> str:
        """Queue that the replay's clock is moved, `to` as the command takes it. TaskStateError while it is on its way already."""
        on_its_way = self.advancing()
        task_id = on_its_way or self._one_at_a_time("advance", {"to": to})
        if on_its_way or self.ledger.arguments(task_id)["to"] != to:
            raise TaskStateError(f"Task {task_id} moves the replay's clock already. Wait for its end, or revoke it.")
        return task_id

    def advancing(self) -> str | None:
        """The id of the task that moves the replay's clock now, or waits to."""
        return self.ledger.unended("advance")

    def refreshing(self) -> str | None:
        """The id of the task that asks the sources now, or waits to."""
        return self.ledger.unended("refresh")

    def _one_at_a_time(self, name: str, arguments: Mapping[str, Any]) -> str:
        unended = self.ledger.unended(name)
        if unended is not None:
            return unended
        last = self.ledger.recent(1, name=name)
        # Whoever asks after the same last run makes the same task.
        return self._queued(name, arguments, f"after {last[0]['task_id']}" if last else "the first")

    def hand_in(self, name: str, arguments: Mapping[str, Any], idempotency_key: str | None = None) -> str:
        """Queue a task of this kind. The same key gives the same task, and KeyReused when it comes with another request;
        ValueError for arguments that are not JSON."""
        task_id = self._queued(name, arguments, idempotency_key)
        if idempotency_key is not None and _asked(self.ledger.arguments(task_id)) != _asked(arguments):
            raise KeyReused(f"This Idempotency-Key made the task {task_id}, of another request. Choose a new key for a new request.")
        return task_id

    def _queued(self, name: str, arguments: Mapping[str, Any], idempotency_key: str | None) -> str:
        known = self.ledger.known(name, idempotency_key)
        if known is not None:
            return known
        kind = self.kinds[name]
        queue, limit = self.queue(kind.queue), self._settings.queue_limit
        queue.check()
        if self.ledger.depth(kind.queue)["waiting"] >= limit:
            raise QueueFull(f"{limit} tasks wait already. Try again in a minute; SOCCER_QUEUE_LIMIT sets how many may wait.")
        task_id = self.ledger.create(name, kind.queue, arguments, idempotency_key, kind.expires_in)
        self._push(name, kind.queue, task_id)
        return task_id

    def wait(self, task_id: str, seconds: float) -> TaskRow:
        """The task once it has ended, or as it stands after so many seconds."""
        queue = self.queue(self.ledger.kind(task_id)[1])
        until = time.monotonic() + seconds
        pause, noted = 0.001, not queue.notifies
        while True:
            task = self.ledger.get(task_id)
            left = until - time.monotonic()
            if task["status"] in ENDED or left <= 0:
                return task
            if not noted:
                noted = queue.wait(task_id, min(1.0, left))
                continue
            time.sleep(min(pause, left))
            pause = min(pause * 1.2, 0.1)

    def revoke(self, task_id: str) -> TaskRow:
        """See TaskLedger.revoke; its message is dropped when a worker comes to it."""
        return self.ledger.revoke(task_id)

    def requeue(self, task_id: str) -> TaskRow:
        """An ended task without a result waits again. TaskStateError where another does its work already: see ONE_AT_A_TIME."""
        name, queue = self.ledger.kind(task_id)
        task = self.ledger.requeue(task_id, only=name in ONE_AT_A_TIME)
        self._push(name, queue, task_id)
        return task

    def _push(self, name: str, queue: str, task_id: str) -> None:
        with suppress(QueueUnavailable):  # the reaper puts it there when the queue answers again
            self.queue(queue).push(name, task_id)

    def push_due(self) -> list[str]:
        """Put into the queue what the ledger says should stand there and does not. The ids of what was missing."""
        due = self.ledger.due()
        if not due:
            return []
        standing = set().union(*(self.queue(name).ids() for name in QUEUES))
        missing = [row for row in due if row[0] not in standing]
        for task_id, name, queue in missing:
            self.ledger.queued_again(task_id)
            self.queue(queue).push(name, task_id)
        return [row[0] for row in missing]

    def depth(self) -> dict[str, dict[str, int]]:
        """For each queue: how many tasks wait in it, are planned for later (their next try), and run now: see TaskQueries.depth."""
        self.check()
        return self.unended()

    def unended(self) -> dict[str, dict[str, int]]:
        """The same by the ledger alone, whether or not the broker answers."""
        return {name: self.ledger.depth(name) for name in QUEUES}

    def check(self) -> None:
        """QueueUnavailable unless the broker answers for each queue."""
        for name in QUEUES:
            self.queue(name).check()

    @property
    def exportable(self) -> tuple[str, ...]:
        """The tables that `export_data_raw` takes."""
        return EXPORTED

    def backend(self) -> str:
        """What carries the queue, for people: `SQLite` or `Redis`."""
        return "SQLite" if self._settings.queue_url.startswith("sqlite") else "Redis"

    def queue(self, name: str) -> Queue:
        """The queue of this name, opened on first use."""
        with self._guard:
            if name not in self._queues:
                self._queues[name] = Queue(self._settings.queue_url, queue_name(self.ledger.database, name))
            return self._queues[name]

    def close(self) -> None:
        with self._guard:
            for queue in self._queues.values():
                queue.close()
            self._queues.clear()


def _asked(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """What a caller asked for, as JSON holds it: without what we add, which may differ between two tries of one request."""
    return {name: json.loads(json.dumps(value)) for name, value in arguments.items() if name not in ADDED}


def _request() -> dict[str, str]:
    """A mark by which a task knows its own work again when it runs a second time."""
    return {"request": str(uuid.uuid4())}


def queue_name(database: Database, queue: str) -> str:
    """A queue belongs to one database: two instances may share a Redis server."""
    if queue not in QUEUES:
        raise SettingsError(f"There is no queue {queue!r}; a worker takes --queue ml or --queue batch.")
    return f"soccer_{database.instance_id()[:12]}_{queue}"
