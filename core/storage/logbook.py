"""What was written down along the way, to be read: rows set aside, the pipeline's runs, the history of drift, the audit."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa

from core.storage.database import Database
from core.storage.schema import audit, corrections, drift_history, pipeline_runs, quarantine

Row = dict[str, Any]

ALL = 10_000  # decisions: more than anybody will ever have made


def set_aside(database: Database, limit: int = 1000) -> list[Row]:
    """The rows that were not loaded, the latest seen first: {source, source_ref, reason, payload, first_seen, last_seen}."""
    columns = [quarantine.c[name] for name in ("source", "source_ref", "reason", "payload", "first_seen", "last_seen")]
    return _rows(database, sa.select(*columns).order_by(quarantine.c.last_seen.desc(), quarantine.c.quarantine_id.desc()).limit(limit))


def corrections_told(database: Database, limit: int = 100) -> list[Row]:
    """Scores that a source took back or changed, the latest first."""
    return _rows(database, sa.select(corrections).order_by(corrections.c.correction_id.desc()).limit(limit))


def runs(database: Database, limit: int = 20) -> list[Row]:
    """The pipeline's runs, the latest first: {run_id, started_at, finished_at, status, note}."""
    return _rows(database, sa.select(pipeline_runs).order_by(pipeline_runs.c.started_at.desc()).limit(limit))


def drift(database: Database) -> list[Row]:
    """One row a drift report, oldest first: {as_of, score, features_drifting, features_checked, log_loss, matches}."""
    return _rows(database, sa.select(drift_history).order_by(drift_history.c.as_of))


def decisions(database: Database, limit: int = 100) -> list[Row]:
    """Promotions and rollbacks, the latest first: {audit_id, at, who, action, from_version, to_version, reason, metrics}."""
    columns = [column for column in audit.columns if column is not audit.c.intended]
    query = sa.select(*columns).where(audit.c.intended.is_not(True))
    rows = _rows(database, query.order_by(audit.c.audit_id.desc()).limit(limit))
    return [row | {"metrics": json.loads(row["metrics"]) if row["metrics"] else None} for row in rows]


def _rows(database: Database, query: sa.Select[Any]) -> list[Row]:
    with database.read() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]
