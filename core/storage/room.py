"""What the columns can hold: texts of a certain length, made of signs that every database takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sqlalchemy as sa

from core.football.matches import Teams
from core.football.merging import refused
from core.football.raw import RawMatch, Refused
from core.storage.schema import raw_matches, teams

_CALLED = {
    "home_raw": "the name of the home side",
    "away_raw": "the name of the away side",
    "competition_raw": "the name of the competition",
    "competition_code": "the name of the competition",
    "country": "the name of the country",
    "source_ref": "what it is called by, names and all,",
    "team_id": "what a side is called by, with its country and in Latin letters,",
    "name": "the name of a side",
}


def fitting(rows: Sequence[RawMatch], known: Teams) -> tuple[list[RawMatch], list[Refused]]:
    """The rows that can be written down whole, with their teams as far as `known`, and the others, each with the reason.

    SQLite takes longer texts than its columns say, and PostgreSQL fails on them: on both the same rows are taken.
    """
    named = {(row.country, row.sex, name) for row in rows for name in (row.home_raw, row.away_raw)}
    sides = {who: _trouble(teams, vars(team)) for who in named if (team := known.find(*who)) is not None}
    kept: list[RawMatch] = []
    cases: list[Refused] = []
    for row in rows:
        about = [sides.get((row.country, row.sex, name)) for name in (row.home_raw, row.away_raw)]
        reason = next(filter(None, (_trouble(raw_matches, vars(row)), *about)), None)
        if reason is None:
            kept.append(row)
        else:
            cases.append(refused(row, reason))
    return kept, cases


def storable(text: str) -> str:
    """The text with a mark for each sign that a database refuses: the one of number 0, and half a pair."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode("utf-8")


def widths(table: sa.Table) -> dict[str, int]:
    """How many characters each text of a row may have, by column."""
    return {column.name: column.type.length for column in table.columns if isinstance(column.type, sa.String) and column.type.length}


_WIDTHS = {table: widths(table) for table in (raw_matches, teams)}


def _trouble(table: sa.Table, said: Mapping[str, object]) -> str | None:
    """Why this cannot stand in a row of the table; None when it can."""
    for name, most in _WIDTHS[table].items():
        text = said.get(name)
        if not isinstance(text, str):
            continue
        if len(text) > most:
            return f"{_CALLED.get(name, name)} is longer than {most} characters; give it a shorter one"
        if "\0" in text or (not text.isascii() and storable(text) != text):
            return f"{_CALLED.get(name, name)} holds a sign that no text can hold; write it anew"
    return None
