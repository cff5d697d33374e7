"""Matches that have another id than before, because a team turned out to be another."""

from __future__ import annotations

import sqlalchemy as sa

from core.storage.schema import match_id_aliases


def moved(connection: sa.Connection) -> dict[int, int]:
    """Each id that a match once had, with the one that it has now, however many times it moved."""
    steps = {row.old: row.new for row in connection.execute(sa.select(match_id_aliases))}
    return {old: _last(steps, old) for old in steps}


def _last(steps: dict[int, int], number: int) -> int:
    """Where the steps from here end. A round has no end, and is left where it began."""
    seen: set[int] = set()
    while number in steps and number not in seen:
        seen.add(number)
        number = steps[number]
    return number
