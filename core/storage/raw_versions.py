"""The raw rows: every version that a source ever told, and which of them counts now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from core.clock import from_iso, iso
from core.football.merging import Version, status_said
from core.football.naming import Named
from core.football.raw import MATCH_LASTS, RawMatch, Refused, pair_of
from core.storage.bulk import batches, insert
from core.storage.schema import corrections, raw_matches

Season = tuple[int, str, str]  # sex, competition code, season: what is built anew as one
Row = dict[str, Any]

_FIELDS = tuple(field.name for field in fields(RawMatch))
_IN_TEXT = {"date_local": date.isoformat, "kickoff_utc": iso}


@dataclass
class Change:
    """What a loading changed: how many versions are new, and the seasons to build anew."""

    new: int = 0
    seasons: set[Season] = field(default_factory=set)


@dataclass(frozen=True)
class _Stored:
    """What must be known of a version to decide about the next one."""

    raw_id: int
    counts: bool
    season: Season
    score: str | None


class _Decisions:
    """What becomes of each row, before anything is written."""

    def __init__(self, known: Mapping[tuple[str, str], Mapping[str, _Stored]], part: str, rows: Sequence[RawMatch], now: str) -> None:
        self.known, self.part, self.now = known, part, now
        stored = Counter(pair_of(ref) for (_, ref), versions in known.items() if any(one.counts and one.score for one in versions.values()))
        self.short = stored - Counter(pair_of(row.source_ref) for row in rows if row.ft_home is not None)
        self.fresh: list[Row] = []
        self.corrected: list[Row] = []
        self.superseded: list[int] = []
        self.revived: list[int] = []
        self.seasons: set[Season] = set()

    def decide(self, row: RawMatch) -> None:
        versions, digest = self.known.get((row.source, row.source_ref), {}), row.payload_hash
        current = next((found for found in versions.items() if found[1].counts), None)
        if current and (current[0] == digest or self._loses_score(current[1], row)):
            return
        self.seasons.add(season_of(row))
        if current:
            self._supersede(current[1], row)
        if digest in versions:
            self.revived.append(versions[digest].raw_id)
        else:
            self.fresh.append({**_columns(row), "observed_at": self.now, "payload_hash": digest, "part": self.part})

    def _loses_score(self, current: _Stored, row: RawMatch) -> bool:
        """Whether a score would be gone without a word. It is not where another leg of the pair has it now: they were counted anew."""
        return bool(current.score and row.ft_home is None and status_said(row) is None and self.short[pair_of(row.source_ref)])

    def _supersede(self, current: _Stored, row: RawMatch) -> None:
        self.superseded.append(current.raw_id)
        self.seasons.add(current.season)
        became = None if row.ft_home is None else f"{row.ft_home}-{row.ft_away}"
        if current.score is not None and current.score != became:
            said = {
                "was": current.score,
                "became": became or "no score",
                "reason": f"the source says {status_said(row) or 'another score'}",
            }
            self.corrected.append({"at": self.now, "source": row.source, "source_ref": row.source_ref, **said})


def keep(connection: sa.Connection, part: str, rows: Sequence[RawMatch], now: str) -> Change:
    """Append the versions that are not there yet; the one told last counts. The same rows again change nothing.

    A score never disappears because a row without one comes after it, unless that row says why (postponed, cancelled,
    abandoned) or another leg has it now: that, and any other score, is a correction, and is logged.
    """
    decisions = _Decisions(_stored(connection, rows), part, rows, now)
    for row in rows:
        decisions.decide(row)
    _update(connection, decisions.superseded, {"superseded_at": now})
    _update(connection, decisions.revived, {"superseded_at": None, "part": part})
    insert(connection, raw_matches, decisions.fresh)
    insert(connection, corrections, decisions.corrected)
    return Change(len(decisions.fresh), decisions.seasons)


def withdraw(
    connection: sa.Connection, source: str, part: str, rows: Sequence[RawMatch], now: str, after: date | None = None
) -> set[Season]:
    """Rows that a part no longer lists count no more; the seasons they belonged to.

    With `after`, only fixtures of later days: a list may drop a match when it is played, before any result of it is there.
    """
    raw = raw_matches.c
    within = [raw.source == source, raw.part == part, raw.superseded_at.is_(None)]
    if after is not None:
        within += [raw.ft_home.is_(None), raw.date_local > after.isoformat()]
    listed = {row.source_ref for row in rows}
    standing = connection.execute(sa.select(raw.raw_id, raw.source_ref, raw.sex, raw.competition_code, raw.season_raw).where(*within))
    gone = [(raw_id, (sex, code, season)) for raw_id, ref, sex, code, season in standing if ref not in listed]
    _update(connection, [raw_id for raw_id, _ in gone], {"superseded_at": now})
    return {season for _, season in gone}


def take_back(
    connection: sa.Connection, source: str, part: str, rows: Sequence[RawMatch], refused: Sequence[Refused], now: str
) -> set[Season]:
    """Scores that a part no longer lists count no more, and are corrections; the seasons they belonged to.

    Not while it holds as many rows that could not be read: a match may stand among those.
    """
    raw = raw_matches.c
    asked = sa.select(raw.raw_id, raw.source_ref, raw.sex, raw.competition_code, raw.season_raw, raw.ft_home, raw.ft_away)
    within = (raw.source == source, raw.part == part, raw.superseded_at.is_(None), raw.ft_home.is_not(None))
    standing = connection.execute(asked.where(*within)).all()
    listed, named = {row.source_ref for row in rows}, {case.source_ref for case in refused}
    told = listed | named
    gone = [row for row in standing if row.source_ref not in told]
    unread = named - listed - {row.source_ref for row in standing}
    if len(gone) <= len(unread):
        return set()
    _update(connection, [row.raw_id for row in gone], {"superseded_at": now})
    said = {"at": now, "source": source, "became": "no score", "reason": "the source lists the match no more"}
    insert(connection, corrections, [{**said, "source_ref": row.source_ref, "was": f"{row.ft_home}-{row.ft_away}"} for row in gone])
    return {(row.sex, row.competition_code, row.season_raw) for row in gone}


def season_of(row: RawMatch) -> Season:
    return row.sex, row.competition_code, row.season_raw


def scored(connection: sa.Connection, source: str, part: str | None) -> dict[str, date]:
    """The day of each row of a part, or of the whole source, that has a score now, by `source_ref`."""
    raw = raw_matches.c
    within = [raw.source == source, raw.superseded_at.is_(None), raw.ft_home.is_not(None)]
    if part is not None:
        within.append(raw.part == part)
    return {ref: date.fromisoformat(day) for ref, day in connection.execute(sa.select(raw.source_ref, raw.date_local).where(*within))}


def versions(connection: sa.Connection, seasons: Iterable[Season]) -> list[Version]:
    """The version that counts of each raw row of these seasons, in the order in which they came."""
    wanted = set(seasons)
    raw = raw_matches.c
    asked = sa.select(raw.observed_at, *(raw[name] for name in _FIELDS)).where(raw.superseded_at.is_(None)).order_by(raw.raw_id)
    years = {season for _, _, season in wanted}
    found = []
    for codes in batches({code for _, code, _ in wanted}):
        for observed_at, *values in connection.execute(asked.where(raw.competition_code.in_(codes), raw.season_raw.in_(years))):
            row = _raw(values)
            if season_of(row) in wanted:
                found.append(Version(row, observed_at))
    return found


def all_seasons(connection: sa.Connection) -> set[Season]:
    """Every season of which a raw row was ever told."""
    raw = raw_matches.c
    found = connection.execute(sa.select(raw.sex, raw.competition_code, raw.season_raw).distinct())
    return {(sex, code, season) for sex, code, season in found}


def named(connection: sa.Connection) -> list[Named]:
    """Whom the raw rows that count name, in the order in which they came."""
    raw = raw_matches.c
    sides = [
        sa.select(sa.func.min(raw.raw_id).label("first"), raw.source, raw.country, raw.sex, name.label("name"))
        .where(raw.superseded_at.is_(None))
        .group_by(raw.source, raw.country, raw.sex, name)
        for name in (raw.home_raw, raw.away_raw)
    ]
    return [(source, country, sex, name) for _, source, country, sex, name in sorted(map(tuple, connection.execute(sa.union_all(*sides))))]


def forget_later(connection: sa.Connection, now: datetime) -> None:
    """Remove the versions with a result that nobody can know at `now`: as RawMatch.known_at, in the database's words."""
    raw = raw_matches.c
    played = sa.or_(*(raw[name].is_not(None) for name in ("ft_home", "ft_away", "ht_home", "ht_away")), raw.status_raw != "scheduled")
    timed, today = raw.kickoff_utc.is_not(None), now.date().isoformat()
    begun = iso((now - MATCH_LASTS).replace(microsecond=0))  # as texts, only whole seconds stand in the order of their moments
    later = sa.case((timed, raw.kickoff_utc > begun), else_=raw.date_local >= today)
    connection.execute(raw_matches.delete().where(played, later))


