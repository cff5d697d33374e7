"""Scores of matches in play: one row a match, the latest version of it. They are shown, and never learned from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from core.clock import from_iso, iso
from core.football.live import OVER, LiveMatch, LiveRow
from core.storage.database import Database, alone
from core.storage.schema import live_matches, match_source_refs, matches, teams

KEPT = timedelta(days=2)  # after it was last heard; the result itself stays in `matches`
_MOMENTS = ("observed_at", "provider_updated_at", "kickoff_utc")
_COLUMNS = [field.name for field in fields(LiveRow) if field.name != "is_stale"]


def write(database: Database, rows: Iterable[LiveRow]) -> int:
    """Take up the rows that are newer than what is there; how many those were. A row whose match nobody knows is left out."""
    given = list(rows)
    if not given:
        return 0
    with database.write() as connection:
        return take_up(connection, given)


def take_up(connection: sa.Connection, rows: Iterable[LiveRow]) -> int:
    """As `write`, in a transaction."""
    alone(connection, "live")
    return _take_up(connection, [row for row in rows if row.match_id is not None])


def current(connection: sa.Connection, now: datetime) -> list[LiveMatch]:
    """Every match that was lately in play, by kick-off; stale is what has not been heard of for five minutes at `now`."""
    found = connection.execute(sa.select(live_matches).order_by(live_matches.c.kickoff_utc, live_matches.c.match_id))
    heard = map(_match, found.mappings())
    return [match._replace(row=match.row.at(now)) for match in heard]


def identified(connection: sa.Connection, rows: Iterable[LiveRow]) -> list[LiveRow]:
    """The rows with the match that each is about, by the source's own number for it, and the names that are used everywhere."""
    given = list(rows)
    home, away = teams.alias("home"), teams.alias("away")
    chosen = (
        sa.select(match_source_refs.c.source, match_source_refs.c.source_ref, matches.c.match_id, home.c.name, away.c.name)
        .join(matches, matches.c.match_id == match_source_refs.c.match_id)
        .join(home, home.c.team_id == matches.c.home_team_id)
        .join(away, away.c.team_id == matches.c.away_team_id)
        .where(match_source_refs.c.source_ref.in_([row.source_match_id for row in given]))
    )
    known = {(source, ref): about for source, ref, *about in connection.execute(chosen)}
    return [
        replace(row, match_id=about[0], home_name=about[1], away_name=about[2])
        for row in given
        if (about := known.get((row.source, row.source_match_id))) is not None
    ]


def settle(database: Database, now: datetime) -> int:
    """Let what is in play be over where the results say so, with their score; how many matches that were.

    Each is one version after the last one that was heard, so that nothing said of the match in play comes after it.
    """
    ended = sa.select(live_matches, matches.c.home_score.label("home"), matches.c.away_score.label("away")).join(
        matches, matches.c.match_id == live_matches.c.match_id
    )
    with database.write() as connection:
        alone(connection, "live")
        over = (
            connection.execute(ended.where(matches.c.status.in_(("finished", "awarded")), live_matches.c.phase.not_in(OVER)))
            .mappings()
            .all()
        )
        return _take_up(connection, [_finished(row, now) for row in over])


def _finished(row: Mapping[Any, Any], now: datetime) -> LiveRow:
    last = _match(row).row
    score = {"home_score": row["home"], "away_score": row["away"]}
    return replace(last, phase="finished", minute=None, stoppage=None, observed_at=now, sequence=last.sequence + 1, **score)


def _take_up(connection: sa.Connection, given: list[LiveRow]) -> int:
    known = {match.row.match_id: match for match in _known(connection, given)}
    fresh = [match for row in given if (match := _after(known.get(row.match_id), row)) is not None]
    if fresh:
        old = iso(max(match.row.observed_at for match in fresh) - KEPT)
        ids = [match.row.match_id for match in fresh]
        connection.execute(live_matches.delete().where(sa.or_(live_matches.c.match_id.in_(ids), live_matches.c.observed_at < old)))
        connection.execute(live_matches.insert(), [_stored(match) for match in fresh])
    return len(fresh)


def _known(connection: sa.Connection, given: list[LiveRow]) -> Iterator[LiveMatch]:
    chosen = sa.select(live_matches).where(live_matches.c.match_id.in_([row.match_id for row in given]))
    yield from map(_match, connection.execute(chosen).mappings())


def _after(known: LiveMatch | None, row: LiveRow) -> LiveMatch | None:
    """The match after this version was heard; None when the version is no news."""
    if known is None:
        return LiveMatch(row)
    if not row.newer_than(known.row):
        return None
    was, now = (known.row.home_score, known.row.away_score), (row.home_score, row.away_score)
    if was == now or None in was or None in now:
        return known._replace(row=row)
    return LiveMatch(row, (was[0] or 0, was[1] or 0), row.observed_at)


def _stored(match: LiveMatch) -> dict[str, Any]:
    said = {name: getattr(match.row, name) for name in _COLUMNS}
    moments = {name: None if said[name] is None else iso(said[name]) for name in _MOMENTS}
    home, away = match.before or (None, None)
    return said | moments | {"before_home": home, "before_away": away, "changed_at": match.changed_at and iso(match.changed_at)}


def _match(stored: Mapping[Any, Any]) -> LiveMatch:
    said = {name: stored[name] for name in _COLUMNS}
    moments = {name: None if said[name] is None else from_iso(said[name]) for name in _MOMENTS}
    before = None if stored["before_home"] is None else (stored["before_home"], stored["before_away"])
    return LiveMatch(LiveRow(**(said | moments)), before, stored["changed_at"] and from_iso(stored["changed_at"]))
