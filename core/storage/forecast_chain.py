"""The chain of sealed forecasts: each entry's digest covers the entry and the digest before it, so that none can be
changed, added in between or taken out afterwards without a trace. Every timeline has a chain of its own.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
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


def verify(connection: sa.Connection) -> str | None:
    """None when every chain is whole, else a sentence that names the first entry that is not."""
    timelines = set(connection.scalars(sa.select(forecasts.c.timeline).distinct()))
    heads = connection.scalars(sa.select(meta.c.name).where(meta.c.name.like("chain:%")))
    for timeline in sorted(timelines | {name.removeprefix("chain:") for name in heads}):
        problem = _problem(connection, timeline)
        if problem:
            return problem
    return None


def sealed(connection: sa.Connection, *match_ids: int) -> list[Row]:
    """Every sealed forecast of a match, by all ids that it has had, in the order of sealing, with its digests."""
    found = connection.execute(sa.select(forecasts).where(forecasts.c.match_id.in_(match_ids)).order_by(forecasts.c.entry))
    return [dict(row) for row in found.mappings()]


def last_before_kickoff(connection: sa.Connection, timeline: str, version: int) -> list[tuple[int, float, float, float]]:
    """(match_id, home, draw, away) as they were last sealed of a version, in whatever stage; all of it was sealed before kick-off."""
    chain = forecasts.c
    latest = sa.select(sa.func.max(chain.entry)).where(chain.timeline == timeline, chain.model_version == version).group_by(chain.match_id)
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


def _problem(connection: sa.Connection, timeline: str) -> str | None:
    previous, number = FIRST, 0
    rows = connection.execution_options(yield_per=_AT_ONCE).execute(
        sa.select(forecasts).where(forecasts.c.timeline == timeline).order_by(forecasts.c.entry)
    )
    for row in map(dict, rows.mappings()):
        if row["previous_digest"] != previous:
            return f"An entry before {row['entry']} of the {timeline} chain is missing or was changed: its digest does not lead here."
        if row["digest"] != digest_of(row, previous):
            return f"Entry {row['entry']} of the {timeline} chain (match {row['match_id']}) was changed after it was sealed."
        previous, number = row["digest"], number + 1
    head, length = _head(connection, timeline)
    if (previous, number) != (head, length):
        return f"The {timeline} chain ends after {number} entries; {length} were sealed. Its last ones are missing."
    return None