def _stored(connection: sa.Connection, rows: Sequence[RawMatch]) -> dict[tuple[str, str], dict[str, _Stored]]:
    """By source and reference, then by digest: every version of these rows."""
    raw = raw_matches.c
    asked = sa.select(
        raw.source, raw.source_ref, raw.payload_hash, raw.raw_id, raw.superseded_at,
        raw.sex, raw.competition_code, raw.season_raw, raw.ft_home, raw.ft_away,
    )  # fmt: skip
    found: dict[tuple[str, str], dict[str, _Stored]] = {}
    for source in {row.source for row in rows}:
        for refs in batches(row.source_ref for row in rows if row.source == source):
            wanted = asked.where(raw.source == source, raw.source_ref.in_(refs))
            for name, ref, digest, raw_id, until, sex, code, season, home, away in connection.execute(wanted):
                score = None if home is None else f"{home}-{away}"
                found.setdefault((name, ref), {})[digest] = _Stored(raw_id, until is None, (sex, code, season), score)
    return found


def _update(connection: sa.Connection, raw_ids: Sequence[int], values: Mapping[str, str | None]) -> None:
    for some in batches(raw_ids):
        connection.execute(raw_matches.update().where(raw_matches.c.raw_id.in_(some)).values(dict(values)))


def _columns(row: RawMatch) -> Row:
    said = dict(vars(row))
    return said | {name: text(said[name]) for name, text in _IN_TEXT.items() if said[name] is not None}


def _raw(values: Sequence[Any]) -> RawMatch:
    said = dict(zip(_FIELDS, values, strict=True))
    said["date_local"] = date.fromisoformat(said["date_local"])
    if said["kickoff_utc"] is not None:
        said["kickoff_utc"] = from_iso(said["kickoff_utc"])
    return RawMatch(**said)
