"""Matches in the database: loading what a source said, and reading the one table made of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import pandas as pd
import sqlalchemy as sa

from core.clock import Clock, iso
from core.football.matches import Teams
from core.football.merging import BUNDLED, refused
from core.football.raw import RawMatch, Refused
from core.storage import building, raw_versions, room, set_aside, team_names
from core.storage import schema as db
from core.storage.bulk import batches
from core.storage.database import Database
from core.storage.raw_versions import Season
from core.tables import MATCHES

# A season's fixtures are drawn up some weeks before it begins; earlier than that nobody knows them.
FIXTURES_KNOWN_BEFORE = timedelta(days=60)
_SEASONS_AT_ONCE = 50
TOMORROW = timedelta(days=1)  # somewhere on earth it is that day already


@dataclass(frozen=True)
class Loaded:
    """What a loading did: versions that were new, seasons that were built anew, rows set aside by the document itself."""

    rows: int
    new_versions: int
    seasons: int
    set_aside: int


@dataclass(frozen=True)
class Receipt:
    """What is in the table `matches`: counts, and a digest that moves only when the table does."""

    matches: int
    finished: int
    upcoming: int
    quarantined: int
    digest: str


def ingest(
    database: Database, rows: Sequence[RawMatch], teams: Teams, refused: Iterable[Refused], clock: Clock, observed_at: datetime
) -> Loaded:
    """Load the bundled matches as far as they can be known on this clock, in place of what was known on another.

    All in one transaction: whoever reads meanwhile sees the table from before. The same rows again change nothing.
    A replay that goes back forgets the results that it had known later: replays share one database.
    """
    known, now = visible(rows, clock.now()), iso(observed_at)
    set_aside_now = [(BUNDLED, case) for case in refused]
    with database.write() as connection:
        if clock.replaying:
            raw_versions.forget_later(connection, clock.now())
        change = raw_versions.keep(connection, BUNDLED, known, now)
        raw_versions.withdraw(connection, BUNDLED, BUNDLED, known, now)
        team_names.rewrite(connection, teams)
        seasons = raw_versions.all_seasons(connection)
        building.build(connection, seasons, teams, now)
        set_aside.keep(connection, [BUNDLED], set_aside_now, now)
    return Loaded(len(known), change.new, len(seasons), len(set_aside_now))


def load(
    connection: sa.Connection,
    source: str,
    part: str,
    rows: Sequence[RawMatch],
    refused: Sequence[Refused],
    teams: Teams,
    observed_at: datetime,
) -> Loaded:
    """Load what a source says of one part, and build the seasons that it changes. The same again changes nothing.

    `teams` must know whom the rows may name. The caller's transaction holds all of it, or nothing.
    """
    now = iso(observed_at)
    kept, unfit = room.fitting(rows, teams)
    believed, doubtful = _believed(kept, observed_at.date() + TOMORROW)
    change = raw_versions.keep(connection, part, believed, now)
    withdrawn = raw_versions.withdraw(connection, source, part, believed, now, after=observed_at.date())
    withdrawn |= raw_versions.take_back(connection, source, part, rows, refused, now)
    team_names.remember(connection, teams, kept)
    building.build(connection, change.seasons | withdrawn, teams, now)
    cases = [(f"{source}/{part}", case) for case in (*refused, *unfit, *doubtful)]
    set_aside.keep(connection, [f"{source}/{part}"], cases, now)
    return Loaded(len(rows), change.new, len(change.seasons | withdrawn), len(cases))


def rebuild(database: Database, teams: Teams, observed_at: datetime) -> None:
    """Build every season anew from the raw rows: after a team turned out to be another, or the rules changed.

    Some seasons at a time, so that nobody who writes has to wait for long.
    """
    with database.write() as connection:
        seasons = sorted(raw_versions.all_seasons(connection), key=lambda season: season[1:])
        team_names.rewrite(connection, teams)
    for some in batches(seasons, _SEASONS_AT_ONCE):
        with database.write() as connection:
            building.build(connection, some, teams, iso(observed_at))


def visible(rows: Sequence[RawMatch], now: datetime) -> list[RawMatch]:
    """The rows as they can be known at `now`: later results masked, seasons that nobody had drawn up yet left out."""
    begins: dict[Season, date] = {}
    for row in rows:
        season = raw_versions.season_of(row)
        begins[season] = min(begins.get(season, row.date_local), row.date_local)
    horizon = (now + FIXTURES_KNOWN_BEFORE).date()
    drawn_up = [row for row in rows if begins[raw_versions.season_of(row)] <= horizon]
    return [row if row.known_at(now) else row.masked() for row in drawn_up]


def _believed(rows: Sequence[RawMatch], last_day: date) -> tuple[list[RawMatch], list[Refused]]:
    """The rows without scores of matches that nobody can have played yet, and those as cases."""
    early = [row for row in rows if row.ft_home is not None and row.date_local > last_day]
    if not early:
        return list(rows), []
    cases = [refused(row, f"it has a score, and its day, {row.date_local}, has not come") for row in early]
    return [row.masked() if row.ft_home is not None and row.date_local > last_day else row for row in rows], cases


def receipt(database: Database, frame: pd.DataFrame) -> Receipt:
    """What there is to say of the table, given as `matches_frame` reads it."""
    counts = frame["status"].value_counts()
    with database.read() as connection:
        quarantined = connection.scalar(sa.select(sa.func.count()).select_from(db.quarantine)) or 0
    digest = hashlib.sha1(pd.util.hash_pandas_object(frame, index=False).to_numpy().tobytes()).hexdigest()
    return Receipt(len(frame), int(counts.get("finished", 0)), int(counts.get("scheduled", 0)), quarantined, digest)


def matches_frame(database: Database) -> pd.DataFrame:
    """Every match that is known, in order of day and kick-off: core.tables.MATCHES."""
    home, away = db.teams.alias("home"), db.teams.alias("away")
    chosen = (
        sa.select(db.matches, home.c.name.label("home_team"), away.c.name.label("away_team"))
        .join(home, home.c.team_id == db.matches.c.home_team_id)
        .join(away, away.c.team_id == db.matches.c.away_team_id)
        .order_by(db.matches.c.date, db.matches.c.kickoff_utc, db.matches.c.match_id)
    )
    with database.read() as connection:
        found = connection.execute(chosen)
        frame = pd.DataFrame.from_records(found.fetchall(), columns=list(found.keys()))
    if frame.empty:
        return MATCHES.empty()
    frame["round"] = frame["round"].fillna("")
    frame["kickoff_utc"] = pd.to_datetime(frame["kickoff_utc"], utc=True, format="ISO8601")
    return MATCHES.check(frame.assign(date=pd.to_datetime(frame["date"])))
