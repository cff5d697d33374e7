"""The chain of sealed forecasts: each entry's digest covers the entry and the digest before it, so that none can be
changed, added in between or taken out afterwards without a trace. Every timeline has a chain of its own.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from core.clock import from_iso
from core.storage.database import alone, keep
from core.storage.schema import forecasts, meta
from core.vocabulary import SHADOW

FIRST = "0" * 64  # what stands before the first entry
_AT_ONCE = 1000
_COVERED = (
    "entry", "match_id", "stage", "model_version", "proba_home", "proba_draw", "proba_away",
    "kickoff_utc", "as_of", "sealed_at", "timeline",
)  # fmt: skip

Row = dict[str, Any]


@dataclass(frozen=True)
class Forecast:
    """A forecast to be sealed. Times are ISO text in UTC: `as_of` on the timeline's clock, `sealed_at` on the wall."""

    match_id: int
    stage: str
    model_version: int
    proba_home: float
    proba_draw: float
    proba_away: float
    kickoff_utc: str | None
    as_of: str
    sealed_at: str
    timeline: str

    @property
    def chances(self) -> tuple[float, float, float]:
        return self.proba_home, self.proba_draw, self.proba_away

    @property
    def begun(self) -> bool:
        """Whether the match had begun. Moments are compared, not their texts: half a second past noon sorts before noon."""
        return self.kickoff_utc is not None and from_iso(self.kickoff_utc) <= from_iso(self.as_of)


@dataclass(frozen=True)
class Published:
    """The end of a chain as it was published: the digest of its last entry, and how many entries it had. `at` is an aware moment, UTC."""

    timeline: str
    digest: str
    entries: int
    at: datetime | None = None

    @property
    def when(self) -> str:
        """` on 28 November 2026`, or nothing where the moment is not known."""
        return "" if self.at is None else f" on {self.at.day} {self.at:%B %Y}"


@dataclass(frozen=True)
class Chain:
    """One timeline's chain as it was read: `entries` counts the good ones before the first broken one; `digest` and `sealed_at` are the
    last one's.
    """

    timeline: str
    digest: str
    entries: int
    sealed_at: str | None
    problem: str | None


def seal(connection: sa.Connection, rows: Iterable[Forecast]) -> int:
    """Append forecasts to the chains of their timelines; the number of new entries.

    Nothing is added where the last forecast of the same match, stage and day is by the same version and says the same: after a
    promotion and a rollback the chain names the version that serves. A forecast of a match that has begun is a ValueError: it is none.
    """
    given = list(rows)
    late = [row.match_id for row in given if row.begun]
    if late:
        raise ValueError(f"these matches had begun when they were forecast: {late[:5]}")
    # The next entry follows the last one: of two hosts that seal at once, one waits for the other.
    alone(connection, "seal")
    return sum(
        _append(connection, timeline, [row for row in given if row.timeline == timeline]) for timeline in {row.timeline for row in given}
    )


def verify(connection: sa.Connection, published: Published | None = None) -> str | None:
    """None when every chain is whole, else a sentence that names the first row that is not: see `inspect`."""
    return next((chain.problem for chain in inspect(connection, published) if chain.problem), None)


def inspect(connection: sa.Connection, published: Published | None = None) -> list[Chain]:
    """Every timeline's chain, row by row, compared with its kept head and with the `published` one.

    Streams: about a thousand rows are in memory at a time. `connection` has to see one state of the database (Database.consistent), or
    rows that are sealed meanwhile look like a broken end.
    """
    timelines = set(connection.scalars(sa.select(forecasts.c.timeline).distinct()))
    heads = connection.scalars(sa.select(meta.c.name).where(meta.c.name.like("chain:%")))
    timelines |= {name.removeprefix("chain:") for name in heads} | ({published.timeline} if published else set())
    return [_inspect(connection, name, published if published and published.timeline == name else None) for name in sorted(timelines)]


def sealed(connection: sa.Connection, *match_ids: int) -> list[Row]:
    """Every sealed forecast of a match, by all ids that it has had, in the order of sealing, with its digests."""
    found = connection.execute(sa.select(forecasts).where(forecasts.c.match_id.in_(match_ids)).order_by(forecasts.c.entry))
    return [dict(row) for row in found.mappings()]


def last_before_kickoff(connection: sa.Connection, timeline: str, version: int) -> list[tuple[int, float, float, float]]:
    """(match_id, home, draw, away) as they were last sealed of a version, in whatever stage; all of it was sealed before kick-off."""
    return _latest(connection, forecasts.c.timeline == timeline, forecasts.c.model_version == version)


def last_of_stage(
    connection: sa.Connection, timeline: str, stage: str, match_ids: Collection[int] | None = None
) -> dict[int, tuple[float, float, float]]:
    """By match (home, draw, away) as they were last sealed for a stage, by whichever version had it; all before kick-off.

    Of all matches, or of those named.
    """
    conditions = [forecasts.c.timeline == timeline, forecasts.c.stage == stage]
    if match_ids is not None:
        conditions.append(forecasts.c.match_id.in_(match_ids))
    return {match_id: (home, draw, away) for match_id, home, draw, away in _latest(connection, *conditions)}


def _latest(connection: sa.Connection, *conditions: sa.ColumnElement[bool]) -> list[tuple[int, float, float, float]]:
    chain = forecasts.c
    latest = sa.select(sa.func.max(chain.entry)).where(*conditions).group_by(chain.match_id)
    columns = (chain.match_id, chain.proba_home, chain.proba_draw, chain.proba_away)
    return [tuple(row) for row in connection.execute(sa.select(*columns).where(chain.entry.in_(latest)))]


