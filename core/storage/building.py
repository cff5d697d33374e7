"""The table `matches`, built season by season from the raw rows that count."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from core.clock import iso
from core.football.matches import Teams
from core.football.merging import Match, merged
from core.football.raw import Refused
from core.storage import set_aside
from core.storage.bulk import batches, insert, upsert
from core.storage.raw_versions import Season, versions
from core.storage.schema import match_id_aliases, match_source_refs, matches

_REFERENCES = ("source", "source_ref", "match_id")
Reference = tuple[str, str]


def build(connection: sa.Connection, seasons: Iterable[Season], teams: Teams, now: str) -> int:
    """Build these seasons anew, and list what of them is set aside; the number of their matches.

    Where a team turns out to be another, its matches have new ids: `match_id_aliases` says what became of the old ones.
    """
    wanted = sorted(set(seasons))
    told = versions(connection, wanted)
    built, doubtful = merged(told, teams)
    before = _take_away(connection, wanted)
    references = {reference: match.match_id for match in built for reference in match.refs}
    insert(connection, matches, [_row(match) for match in built])
    # A row that moved to another season still has its place in the old one, if that is not among these.
    upsert(connection, match_source_refs, [_reference(*known) for known in references.items()], _REFERENCES[:2], _REFERENCES[2:])
    _keep_aliases(connection, before, references)
    cases = [(scope(season), case) for case, season in zip(doubtful, _seasons_of(doubtful, told), strict=True)]
    set_aside.keep(connection, [scope(season) for season in wanted], cases, now)
    return len(built)


def lead(connection: sa.Connection, formerly: Mapping[int, int]) -> None:
    """Let old ids of matches lead to those they have now, but for an old one that is another match's by now."""
    found = connection.scalars(sa.select(matches.c.match_id).where(matches.c.match_id.in_([*formerly, *formerly.values()])))
    there = set(found)
    rows = [{"old": old, "new": new} for old, new in formerly.items() if old not in there and new in there]
    upsert(connection, match_id_aliases, rows, ("old",), ("new",))


def scope(season: Season) -> str:
    """The name of a season in the quarantine."""
    return "|".join(map(str, season))


def _seasons_of(doubtful: Sequence[Refused], told: Sequence[Any]) -> list[Season]:
    rows = {(version.raw.source, version.raw.source_ref): version.raw for version in told} if doubtful else {}
    return [(raw.sex, raw.competition_code, raw.season_raw) for raw in (rows[case.source, case.source_ref] for case in doubtful)]


def _take_away(connection: sa.Connection, seasons: Sequence[Season]) -> dict[Reference, int]:
    """Remove the matches of these seasons; which match each raw row stood for."""
    wanted, table = set(seasons), matches.c
    before: dict[Reference, int] = {}
    ids: list[int] = []
    for codes in batches({code for _, code, _ in wanted}):
        years = {season for _, _, season in wanted}
        standing = sa.select(table.match_id, table.sex, table.competition_code, table.season)
        found = connection.execute(standing.where(table.competition_code.in_(codes), table.season.in_(years)))
        ids += [match_id for match_id, *season in found if tuple(season) in wanted]
    references = match_source_refs.c
    for some in batches(ids):
        within = references.match_id.in_(some)
        before |= {(source, ref): number for source, ref, number in connection.execute(sa.select(match_source_refs).where(within))}
        connection.execute(match_source_refs.delete().where(within))
        connection.execute(matches.delete().where(table.match_id.in_(some)))
    return before


def _keep_aliases(connection: sa.Connection, before: dict[Reference, int], now: dict[Reference, int]) -> None:
    there = set(now.values())
    moved = {old: now[reference] for reference, old in before.items() if now.get(reference, old) != old and old not in there}
    rows = [{"old": old, "new": new} for old, new in moved.items()]
    upsert(connection, match_id_aliases, rows, ("old",), ("new",))
    for some in batches(there):  # an id that is in use again stands for itself
        connection.execute(match_id_aliases.delete().where(match_id_aliases.c.old.in_(some)))


def _reference(reference: Reference, match_id: int) -> dict[str, Any]:
    return dict(zip(_REFERENCES, (*reference, match_id), strict=True))


def _row(match: Match) -> dict[str, Any]:
    row = {name: getattr(match, name) for name in matches.columns.keys()}  # noqa: SIM118  (of a table, not of a dict)
    return row | {"date": match.date.isoformat(), "kickoff_utc": iso(match.kickoff_utc) if match.kickoff_utc else None}
