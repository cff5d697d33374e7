"""Whose heart beats: the row of each worker, with what it says of itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from core.clock import from_iso, sortable
from core.storage.database import Database
from core.storage.schema import workers

# Seconds: between two heartbeats, and from the last of them until a worker counts as dead.
HEARTBEAT = 1.0
TIME_TO_LIVE = 5.0
FORGOTTEN = 7 * 86400.0


@dataclass(frozen=True)
class Pulse:
    """What a worker says of itself with each heartbeat."""

    worker: str
    queue: str
    pid: int
    host: str
    started_at: datetime
    model_versions: Mapping[str, int]
    tasks_done: int
    current_task: str | None = None


class Heartbeats:
    """The workers in one database. `now` is the time of writing, aware, UTC; without one, the database's own clock."""

    def __init__(self, database: Database, now: Callable[[], datetime] | None = None) -> None:
        self.database = database
        self.now = now or database.now

    def beat(self, pulse: Pulse) -> None:
        """A worker is alive, with what it says of itself."""
        values = {
            "queue": pulse.queue,
            "pid": pulse.pid,
            "host": pulse.host,
            "started_at": sortable(pulse.started_at),
            "model_versions": json.dumps(dict(pulse.model_versions)),
            "tasks_done": pulse.tasks_done,
            "current_task": pulse.current_task,
            "stopped_at": None,
        }
        with self.database.write() as connection:
            values["heartbeat_at"] = self._time()  # now, and not when it began to wait for the database
            known = connection.execute(workers.update().where(workers.c.worker == pulse.worker).values(values))
            if known.rowcount == 0:
                connection.execute(workers.insert().values(worker=pulse.worker, **values))

    def leave(self, worker: str) -> None:
        """A worker says that it stops, and need not be waited for."""
        with self.database.write() as connection:
            connection.execute(workers.update().where(workers.c.worker == worker).values(stopped_at=self._time(), current_task=None))

    def workers(self, ttl: float = TIME_TO_LIVE) -> list[dict[str, Any]]:
        """The workers that are alive: {worker, queue, pid, host, started_at, heartbeat_at, age_seconds, model_versions, tasks_done,
        current_task}; `age_seconds` is the age of the heartbeat, `model_versions` maps a stage to its version."""
        alive = self.alive(self._time(-ttl)).order_by(workers.c.queue, workers.c.worker)
        with self.database.read() as connection:
            rows = [dict(row) for row in connection.execute(alive).mappings()]
        for row in rows:
            del row["stopped_at"]
            row["model_versions"] = json.loads(row["model_versions"])
            row["age_seconds"] = max(0.0, (self.now() - from_iso(row["heartbeat_at"])).total_seconds())
        return rows

    def alive(self, cutoff: str) -> sa.Select[Any]:
        """The workers that were heard of since."""
        return sa.select(workers).where(workers.c.stopped_at.is_(None), self._heard(cutoff))

    def silent(self, cutoff: str) -> sa.Select[Any]:
        """The names of the workers that neither stopped nor were heard of since."""
        return sa.select(workers.c.worker).where(workers.c.stopped_at.is_(None), ~self._heard(cutoff))

    def take_leave(self, connection: sa.Connection, names: Sequence[str]) -> None:
        """These are not waited for any more; those that stopped long ago are forgotten."""
        connection.execute(workers.update().where(workers.c.worker.in_(names)).values(stopped_at=self._time()))
        connection.execute(workers.delete().where(workers.c.stopped_at < self._time(-FORGOTTEN)))

    def _heard(self, cutoff: str) -> sa.ColumnElement[bool]:
        # A heart cannot have beaten in the time to come: the clock was put back since.
        return workers.c.heartbeat_at.between(cutoff, self._time(TIME_TO_LIVE))

    def _time(self, seconds: float = 0.0) -> str:
        return sortable(self.now() + timedelta(seconds=seconds))
