"""Matches in the database: what each source said, and the one table made of it."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any

import pandas as pd
import sqlalchemy as sa

from core.clock import Clock, iso
from core.football.competitions import COMPETITIONS, titled
from core.football.matches import Teams, match_id
from core.football.outcomes import Outcome
from core.football.raw import MATCH_LASTS, RawMatch, Refused
from core.storage import schema as db
from core.storage.database import Database
from core.tables import MATCHES

# A season's fixtures are drawn up some weeks before it begins; earlier than that nobody knows them.
FIXTURES_KNOWN_BEFORE = timedelta(days=60)
_AT_ONCE = 2000  # rows an INSERT, well below SQLite's limit of bound values

Row = dict[str, Any]


@dataclass(frozen=True)
class Receipt:
    """What an ingest did: counts, and a digest of the table `matches` that moves only when the table does."""

    rows: int
    new_versions: int
    matches: int
    finished: int
    upcoming: int
    quarantined: int
    digest: str


def ingest(
    database: Database, rows: Sequence[RawMatch], teams: Teams, refused: Iterable[Refused], clock: Clock, observed_at: datetime
) -> Receipt:
    """Load what a source said, as far as it can be known on this clock, and build the table `matches` anew.

    All in one transaction: whoever reads meanwhile sees the table from before. The same rows again change nothing.
    A replay that goes back forgets the results that it had known later: replays share one database.
    """
    known = visible(rows, clock.now())
    built, doubtful = build(known, teams)
    set_aside = [*refused, *doubtful]
    with database.write() as connection:
        if clock.replaying:
            _forget_later(connection, clock.now())
        new_versions = _keep_versions(connection, known, iso(observed_at))
        _replace(connection, db.teams, [asdict(team) for team in teams])
        _replace(connection, db.matches, [row for _, row in built])
        _replace(connection, db.match_source_refs, [_reference(raw, row) for raw, row in built])
        _keep_quarantine(connection, set_aside, iso(observed_at))
    statuses = Counter(row["status"] for _, row in built)
    return Receipt(
        len(known),
        new_versions,
        len(built),
        statuses["finished"],
        statuses["scheduled"],
        len(set_aside),
        _digest([row for _, row in built]),
    )


def visible(rows: Sequence[RawMatch], now: datetime) -> list[RawMatch]:
    """The rows as they can be known at `now`: later results masked, seasons that nobody had drawn up yet left out."""
    begins: dict[tuple[str, str], date] = {}
    for row in rows:
        season = (row.competition_code, row.season_raw)
        begins[season] = min(begins.get(season, row.date_local), row.date_local)
    horizon = (now + FIXTURES_KNOWN_BEFORE).date()
    drawn_up = [row for row in rows if begins[row.competition_code, row.season_raw] <= horizon]
    return [row if row.known_at(now) else row.masked() for row in drawn_up]


def build(rows: Sequence[RawMatch], teams: Teams) -> tuple[list[tuple[RawMatch, Row]], list[Refused]]:
    """Rows of the table `matches`, each with the raw row it was made of; and the rows that cannot be trusted."""
    built: list[tuple[RawMatch, Row]] = []
    doubtful: list[Refused] = []
    taken: set[int] = set()
    repeated = _repeated_pairs(rows)
    for raw in rows:
        reason = _doubt(raw, teams, repeated)
        row = None if reason else _match_row(raw, teams)
        if row and row["match_id"] in taken:
            reason = "the same match stands in the document twice"
        if reason or row is None:
            doubtful.append(Refused(raw.source, raw.source_ref, reason or "", json.dumps(asdict(raw), default=str)))
            continue
        taken.add(row["match_id"])
        built.append((raw, row))
    return built, doubtful


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


def _repeated_pairs(rows: Sequence[RawMatch]) -> set[tuple[str, str, str, str, str]]:
    """Pairs that a source has meet on the same ground more often than the competition lets them."""
    hosted = Counter(_pair(raw) for raw in rows)
    return {pair for pair, times in hosted.items() if times > (known.home_meetings if (known := COMPETITIONS.get(pair[1])) else 2)}


def _pair(raw: RawMatch) -> tuple[str, str, str, str, str]:
    return raw.source, raw.competition_code, raw.season_raw, raw.home_raw, raw.away_raw


def _doubt(raw: RawMatch, teams: Teams, repeated: set[tuple[str, str, str, str, str]]) -> str | None:
    for name in (raw.home_raw, raw.away_raw):
        if teams.find(raw.country, raw.sex, name) is None:
            return f"no team of {raw.country} is known as {name!r}"
    if _pair(raw) in repeated:
        return f"{raw.home_raw} hosts {raw.away_raw} too often in {raw.season_raw}: which of the rows is right is not known"
    if (raw.ft_home is None) != (raw.ft_away is None):
        return "only one side of the score is there"
    return None


def _match_row(raw: RawMatch, teams: Teams) -> Row | None:
    home, away = teams.find(raw.country, raw.sex, raw.home_raw), teams.find(raw.country, raw.sex, raw.away_raw)
    if home is None or away is None:
        return None
    played = raw.ft_home is not None and raw.ft_away is not None
    status = "awarded" if raw.score_basis == "awarded" and played else "finished" if played else "scheduled"
    label = "HDA"[Outcome.of(raw.ft_home or 0, raw.ft_away or 0)] if played else None
    return {
        "match_id": match_id(raw.sex, raw.competition_code, raw.season_raw, home.team_id, away.team_id, raw.leg or 1),
        "sex": raw.sex,
        "competition_code": raw.competition_code,
        "competition": titled(raw.competition_raw, raw.country),
        "country": raw.country,
        "season": raw.season_raw,
        "round": raw.round_raw,
        "leg": raw.leg or 1,
        "date": raw.date_local.isoformat(),
        "kickoff_utc": iso(raw.kickoff_utc) if raw.kickoff_utc else None,
        "neutral": raw.neutral,
        "home_team_id": home.team_id,
        "away_team_id": away.team_id,
        "status": status,
        "home_score": raw.ft_home,
        "away_score": raw.ft_away,
        "ht_home": raw.ht_home,
        "ht_away": raw.ht_away,
        "sources": raw.source,
        "label": label,
        "label_ok": status == "finished" and raw.score_basis == "90",
    }


def _keep_versions(connection: sa.Connection, rows: Sequence[RawMatch], observed_at: str) -> int:
    """Append the versions of rows that were not there yet; how many those were."""
    known = {
        tuple(found)
        for found in connection.execute(sa.select(db.raw_matches.c.source, db.raw_matches.c.source_ref, db.raw_matches.c.payload_hash))
    }
    fresh = [row for row in rows if (row.source, row.source_ref, row.payload_hash) not in known]
    _insert(connection, db.raw_matches, [_version(row, observed_at) for row in fresh])
    return len(fresh)


def _forget_later(connection: sa.Connection, now: datetime) -> None:
    """Remove the versions with a result that nobody can know at `now`: as RawMatch.known_at, in the database's words."""
    raw = db.raw_matches.c
    played = sa.or_(*(raw[name].is_not(None) for name in ("ft_home", "ft_away", "ht_home", "ht_away")), raw.status_raw != "scheduled")
    timed, today = raw.kickoff_utc.is_not(None), now.date().isoformat()
    begun = iso((now - MATCH_LASTS).replace(microsecond=0))  # as texts, only whole seconds stand in the order of their moments
    later = sa.case((timed, raw.kickoff_utc > begun), else_=raw.date_local >= today)
    connection.execute(db.raw_matches.delete().where(played, later))


