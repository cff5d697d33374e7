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
from core.storage.database import alone, storable
from core.storage.heartbeats import TIME_TO_LIVE
from core.storage.schema import task_events, tasks, workers
from core.storage.task_queries import UNENDED, WAITING, TaskQueries, TaskRow, spelled

KILLS_ALLOWED = 5

# Made once: a statement that is built anew each time costs more than SQLite takes to carry it out.
_TASK = tasks.insert()
_EVENT = task_events.insert()


@dataclass(frozen=True)
class Claim:
    """A task that this worker, and no other, may run now. `failures` counts the exceptions of earlier tries."""

    task_id: str
    name: str
    arguments: dict[str, Any]
    attempt: int
    failures: int


class TaskLedger(TaskQueries):
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

    def claim(self, task_id: str, worker: str, limit: float, name: str | None = None, queue: str | None = None) -> Claim | None:
        """The waiting task, now STARTED by this worker with `limit` seconds to end; None when it is not there to be started.

        One that waited past its deadline is not, whether or not the reaper has seen it yet; nor is one that waits for its next
        try, nor one of another name or queue where these are given.
        """
        try:
            task_id = spelled(task_id)
        except TaskUnknown:
            return None
        with self.database.write() as connection:
            started = self._started(task_id, worker, limit)
            for column, wanted in ((tasks.c.name, name), (tasks.c.queue, queue)):
                started = started if wanted is None else started.where(column == wanted)
            row = connection.execute(started).first()
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

    def revoke(self, task_id: str) -> TaskRow:
        """A waiting task never starts; a running one is asked to stop. TaskStateError when it has ended."""
        task_id = spelled(task_id)
        with self.database.write() as connection:
            waiting = self._move(connection, task_id, WAITING, "REVOKED", {"finished_at": self._time()})
            running = not waiting and self._move(
                connection, task_id, ("STARTED",), "STARTED", {"cancel_requested": True}, note="asked to stop"
            )
        task = self.get(task_id)
        if not waiting and not running:
            raise TaskStateError(f"The task has ended as {task['status']}; only a waiting or a running task can be revoked.")
        return task

    def requeue(self, task_id: str, only: bool = False) -> TaskRow:
        """An ended task without a result waits again, with its counts back at nothing. TaskStateError for any other.

        `only`: also when another task of its name has not ended.
        """
        task_id = spelled(task_id)
        fresh: dict[str, Any] = dict.fromkeys(("error", "finished_at", "started_at", "worker", "deadline", "progress", "progress_note"))
        fresh |= {"failures": 0, "kills": 0, "cancel_requested": False, "queued_at": self._time()}
        with self.database.write() as connection:
            alone(connection, "requeue")
            if only and (other := connection.scalar(_another(task_id))) is not None:
                raise TaskStateError(f"Task {other} does the same and has not ended. Wait for its end, or revoke it.")
            moved = self._move(connection, task_id, ("FAILURE", "REVOKED", "EXPIRED"), "PENDING", fresh, note="queued again by hand")
        task = self.get(task_id)
        if not moved:
            raise TaskStateError(f"The task is {task['status']}; only one that failed, was revoked or expired can be queued again.")
        return task

    # What watches over them

    def reap(self, ttl: float = TIME_TO_LIVE) -> list[str]:
        """Take leave of workers whose heartbeat ended `ttl` seconds ago, lose what they ran, expire what waited too long.

        Returns the tasks that were running and are no longer. Also lost, but not counted as killed: a task whose worker lives and
        works at something else.
        """
        cutoff = self._time(-ttl)
        expired = sa.select(tasks.c.task_id).where(tasks.c.status.in_(WAITING), tasks.c.deadline <= self._time())
        with self.database.read() as connection:
            looks = (self.orphans(cutoff), self.silent(cutoff), expired)
            if not any(connection.execute(look.limit(1)).first() for look in looks):
                return []
        with self.database.write() as connection:
            # Looked at again: while this waited for the database, hearts beat. The cutoff stays, for they could not beat before.
            silent, orphans = connection.scalars(self.silent(cutoff)).all(), connection.execute(self.orphans(cutoff)).mappings().all()
            self.take_leave(connection, silent)
            for task_id in connection.scalars(expired).all():
                self._move(connection, task_id, WAITING, "EXPIRED", {"finished_at": self._time()}, note="waited too long")
            return [row["task_id"] for row in orphans if self._lose(connection, row, cutoff)]

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
            .where(sa.or_(tasks.c.status != "RETRY", tasks.c.queued_at <= now))
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

    def _lose(self, connection: sa.Connection, row: sa.RowMapping, cutoff: str) -> str | None:
        """LOST, or a dead letter after its fifth kill, or REVOKED if that was asked; None when it is at work after all."""
        status, values = "LOST", dict[str, Any](queued_at=self._time(), worker=None, deadline=None)
        lives = connection.scalar(self.alive(cutoff).where(workers.c.worker == row["worker"])) is not None
        kills = row["kills"] if lives else row["kills"] + 1
        note = "its worker let go of it" if lives else self._cause(row)
        if kills >= KILLS_ALLOWED:
            message = f"Its worker died {KILLS_ALLOWED} times while running it ({note}), so it is not tried again. Look at its arguments."
            error = json.dumps({"kind": "dead_letter", "message": message})
            status, values = "FAILURE", {"finished_at": self._time(), "error": error}
        return self._put_back(connection, row["task_id"], status, values | {"kills": kills}, row["worker"], note)

    def _cause(self, row: sa.RowMapping) -> str:
        late = row["deadline"] is not None and row["deadline"] <= self._time()
        return "it passed its time limit" if late else "its worker died"


def _digest(name: str, key: str | None) -> str | None:
    """A caller's key may be long or odd, and belongs to one kind of task."""
    return None if key is None else f"{name}:{hashlib.sha256(key.encode()).hexdigest()}"


def _another(task_id: str) -> sa.Select[Any]:
    """Any other task of the same name that has not ended."""
    name = sa.select(tasks.c.name).where(tasks.c.task_id == task_id).scalar_subquery()
    return sa.select(tasks.c.task_id).where(tasks.c.name == name, tasks.c.task_id != task_id, tasks.c.status.in_(UNENDED)).limit(1)
