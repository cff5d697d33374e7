"""What happened to the processes of this installation: started, died, restarted, stopped."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from core.clock import real_now, sortable
from core.storage.database import Database
from core.storage.schema import process_events


def record(
    database: Database, process: str, event: str, pid: int | None = None, note: str | None = None, at: datetime | None = None
) -> None:
    """Write one event down. `process` is a role (`web`, `ml`, `batch`, `supervisor`), `event` a single word; `at` is now unless given."""
    row = {"process": process, "event": event, "pid": pid, "at": sortable(at or real_now()), "note": note}
    with database.write() as connection:
        connection.execute(process_events.insert().values(row))


def recent(database: Database, limit: int = 50) -> list[dict[str, Any]]:
    """The latest events, newest first: {process, event, pid, at, note}."""
    columns = (process_events.c[name] for name in ("process", "event", "pid", "at", "note"))
    with database.read() as connection:
        rows = connection.execute(sa.select(*columns).order_by(process_events.c.event_id.desc()).limit(limit)).mappings()
        return [dict(row) for row in rows]
