"""The quarantine: rows that were not taken, each with the reason, since when, and until the next loading says otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from core.football.raw import Refused
from core.storage.bulk import batches, upsert
from core.storage.room import storable, widths
from core.storage.schema import quarantine

_LONGEST_REF = widths(quarantine)["source_ref"]


def keep(connection: sa.Connection, scopes: Sequence[str], cases: Iterable[tuple[str, Refused]], now: str) -> int:
    """Let these be the cases of these scopes: new ones are added, old ones seen again, the others gone. How many there are.

    A scope is what is loaded or built as one; each case comes with its own.
    """
    first_seen = _first_seen(connection, scopes)
    written = [(scope, _storable(case)) for scope, case in cases]
    rows = {_key(case): _row(scope, case, first_seen.get(_key(case), now), now) for scope, case in written}
    for some in batches(scopes):
        connection.execute(quarantine.delete().where(quarantine.c.scope.in_(some)))
    upsert(connection, quarantine, list(rows.values()), ("source", "source_ref", "reason"), ("last_seen", "scope", "payload"))
    return len(rows)


def _first_seen(connection: sa.Connection, scopes: Sequence[str]) -> dict[tuple[str, str, str], str]:
    table = quarantine.c
    found: dict[tuple[str, str, str], str] = {}
    for some in batches(scopes):
        wanted = sa.select(table.source, table.source_ref, table.reason, table.first_seen).where(table.scope.in_(some))
        found |= {(source, ref, reason): seen for source, ref, reason, seen in connection.execute(wanted)}
    return found


def _storable(case: Refused) -> Refused:
    """The case as it can be written down: what is wrong with a row may be that it cannot."""
    return Refused(case.source, storable(case.source_ref)[:_LONGEST_REF], storable(case.reason), storable(case.payload))


def _key(case: Refused) -> tuple[str, str, str]:
    return case.source, case.source_ref, case.reason


def _row(scope: str, case: Refused, first_seen: str, now: str) -> dict[str, Any]:
    return {**vars(case), "scope": scope, "first_seen": first_seen, "last_seen": now}
