"""What is asked of the ledger of tasks: how one stands, how many wait, which should stand in the queue."""

from __future__ import annotations

import json
import uuid
from typing import Any

import sqlalchemy as sa

from core.errors import TaskUnknown
from core.storage.heartbeats import TIME_TO_LIVE, Heartbeats
from core.storage.schema import task_events, tasks, workers

WAITING = ("PENDING", "RETRY", "LOST")
UNENDED = (*WAITING, "STARTED")
ENDED = ("SUCCESS", "FAILURE", "REVOKED", "EXPIRED")
STATES = ("PENDING", "STARTED", "RETRY", "SUCCESS", "FAILURE", "REVOKED", "LOST", "EXPIRED")

TaskRow = dict[str, Any]


class TaskQueries(Heartbeats):
    """The tasks in one database, read. `now` is the time of writing, aware, UTC; without one, the database's own clock."""

    def get(self, task_id: str) -> TaskRow:
        """{task_id, status, progress, result, error, created_at, started_at, finished_at}; TaskUnknown for an id that is not there."""
        task_id = spelled(task_id)
        with self.database.read() as connection:
            row = connection.execute(sa.select(*_SHOWN).where(tasks.c.task_id == task_id)).mappings().first()
        if row is None:
            raise _unknown(task_id)
        return _shown(row)

    def arguments(self, task_id: str) -> dict[str, Any]:
        """What the task was made with; TaskUnknown for an id that is not there."""
        task_id = spelled(task_id)
        with self.database.read() as connection:
            found = connection.scalar(sa.select(tasks.c.arguments).where(tasks.c.task_id == task_id))
        if found is None:
            raise _unknown(task_id)
        known: dict[str, Any] = json.loads(found)
        return known

    def kind(self, task_id: str) -> tuple[str, str]:
        """The name and the queue of a task; TaskUnknown for an id that is not there."""
        task_id = spelled(task_id)
        with self.database.read() as connection:
            row = connection.execute(sa.select(tasks.c.name, tasks.c.queue).where(tasks.c.task_id == task_id)).first()
        if row is None:
            raise _unknown(task_id)
        return row.name, row.queue

    def recent(self, limit: int = 50, status: str | None = None, name: str | None = None) -> list[TaskRow]:
        """The latest tasks, newest first: the keys of `get` and name, queue, worker, attempts, failures, kills, progress_note."""
        extra = (tasks.c.name, tasks.c.queue, tasks.c.worker, tasks.c.attempts, tasks.c.failures, tasks.c.kills, tasks.c.progress_note)
        query = sa.select(*_SHOWN, *extra).order_by(tasks.c.created_at.desc()).limit(limit)
        for column, wanted in ((tasks.c.status, status), (tasks.c.name, name)):
            query = query if wanted is None else query.where(column == wanted)
        with self.database.read() as connection:
            rows = connection.execute(query).mappings()
            return [_shown(row) for row in rows]

    def counts(self) -> dict[str, int]:
        """How many tasks are in each state; every state is named."""
        with self.database.read() as connection:
            found = connection.execute(sa.select(tasks.c.status, sa.func.count()).group_by(tasks.c.status)).all()
        return dict.fromkeys(STATES, 0) | {row[0]: row[1] for row in found}

    def depth(self, queue: str) -> dict[str, int]:
        """How many tasks of a queue wait in it, are planned for later (their next try), and run now: {waiting, scheduled, active}."""
        query = sa.select(tasks.c.status, sa.func.count()).where(tasks.c.queue == queue, tasks.c.status.in_(UNENDED))
        with self.database.read() as connection:
            found = {row[0]: row[1] for row in connection.execute(query.group_by(tasks.c.status))}
        waiting = found.get("PENDING", 0) + found.get("LOST", 0)
        return {"waiting": waiting, "scheduled": found.get("RETRY", 0), "active": found.get("STARTED", 0)}

    def unended(self, name: str) -> str | None:
        """The id of a task of this name that waits or runs, the latest of several."""
        query = sa.select(tasks.c.task_id).where(tasks.c.name == name, tasks.c.status.in_(UNENDED))
        with self.database.read() as connection:
            return connection.scalar(query.order_by(tasks.c.created_at.desc()).limit(1))

    def events(self, task_id: str) -> list[TaskRow]:
        """What happened to a task, oldest first: {at, status, worker, note}."""
        columns = (task_events.c.at, task_events.c.status, task_events.c.worker, task_events.c.note)
        with self.database.read() as connection:
            rows = connection.execute(sa.select(*columns).where(task_events.c.task_id == task_id).order_by(task_events.c.event_id))
            return [dict(row) for row in rows.mappings()]

    def due(self, grace: float = TIME_TO_LIVE) -> list[tuple[str, str, str]]:
        """(task_id, name, queue) of those that should stand in the queue by now; `grace` seconds are left to whoever just made one."""
        late = sa.or_(
            sa.and_(tasks.c.status.in_(("RETRY", "LOST")), tasks.c.queued_at <= self._time()),
            sa.and_(tasks.c.status == "PENDING", tasks.c.queued_at <= self._time(-grace)),
        )
        with self.database.read() as connection:
            rows = connection.execute(sa.select(tasks.c.task_id, tasks.c.name, tasks.c.queue).where(late).order_by(tasks.c.queued_at))
            return [(row.task_id, row.name, row.queue) for row in rows]

    def orphans(self, cutoff: str) -> sa.Select[Any]:
        """The running tasks that no living worker works at."""
        at_work = self.alive(cutoff).where(workers.c.worker == tasks.c.worker, workers.c.current_task == tasks.c.task_id)
        return sa.select(tasks).where(tasks.c.status == "STARTED", tasks.c.started_at < cutoff, ~at_work.exists())


_SHOWN = tuple(tasks.c[name] for name in ("task_id", "status", "progress", "result", "error", "created_at", "started_at", "finished_at"))


def spelled(task_id: str) -> str:
    """The id as the ledger spells it; TaskUnknown for a text that can be none, of which a database may make anything."""
    try:
        return str(uuid.UUID(task_id))
    except ValueError:
        raise _unknown(task_id) from None


def _unknown(task_id: str) -> TaskUnknown:
    return TaskUnknown(f"There is no task {task_id[:40]!r}. Its id is in the answer of the request that made it.")


def _shown(row: sa.RowMapping) -> TaskRow:
    task = dict(row)
    return task | {name: None if task[name] is None else json.loads(task[name]) for name in ("result", "error")}
