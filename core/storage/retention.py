"""What is forgotten, and when: tasks that ended long ago, and what befell the processes before that."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import sqlalchemy as sa

from core.clock import real_now, sortable
from core.storage.database import Database
from core.storage.schema import process_events, task_events, tasks
from core.storage.task_queries import ENDED

# So many tasks at a time: nobody waits long for the database.
AT_ONCE = 500


def forget(database: Database, days: float, now: Callable[[], datetime] = real_now) -> int:
    """Delete what ended more than `days` days ago; the number of tasks, AT_ONCE at most. One that has not ended stays, however old."""
    cutoff = sortable(now() - timedelta(days=days))
    old = tasks.c.status.in_(ENDED), tasks.c.finished_at < cutoff
    some = sa.select(tasks.c.task_id).where(*old).limit(AT_ONCE)
    with database.write() as connection:
        gone = connection.scalars(tasks.delete().where(tasks.c.task_id.in_(some), *old).returning(tasks.c.task_id)).all()
        connection.execute(task_events.delete().where(task_events.c.task_id.in_(gone)))
        connection.execute(process_events.delete().where(process_events.c.at < cutoff))
    return len(gone)