def head(connection: sa.Connection, timeline: str) -> tuple[str, int]:
    """The digest of the last entry of a timeline's chain, and its length; FIRST and 0 of one without entries."""
    return _head(connection, timeline)


def digest_of(row: Mapping[str, Any], previous: str) -> str:
    """SHA-256 over the entry as JSON with sorted keys, numbers in their shortest exact form, and the digest before it."""
    covered = {name: row[name] for name in _COVERED}
    return hashlib.sha256(f"{json.dumps(covered, sort_keys=True, separators=(',', ':'))}{previous}".encode()).hexdigest()


def _append(connection: sa.Connection, timeline: str, given: Sequence[Forecast]) -> int:
    known = _last_said(connection, timeline, {row.as_of[:10] for row in given})
    head, length = _head(connection, timeline)
    entry = connection.scalar(sa.select(sa.func.max(forecasts.c.entry))) or 0
    fresh: list[Row] = []
    for forecast in given:
        key = _key(forecast.match_id, forecast.stage, forecast.model_version, forecast.as_of)
        said = forecast.model_version, forecast.chances
        if known.get(key) == said:
            continue
        known[key] = said
        row = {"entry": entry + len(fresh) + 1, **vars(forecast), "previous_digest": head}
        head = row["digest"] = digest_of(row, head)
        fresh.append(row)
    for start in range(0, len(fresh), _AT_ONCE):
        connection.execute(forecasts.insert(), fresh[start : start + _AT_ONCE])
    if fresh:
        _keep_head(connection, timeline, head, length + len(fresh))
    return len(fresh)


def _key(match_id: int, stage: str, version: int, as_of: str) -> tuple[int, str, int, str]:
    """A stage has one version at a time; in shadow there are several."""
    return match_id, stage, version if stage == SHADOW else 0, as_of[:10]


def _last_said(connection: sa.Connection, timeline: str, days: set[str]) -> dict[tuple[int, str, int, str], tuple[int, tuple[float, ...]]]:
    on_these_days = sa.func.substr(forecasts.c.as_of, 1, 10).in_(days)
    found = connection.execute(sa.select(forecasts).where(forecasts.c.timeline == timeline, on_these_days).order_by(forecasts.c.entry))
    return {
        _key(row.match_id, row.stage, row.model_version, row.as_of): (row.model_version, (row.proba_home, row.proba_draw, row.proba_away))
        for row in found
    }


def _head(connection: sa.Connection, timeline: str) -> tuple[str, int]:
    """The digest and the length of the chain, as they were kept when it last grew."""
    kept = connection.scalar(sa.select(meta.c.value).where(meta.c.name == f"chain:{timeline}"))
    if kept is None:
        return FIRST, 0
    head = json.loads(kept)
    return head["digest"], head["entries"]


def _keep_head(connection: sa.Connection, timeline: str, digest: str, entries: int) -> None:
    keep(connection, f"chain:{timeline}", json.dumps({"digest": digest, "entries": entries}))


def _inspect(connection: sa.Connection, timeline: str, published: Published | None) -> Chain:
    walk = _Walk(timeline, None if published is None else published.entries)
    rows = connection.execution_options(yield_per=_AT_ONCE).execute(
        sa.select(forecasts).where(forecasts.c.timeline == timeline).order_by(forecasts.c.entry)
    )
    for row in map(dict, rows.mappings()):
        problem = walk.step(row)
        if problem:
            rows.close()
            return walk.seen(problem)
    return walk.seen(_problem(walk, *_head(connection, timeline)) or (None if published is None else _older(walk, published)))


class _Walk:
    """How far a chain has been read; `mark` is the number of the entry whose digest is kept for a comparison."""

    def __init__(self, timeline: str, mark: int | None) -> None:
        self.timeline, self._mark = timeline, mark
        self.digest, self.entries = FIRST, 0
        self.sealed_at: str | None = None
        self.marked = FIRST

    def step(self, row: Row) -> str | None:
        """Take one row; a sentence when it does not continue the chain."""
        if row["previous_digest"] != self.digest:
            return f"An entry before {row['entry']} of the {self.timeline} chain is missing or was changed: its digest does not lead here."
        if row["digest"] != digest_of(row, self.digest):
            return f"Entry {row['entry']} of the {self.timeline} chain (match {row['match_id']}) was changed after it was sealed."
        self.digest, self.entries, self.sealed_at = row["digest"], self.entries + 1, row["sealed_at"]
        if self.entries == self._mark:
            self.marked = self.digest
        return None

    def seen(self, problem: str | None) -> Chain:
        return Chain(self.timeline, self.digest, self.entries, self.sealed_at, problem)


def _problem(walk: _Walk, digest: str, entries: int) -> str | None:
    if (walk.digest, walk.entries) != (digest, entries):
        return f"The {walk.timeline} chain ends after {walk.entries:,} entries; {entries:,} were sealed. Its last ones are missing."
    return None


def _older(walk: _Walk, published: Published) -> str | None:
    """Whether the database lacks what was published, as a sentence."""
    if walk.entries < published.entries:
        return (
            f"The {walk.timeline} chain has {walk.entries:,} entries, but {published.entries:,} were published{published.when}: "
            "the database is older than what was published (a restored backup?)."
        )
    if walk.marked != published.digest:
        return (
            f"Entry number {published.entries:,} of the {walk.timeline} chain is not the one that was published{published.when}: "
            "the database was restored from a backup and went on from there, or its chain was written anew."
        )
    return None
