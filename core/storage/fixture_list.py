"""The matches that are not played yet, as the database has them: when each begins, and when its result may be known."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

import sqlalchemy as sa

from core.clock import from_iso, iso
from core.football.raw import MATCH_LASTS
from core.storage.database import Database
from core.storage.schema import matches


class Fixture(NamedTuple):
    """`kickoff` is None where only the day is known."""

    match_id: int
    day: date
    kickoff: datetime | None
    competition_code: str

    @property
    def known_from(self) -> datetime:
        """The first moment at which its result may be known: two hours after kick-off, or the day after the match."""
        if self.kickoff is not None:
            return self.kickoff + MATCH_LASTS
        return datetime.combine(self.day + timedelta(days=1), time(), UTC)


def due(database: Database, now: datetime) -> list[Fixture]:
    """The matches whose results may be known after `now`, the first of them first."""
    table = matches.c
    chosen = sa.select(table.match_id, table.date, table.kickoff_utc, table.competition_code).where(table.status == "scheduled")
    # A day earlier in the text of the query, to the moment below.
    since = iso(now - timedelta(days=1))
    with database.read() as connection:
        rows = connection.execute(chosen.where(sa.or_(table.kickoff_utc >= since, table.date >= since[:10]))).all()
    fixtures = [
        Fixture(row.match_id, date.fromisoformat(row.date), from_iso(row.kickoff_utc) if row.kickoff_utc else None, row.competition_code)
        for row in rows
    ]
    return sorted((fixture for fixture in fixtures if fixture.known_from > now), key=lambda fixture: (fixture.known_from, fixture.match_id))
