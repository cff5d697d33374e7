"""The ledger of tasks: every task stands here from before it is queued until its result is stored.

    PENDING ──> STARTED ──> SUCCESS
       │         │ │ │└──> FAILURE     refused, failed too often, or a dead letter
       │         │ │ └───> RETRY       an exception; waits for its next try
       │         │ └─────> LOST        its worker died; waits to be queued again
       │         └───────> REVOKED     asked to stop: never RETRY or LOST after that
       └──> REVOKED, EXPIRED

PENDING, RETRY and LOST wait. Each change is one conditional UPDATE with a row in `task_events` beside it, so that a
task ends once however often it ran: who comes second changes nothing, and is told so by False.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql.dml import ReturningUpdate

from core.errors import TaskStateError, TaskUnknown
from core.storage.database import storable
from core.storage.heartbeats import TIME_TO_LIVE, Heartbeats
from core.storage.schema import task_events, tasks, workers

WAITING = ("PENDING", "RETRY", "LOST")
ENDED = ("SUCCESS", "FAILURE", "REVOKED", "EXPIRED")
STATES = ("PENDING", "STARTED", "RETRY", "SUCCESS", "FAILURE", "REVOKED", "LOST", "EXPIRED")

KILLS_ALLOWED = 5

# Made once: a statement that is built anew each time costs more than SQLite takes to carry it out.
_TASK = tasks.insert()
_EVENT = task_events.insert()

TaskRow = dict[str, Any]


@dataclass(frozen=True)
class Claim:
    """A task that this worker, and no other, may run now. `failures` counts the exceptions of earlier tries."""

    task_id: str
    name: str
    arguments: dict[str, Any]
    attempt: int
    failures: int


class TaskLedger(Heartbeats):
    """The tasks in one database, and the workers that run them. `now` is the time of writing, aware, UTC."""

    # What a task goes through

    def create(
        self,
        name: str,
        queue: str,
        arguments: Mapping[str, Any],
        idempotency_key: str | None = None,
        expires_in: float | None = None,
    ) -> str:
        """A new PENDING task's id, or the id of the task that this key made before.

        The arguments are JSON values (ValueError for NaN and infinities). `expires_in`: seconds after which it is not worth starting.
        """
        task_id = str(uuid.uuid4())
        key = _digest(name, idempotency_key)
        row = {
            "task_id": task_id,
            "name": name,
            "queue": queue,
            "arguments": json.dumps(arguments, allow_nan=False),
            "status": "PENDING",
            "idempotency_key": key,
            "created_at": self._time(),
            "queued_at": self._time(),
            "deadline": None if expires_in is None else self._time(expires_in),
        }
        try:
            with self.database.write() as connection:
                connection.execute(_TASK, row)
                self._event(connection, task_id, "PENDING")
        except IntegrityError:
            known = self.known(name, idempotency_key)
            if known is None:
                raise
            return known
        return task_id

    def known(self, name: str, idempotency_key: str | None) -> str | None:
        """The id of the task that was created under this key, if any."""
        key = _digest(name, idempotency_key)
        if key is None:
            return None
        with self.database.read() as connection:
            return connection.scalar(sa.select(tasks.c.task_id).where(tasks.c.idempotency_key == key))

    def refuse(self, task_id: str, error: Mapping[str, Any]) -> bool:
        """The queue did not take it: it ends as FAILURE, and its idempotency key is free again."""
        values = {"error": json.dumps(error), "finished_at": self._time(), "idempotency_key": None}
        with self.database.write() as connection:
            return self._move(connection, task_id, ("PENDING",), "FAILURE", values, note="the queue did not take it")

    def claim(self, task_id: str, worker: str, limit: float) -> Claim | None:
        """The waiting task, now STARTED by this worker with `limit` seconds to end; None when it is not there to be started.

        One that waited past its deadline is not, whether or not the reaper has seen it yet.
        """
        with self.database.write() as connection:
            row = connection.execute(self._started(task_id, worker, limit)).first()
            if row is None:
                return None
            self._event(connection, task_id, "STARTED", worker)
        return Claim(task_id, row.name, json.loads(row.arguments), row.attempts, row.failures)

    def progress(self, task_id: str, worker: str, share: float, note: str = "") -> bool:
        """Say how far it is, 0 to 1. False when it should stop: somebody revoked it, or it is no longer this worker's."""
        mine = self._mine(task_id, worker)
        with self.database.write() as connection:
            asked = connection.execute(
                tasks.update().where(*mine).values(progress=share, progress_note=storable(note[:200])).returning(tasks.c.cancel_requested)
            ).scalar()
        return asked is not None and not asked

    def succeed(self, task_id: str, worker: str, result: Any) -> bool:
        """Store the result. False, and nothing stored, when the task is no longer this worker's.

        A result that came before the task could be stopped stands: its effects are there, whatever was asked meanwhile.
        """
        values = {"result": json.dumps(result, allow_nan=False), "error": None, "progress": 1.0, "finished_at": self._time()}
        return self._end(task_id, worker, "SUCCESS", values)

    def fail(self, task_id: str, worker: str, error: Mapping[str, Any]) -> bool:
        """End it for good; `error` is {kind, message}."""
        values = {"error": json.dumps(error), "failures": tasks.c.failures + 1, "finished_at": self._time()}
        return self._end(task_id, worker, "FAILURE", values, str(error.get("message", "")))

    def retry(self, task_id: str, worker: str, error: Mapping[str, Any], delay: float) -> str | None:
        """Let it wait `delay` seconds for its next try: RETRY, or REVOKED if that was asked. None when it is not this worker's."""
        values = {
            "error": json.dumps(error),
            "failures": tasks.c.failures + 1,
            "queued_at": self._time(delay),
            "worker": None,
            "deadline": None,
        }
        with self.database.write() as connection:
            return self._put_back(connection, task_id, "RETRY", values, worker, str(error.get("message", "")))

    def stop(self, task_id: str, worker: str) -> bool:
        """End a running task that saw it was revoked."""
        return self._end(task_id, worker, "REVOKED", {"finished_at": self._time()})

    def give_back(self, task_id: str, worker: str) -> str | None:
        """A worker that was asked to stop hands its unfinished task back; this counts neither as a kill nor as a failure.

        LOST, or REVOKED if that was asked; None when it is not this worker's.
        """
        values = {"queued_at": self._time(), "worker": None, "deadline": None}
        with self.database.write() as connection:
            return self._put_back(connection, task_id, "LOST", values, worker, "its worker was asked to stop")

    def lose(self, task_id: str, note: str = "its worker died") -> str | None:
        """Mark a STARTED task LOST, or a dead letter after its fifth kill, or REVOKED if that was asked. Its new state, or None."""
        with self.database.write() as connection:
            row = connection.execute(sa.select(tasks).where(tasks.c.task_id == task_id, tasks.c.status == "STARTED")).mappings().first()
            return None if row is None else self._lose(connection, dict(row), note)

    def revoke(self, task_id: str) -> TaskRow:
        """A waiting task never starts; a running one is asked to stop. TaskStateError when it has ended."""
        task_id = _spelled(task_id)
        with self.database.write() as connection:
            waiting = self._move(connection, task_id, WAITING, "REVOKED", {"finished_at": self._time()})
            running = not waiting and self._move(
                connection, task_id, ("STARTED",), "STARTED", {"cancel_requested": True}, note="asked to stop"
            )
        task = self.get(task_id)
        if not waiting and not running:
            raise TaskStateError(f"The task has ended as {task['status']}; only a waiting or a running task can be revoked.")
        return task

    def requeue(self, task_id: str) -> TaskRow:
        """An ended task without a result waits again, with its counts back at nothing. TaskStateError for any other."""
        fresh: dict[str, Any] = dict.fromkeys(("error", "finished_at", "started_at", "worker", "deadline", "progress", "progress_note"))
        task_id = _spelled(task_id)
        fresh |= {"failures": 0, "kills": 0, "cancel_requested": False, "queued_at": self._time()}
        with self.database.write() as connection:
            moved = self._move(connection, task_id, ("FAILURE", "REVOKED", "EXPIRED"), "PENDING", fresh, note="queued again by hand")
        task = self.get(task_id)
        if not moved:
            raise TaskStateError(f"The task is {task['status']}; only one that failed, was revoked or expired can be queued again.")
        return task

    # What watches over them

    def reap(self, ttl: float = TIME_TO_LIVE) -> list[str]:
        """Take leave of workers whose heartbeat ended `ttl` seconds ago, lose what they ran, expire what waited too long.

        Returns the tasks that were running and are no longer. Also lost: a task whose worker lives but works at something else.
        """
        cutoff = self._time(-ttl)
        with self.database.read() as connection:
            orphans = [dict(row) for row in connection.execute(_orphans(cutoff)).mappings()]
            silent = self.silent(connection, cutoff)
            expired = connection.scalars(
                sa.select(tasks.c.task_id).where(tasks.c.status.in_(WAITING), tasks.c.deadline <= self._time())
            ).all()
        if not orphans and not silent and not expired:
            return []
        with self.database.write() as connection:
            self.take_leave(connection, silent)
            for task_id in expired:
                self._move(connection, task_id, WAITING, "EXPIRED", {"finished_at": self._time()}, note="waited too long")
            return [row["task_id"] for row in orphans if self._lose(connection, row, self._cause(row))]

    def due(self, grace: float = TIME_TO_LIVE) -> list[tuple[str, str, str]]:
        """(task_id, name, queue) of those that should stand in the queue by now; `grace` seconds are left to whoever just made one."""
        late = sa.or_(
            sa.and_(tasks.c.status.in_(("RETRY", "LOST")), tasks.c.queued_at <= self._time()),
            sa.and_(tasks.c.status == "PENDING", tasks.c.queued_at <= self._time(-grace)),
        )
        with self.database.read() as connection:
            rows = connection.execute(sa.select(tasks.c.task_id, tasks.c.name, tasks.c.queue).where(late).order_by(tasks.c.queued_at))
            return [(row.task_id, row.name, row.queue) for row in rows]

    def queued_again(self, task_id: str) -> None:
        """Write down that the queue has it again."""
        with self.database.write() as connection:
            status = connection.scalar(
                tasks.update()
                .where(tasks.c.task_id == task_id, tasks.c.status.in_(WAITING))
                .values(queued_at=self._time())
                .returning(tasks.c.status)
            )
            if status is not None:
                self._event(connection, task_id, status, note="queued again")

    # What is asked of it

    def get(self, task_id: str) -> TaskRow:
        """{task_id, status, progress, result, error, created_at, started_at, finished_at}; TaskUnknown for an id that is not there."""
        task_id = _spelled(task_id)
        with self.database.read() as connection:
            row = connection.execute(sa.select(*_SHOWN).where(tasks.c.task_id == task_id)).mappings().first()
        if row is None:
            raise _unknown(task_id)
        return _shown(row)

    def arguments(self, task_id: str) -> dict[str, Any]:
        """What the task was made with; TaskUnknown for an id that is not there."""
        task_id = _spelled(task_id)
        with self.database.read() as connection:
            found = connection.scalar(sa.select(tasks.c.arguments).where(tasks.c.task_id == task_id))
        if found is None:
            raise _unknown(task_id)
        known: dict[str, Any] = json.loads(found)
        return known

    def kind(self, task_id: str) -> tuple[str, str]:
        """The name and the queue of a task; TaskUnknown for an id that is not there."""
        task_id = _spelled(task_id)
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

    def counts(self, queue: str | None = None) -> dict[str, int]:
        """How many tasks are in each state, of one queue or of all; every state is named."""
        query = sa.select(tasks.c.status, sa.func.count()).group_by(tasks.c.status)
        with self.database.read() as connection:
            found = connection.execute(query if queue is None else query.where(tasks.c.queue == queue)).all()
        return dict.fromkeys(STATES, 0) | {row[0]: row[1] for row in found}

    def events(self, task_id: str) -> list[TaskRow]:
        """What happened to a task, oldest first: {at, status, worker, note}."""
        columns = (task_events.c.at, task_events.c.status, task_events.c.worker, task_events.c.note)
        with self.database.read() as connection:
            rows = connection.execute(sa.select(*columns).where(task_events.c.task_id == task_id).order_by(task_events.c.event_id))
            return [dict(row) for row in rows.mappings()]

    # How it is written

    def _event(self, connection: sa.Connection, task_id: str, status: str, worker: str | None = None, note: str | None = None) -> None:
        row = {"task_id": task_id, "at": self._time(), "status": status, "worker": worker, "note": note and storable(note)}
        connection.execute(_EVENT, row)

    def _started(self, task_id: str, worker: str, limit: float) -> ReturningUpdate[Any]:
        """To be made within the transaction: its times count from when the database was there."""
        now = self._time()
        return (
            tasks.update()
            .where(tasks.c.task_id == task_id, tasks.c.status.in_(WAITING), sa.or_(tasks.c.deadline.is_(None), tasks.c.deadline > now))
            .values(
                status="STARTED",
                worker=worker,
                attempts=tasks.c.attempts + 1,
                progress=None,
                progress_note=None,
                started_at=now,
                deadline=self._time(limit),
            )
            .returning(tasks.c.name, tasks.c.arguments, tasks.c.attempts, tasks.c.failures)
        )

    def _mine(self, task_id: str, worker: str) -> tuple[sa.ColumnElement[bool], ...]:
        return tasks.c.task_id == task_id, tasks.c.status == "STARTED", tasks.c.worker == worker

    def _move(
        self,
        connection: sa.Connection,
        task_id: str,
        sources: tuple[str, ...],
        status: str,
        values: Mapping[str, Any],
        worker: str | None = None,
        note: str | None = None,
        unless_revoked: bool = False,
    ) -> bool:
        """One conditional change of state and its event; False when the task was not in one of `sources`, or not this worker's."""
        change = tasks.update().where(tasks.c.task_id == task_id, tasks.c.status.in_(sources)).values(status=status, **values)
        if worker is not None:
            change = change.where(tasks.c.worker == worker)
        if unless_revoked:
            change = change.where(~tasks.c.cancel_requested)
        if connection.execute(change).rowcount != 1:
            return False
        self._event(connection, task_id, status, worker, note)
        return True

    def _end(self, task_id: str, worker: str, status: str, values: Mapping[str, Any], note: str | None = None) -> bool:
        with self.database.write() as connection:
            return self._move(connection, task_id, ("STARTED",), status, values, worker, note)

    def _put_back(
        self, connection: sa.Connection, task_id: str, status: str, values: Mapping[str, Any], worker: str, note: str
    ) -> str | None:
        """A running task leaves its worker for `status`, or for REVOKED if that was asked, however lately. Its new state, or None."""
        # What was asked stays asked, so in this order nobody can ask between the two changes and be missed.
        if self._move(connection, task_id, ("STARTED",), status, values, worker, note, unless_revoked=True):
            return status
        revoked = self._move(connection, task_id, ("STARTED",), "REVOKED", {"finished_at": self._time()}, worker, note)
        return "REVOKED" if revoked else None

    def _lose(self, connection: sa.Connection, row: TaskRow, note: str) -> str | None:
        status, values = "LOST", dict[str, Any](queued_at=self._time(), worker=None, deadline=None)
        if row["kills"] + 1 >= KILLS_ALLOWED:
            message = f"Its worker died {KILLS_ALLOWED} times while running it ({note}), so it is not tried again. Look at its arguments."
            error = json.dumps({"kind": "dead_letter", "message": message})
            status, values = "FAILURE", {"finished_at": self._time(), "error": error}
        return self._put_back(connection, row["task_id"], status, values | {"kills": row["kills"] + 1}, row["worker"], note)

    def _cause(self, row: TaskRow) -> str:
        late = row["deadline"] is not None and row["deadline"] <= self._time()
        return "it passed its time limit" if late else "its worker died"


_SHOWN = tuple(tasks.c[name] for name in ("task_id", "status", "progress", "result", "error", "created_at", "started_at", "finished_at"))


def _spelled(task_id: str) -> str:
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


def _digest(name: str, key: str | None) -> str | None:
    """A caller's key may be long or odd, and belongs to one kind of task."""
    return None if key is None else f"{name}:{hashlib.sha256(key.encode()).hexdigest()}"


def _orphans(cutoff: str) -> sa.Select[Any]:
    """The running tasks that no living worker works at."""
    at_work = sa.select(workers.c.worker).where(
        workers.c.worker == tasks.c.worker,
        workers.c.current_task == tasks.c.task_id,
        workers.c.stopped_at.is_(None),
        workers.c.heartbeat_at >= cutoff,
    )
    return sa.select(tasks).where(tasks.c.status == "STARTED", tasks.c.started_at < cutoff, ~at_work.exists())
