"""Who does what only one may do: a name, its holder, and until when."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from core.clock import real_now, sortable
from core.storage.database import Database
from core.storage.schema import leases


def take(database: Database, name: str, holder: str, seconds: float) -> bool:
    """Take the lease, or hold it longer. False when somebody else holds it."""
    now = real_now()
    with database.read() as connection:
        held = connection.execute(sa.select(leases.c.holder, leases.c.until).where(leases.c.name == name)).first()
    if held is not None and held.holder != holder and held.until > sortable(now):
        return False
    terms = {"holder": holder, "until": sortable(now + timedelta(seconds=seconds))}
    free = sa.or_(leases.c.holder == holder, leases.c.until <= sortable(now))
    try:
        with database.write() as connection:
            if connection.execute(leases.update().where(leases.c.name == name, free).values(terms)).rowcount == 1:
                return True
            if held is None:
                connection.execute(leases.insert().values(name=name, **terms))
                return True
    except IntegrityError:
        return False  # another process was first
    return False
