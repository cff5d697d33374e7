"""Who does what only one may do: a name, its holder, and until when."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from core.clock import sortable
from core.storage.database import Database
from core.storage.schema import leases

LONGEST = 300.0


def take(database: Database, name: str, holder: str, seconds: float) -> bool:
    """Take the lease, or hold it longer, for LONGEST `seconds` at most. False when somebody else holds it."""
    assert seconds <= LONGEST
    now = database.now()
    # One that ends later than any may was taken before the clock was put back.
    latest = sortable(now + timedelta(seconds=LONGEST))
    with database.read() as connection:
        held = connection.execute(sa.select(leases.c.holder, leases.c.until).where(leases.c.name == name)).first()
    if held is not None and held.holder != holder and sortable(now) < held.until <= latest:
        return False
    terms = {"holder": holder, "until": sortable(now + timedelta(seconds=seconds))}
    free = sa.or_(leases.c.holder == holder, leases.c.until <= sortable(now), leases.c.until > latest)
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
