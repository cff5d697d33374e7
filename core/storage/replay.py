"""Where a replay stands. It is kept in the replay's own database, so that all processes agree; the settings say where it starts.

A replay moves in two ways. A run of the pipeline is a journey: `target` is set when it sets out, the stages work for that
moment, and the clock arrives with the batch that knows of it. While it plays, the clock runs, and goals fall on their way.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from datetime import datetime

import sqlalchemy as sa

from core.clock import Clock, from_iso, iso
from core.football.live import LiveRow
from core.storage import live_scores
from core.storage.database import Database, alone, keep
from core.storage.schema import live_matches, meta

NAME = "replay"  # of the row in `meta`


@dataclass(frozen=True)
class Replay:
    """`speed` is in minutes of play a second, None while it does not play; `until` is where playing stops, once that is known."""

    start: datetime
    moment: datetime
    target: datetime | None = None
    speed: float | None = None
    until: datetime | None = None

    @property
    def under_way(self) -> datetime:
        """The moment that a stage of the pipeline works for."""
        return self.target or self.moment


def read(database: Database, start: datetime) -> Replay:
    """How the replay that starts at `start` stands; one that never moved, or began elsewhere, stands there."""
    with database.read() as connection:
        return kept(connection, start)


def kept(connection: sa.Connection, start: datetime) -> Replay:
    """As `read`, in a transaction."""
    said = connection.scalar(sa.select(meta.c.value).where(meta.c.name == NAME))
    found = None if said is None else _from_json(said)
    return found if found is not None and found.start == start else Replay(start, start)


def clock(database: Database, start: Clock) -> Clock:
    """The clock that a stage of the pipeline works by: the real one, or where the replay goes."""
    return start if start.moment is None else Clock(read(database, start.moment).under_way)


def set_out(database: Database, start: datetime, target: datetime | None = None) -> Replay:
    """A run of the pipeline begins: on to `target`, or else where the last one did not arrive, or else where the clock stands."""
    return _change(database, start, lambda stands: replace(stands, target=max(target, stands.moment) if target else stands.under_way))


def set_back(database: Database, start: datetime) -> Replay:
    """A run begins that goes back to the start; it no longer plays. The clock follows with the batch: later forecasts beside an
    earlier clock would tell what is not known yet.
    """
    return _change(database, start, lambda stands: replace(stands, target=start, speed=None, until=None))


def arrive(database: Database, start: datetime) -> Replay:
    """The batch of the target is published: the clock stands there now. Back at the start nothing is in play."""
    return _change(database, start, lambda stands: replace(stands, moment=stands.under_way, target=None))


def turn_back(database: Database, start: datetime) -> Replay:
    """The run failed: the clock stays where it was, and stops."""
    return _change(database, start, lambda stands: replace(stands, target=None, speed=None, until=None))


def give_up(database: Database, start: datetime) -> Replay:
    """The run was killed before it arrived: the clock goes nowhere, and plays on if it played."""
    return _change(database, start, lambda stands: replace(stands, target=None))


def play(database: Database, start: datetime, speed: float) -> Replay:
    """Let the clock run, at so many minutes of play a second."""
    return _change(database, start, lambda stands: replace(stands, speed=speed))


def pause(database: Database, start: datetime) -> Replay:
    """Let the clock stand; playing later goes on from here."""
    return _change(database, start, lambda stands: replace(stands, speed=None, until=None))


def run_on(database: Database, start: datetime, moment: datetime, until: datetime, told: Iterable[LiveRow] = ()) -> Replay:
    """The clock has run on to `moment`, where the matches in play stand as `told`: both, or neither.

    It runs neither back, nor while a run of the pipeline is under way, nor after it was told to stand.
    """
    with database.write() as connection:
        stands = _read_alone(connection, start)
        if stands.target is not None or stands.speed is None:
            return stands
        there = replace(stands, moment=max(stands.moment, moment), until=until)
        _keep(connection, stands, there)
        if there.moment == moment:
            live_scores.take_up(connection, told)
        return there


def _change(database: Database, start: datetime, change: Callable[[Replay], Replay]) -> Replay:
    with database.write() as connection:
        stands = _read_alone(connection, start)
        changed = change(stands)
        _keep(connection, stands, changed)
        return changed


def _read_alone(connection: sa.Connection, start: datetime) -> Replay:
    alone(connection, NAME)
    return kept(connection, start)


def _keep(connection: sa.Connection, stands: Replay, changed: Replay) -> None:
    if changed != stands:
        keep(connection, NAME, _to_json(changed))
    if changed.moment < stands.moment:
        connection.execute(live_matches.delete())


def _to_json(stands: Replay) -> str:
    return json.dumps({name: iso(value) if isinstance(value, datetime) else value for name, value in asdict(stands).items()})


def _from_json(said: str) -> Replay:
    kept = json.loads(said)
    target, until = (None if kept[name] is None else from_iso(kept[name]) for name in ("target", "until"))
    return Replay(from_iso(kept["start"]), from_iso(kept["moment"]), target, kept["speed"], until)
