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
    season: str
    round: str

    @property
    def known_from(self) -> datetime:
        """The first moment at which its result may be known: two hours after kick-off, or the day after the match."""
        if self.kickoff is not None:
            return self.kickoff + MATCH_LASTS
        return datetime.combine(self.day + timedelta(days=1), time(), UTC)


def due(database: Database, now: datetime) -> list[Fixture]:
    """The matches whose results may be known after `now`, the first of them first."""
    # A day earlier in the text of the query, to the moment below.
    since = iso(now - timedelta(days=1))
    fixtures = _fixtures(database, sa.or_(matches.c.kickoff_utc >= since, matches.c.date >= since[:10]))
    return sorted((fixture for fixture in fixtures if fixture.known_from > now), key=lambda fixture: (fixture.known_from, fixture.match_id))


def begun(database: Database, since: datetime, until: datetime) -> list[Fixture]:
    """The matches without a result that kicked off between these moments."""
    return _fixtures(database, matches.c.kickoff_utc.between(iso(since), iso(until)))


def _fixtures(database: Database, chosen: sa.ColumnElement[bool]) -> list[Fixture]:
    columns = [matches.c[name] for name in ("match_id", "date", "kickoff_utc", "competition_code", "season", "round")]
    with database.read() as connection:
        rows = connection.execute(sa.select(*columns).where(matches.c.status.in_(("scheduled", "live")), chosen)).all()
    return [
        Fixture(
            row.match_id,
            date.fromisoformat(row.date),
            from_iso(row.kickoff_utc) if row.kickoff_utc else None,
            row.competition_code,
            row.season,
            row.round or "",
        )
        for row in rows
    ]
