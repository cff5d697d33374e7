"""What people decided: every promotion and rollback, with its reason. `core.storage.logbook` reads it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import sqlalchemy as sa

from core.clock import real_now, sortable
from core.storage.database import Database, storable
from core.storage.schema import audit


@dataclass(frozen=True)
class Decision:
    """`action` is `promote` or `rollback`; `metrics` are those of both versions, as the registry had them, and the `request`
    that tells this decision from all others."""

    who: str
    action: str
    from_version: int | None
    to_version: int
    reason: str
    metrics: Mapping[str, Any]


def intend(database: Database, decision: Decision) -> None:
    """Write down what is about to be done, in place of whatever was intended before and not done."""
    row = asdict(decision) | {"reason": storable(decision.reason), "metrics": _text(decision)}
    with database.write() as connection:
        connection.execute(audit.delete().where(audit.c.intended))
        connection.execute(audit.insert().values(at=sortable(real_now()), intended=True, **row))


def intended(database: Database) -> Decision | None:
    """What was intended and not settled since."""
    query = sa.select(*(audit.c[field.name] for field in fields(Decision))).where(audit.c.intended).order_by(audit.c.audit_id.desc())
    with database.read() as connection:
        left = connection.execute(query).mappings().first()
    return None if left is None else Decision(**{**left, "metrics": json.loads(left["metrics"])})


def settle(database: Database, decision: Decision) -> None:
    """This very decision was intended and is done, at the real time. One that somebody else intends meanwhile is left alone."""
    mine = audit.c.intended, audit.c.to_version == decision.to_version, audit.c.metrics == _text(decision)
    with database.write() as connection:
        connection.execute(audit.update().where(*mine).values(at=sortable(real_now()), intended=False))


def _text(decision: Decision) -> str:
    return json.dumps(dict(decision.metrics), sort_keys=True)
