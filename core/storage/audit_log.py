"""What people decided: every promotion and rollback, with its reason. `core.storage.logbook` reads it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa

from core.clock import iso, real_now
from core.storage.database import Database, keep
from core.storage.schema import audit, meta

INTENDED = "promotion"


@dataclass(frozen=True)
class Decision:
    """`action` is `promote` or `rollback`; `metrics` are those of both versions, as the registry had them."""

    who: str
    action: str
    from_version: int | None
    to_version: int
    reason: str
    metrics: Mapping[str, Any]


def intend(database: Database, decision: Decision) -> None:
    """Note what is about to be done, in place of whatever was noted before."""
    with database.write() as connection:
        keep(connection, INTENDED, json.dumps(asdict(decision)))


def intended(database: Database) -> Decision | None:
    """What was noted and not written down since."""
    with database.read() as connection:
        left = connection.scalar(sa.select(meta.c.value).where(meta.c.name == INTENDED))
    return None if left is None else Decision(**json.loads(left))


def write(database: Database, decision: Decision) -> None:
    """Write a decision down, at the real time; it is no longer intended."""
    row = asdict(decision) | {"at": iso(real_now()), "metrics": json.dumps(dict(decision.metrics), sort_keys=True)}
    with database.write() as connection:
        connection.execute(audit.insert().values(row))
        connection.execute(meta.delete().where(meta.c.name == INTENDED))