def _version(raw: RawMatch, observed_at: str) -> Row:
    said = asdict(raw)
    said["date_local"] = raw.date_local.isoformat()
    said["kickoff_utc"] = iso(raw.kickoff_utc) if raw.kickoff_utc else None
    return {**said, "observed_at": observed_at, "payload_hash": raw.payload_hash}


def _reference(raw: RawMatch, row: Row) -> Row:
    return {"source": raw.source, "source_ref": raw.source_ref, "match_id": row["match_id"]}


def _keep_quarantine(connection: sa.Connection, set_aside: Iterable[Refused], seen_at: str) -> None:
    """New cases are added, old ones are seen again, and those that are no longer there are gone from the list."""
    cases = {(case.source, case.source_ref, case.reason): case for case in set_aside}
    table = db.quarantine
    first_seen = {
        (row.source, row.source_ref, row.reason): row.first_seen
        for row in connection.execute(sa.select(table.c.source, table.c.source_ref, table.c.reason, table.c.first_seen))
    }
    rows = [{**asdict(case), "first_seen": first_seen.get(key, seen_at), "last_seen": seen_at} for key, case in cases.items()]
    _replace(connection, table, rows)


def _replace(connection: sa.Connection, table: sa.Table, rows: list[Row]) -> None:
    connection.execute(table.delete())
    _insert(connection, table, rows)


def _insert(connection: sa.Connection, table: sa.Table, rows: list[Row]) -> None:
    for start in range(0, len(rows), _AT_ONCE):
        connection.execute(table.insert(), rows[start : start + _AT_ONCE])


def _digest(rows: list[Row]) -> str:
    ordered = sorted(rows, key=lambda row: int(row["match_id"]))
    return hashlib.sha1(json.dumps(ordered, sort_keys=True).encode()).hexdigest()
