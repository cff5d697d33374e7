"""What the pipeline writes down of itself: its runs, the history of drift, and what it must not do twice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from core.clock import real_now, sortable
from core.storage.database import Database, keep
from core.storage.schema import audit, drift_history, meta, pipeline_runs

PUBLISHED = "published"  # the note that names the latest batch
RUNNING, SUCCESS, FAILED, LOST = "RUNNING", "SUCCESS", "FAILED", "LOST"


def begin(database: Database, run_id: str, note: str) -> None:
    """Write that a run has started. The caller holds the pipeline's lock, so any other that still runs is lost."""
    now = sortable(real_now())
    with database.write() as connection:
        ended = {"status": LOST, "finished_at": now, "note": "It was killed."}
        connection.execute(pipeline_runs.update().where(pipeline_runs.c.status == RUNNING).values(ended))
        connection.execute(pipeline_runs.insert().values(run_id=run_id, started_at=now, status=RUNNING, note=note))


def end(database: Database, run_id: str, status: str) -> None:
    """Write how a run has ended; what went wrong was noted by `remark`."""
    with database.write() as connection:
        ended = {"status": status, "finished_at": sortable(real_now())}
        connection.execute(pipeline_runs.update().where(pipeline_runs.c.run_id == run_id).values(ended))


def remark(database: Database, run_id: str, note: str) -> None:
    """Say something of a run: what it does, or why it failed."""
    with database.write() as connection:
        connection.execute(pipeline_runs.update().where(pipeline_runs.c.run_id == run_id).values(note=note))


def add_drift(database: Database, report: Mapping[str, Any]) -> None:
    """A row in the history of drift; a second report of the same moment takes the place of the first."""
    features = report["features"]
    row = {
        "as_of": report["as_of"],
        "score": report["drift_score"],
        "features_drifting": sum(bool(found["drifts"]) for found in features),
        "features_checked": len(features),
        "log_loss": report["realised"]["log_loss"],
        "matches": report["window"]["matches"],
    }
    with database.write() as connection:
        connection.execute(drift_history.delete().where(drift_history.c.as_of == row["as_of"]))
        connection.execute(drift_history.insert().values(row))


def noted(database: Database, name: str) -> str | None:
    """What was kept under a name (at most 64 characters); None when nothing was."""
    with database.read() as connection:
        kept: str | None = connection.scalar(sa.select(meta.c.value).where(meta.c.name == name))
    return kept


def note(database: Database, name: str, value: str) -> None:
    """Keep something under a name, in place of what was there."""
    with database.write() as connection:
        keep(connection, name, value)


def promotions(database: Database) -> int:
    """How often an alias was moved by hand: after that, the batch has to speak of other versions."""
    with database.read() as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(audit).where(audit.c.intended.is_not(True))) or 0
