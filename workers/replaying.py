"""The replay's clock, moved by hand: `python -m workers.pipeline advance --to next-day`."""

from __future__ import annotations

import argparse
from datetime import datetime, timedelta

from core.clock import from_iso, iso
from core.errors import SettingsError
from core.settings import YEARS, Settings
from core.storage import replay
from core.storage.database import Database
from core.storage.fixture_list import due

ADVANCE, PLAY = "advance", "play"
NEXT_MATCH, NEXT_DAY, START = "next-match", "next-day", "start"
SPEEDS = (0.1, 60.0)  # minutes of play a second, from about a tenth to an hour
NOT_REPLAYING = "This is the real timeline, whose clock nobody moves. Set SOCCER_CLOCK to a past moment to replay from there."


def add_to(parser: argparse.ArgumentParser) -> None:
    """What the command `advance` takes."""
    words = "next-match: until its result is known; next-day: until those of the whole match day are; +6h; an ISO time; or start"
    parser.add_argument("--to", required=True, metavar="WHERE", help=words)


def add_play_to(parser: argparse.ArgumentParser) -> None:
    """What the command `play` takes."""
    parser.add_argument("--speed", type=float, default=1.0, metavar="MINUTES", help="minutes of play a second; 0 pauses")


def set_out(settings: Settings, database: Database, to: str) -> replay.Replay:
    """Let the run of the pipeline that follows go there. The caller holds the pipeline's lock."""
    start = started(settings)
    if to == START:
        return replay.set_back(database, start)
    return replay.set_out(database, start, destination(database, replay.read(database, start), to))


def play(settings: Settings, database: Database, speed: float) -> replay.Replay:
    """Let the clock run at so many minutes a second from here to the end of the next match day, or stand if that is 0."""
    start = started(settings)
    if speed == 0:
        return replay.pause(database, start)
    if not SPEEDS[0] <= speed <= SPEEDS[1]:
        raise SettingsError(f"--speed is {speed:g}; it must lie between {SPEEDS[0]:g} and {SPEEDS[1]:g} minutes a second, or be 0.")
    return replay.play(database, start, speed)


def started(settings: Settings) -> datetime:
    """Where the replay starts; SettingsError when nothing is replayed."""
    if settings.clock.moment is None:
        raise SettingsError(NOT_REPLAYING)
    return settings.clock.moment


def destination(database: Database, stands: replay.Replay, to: str) -> datetime:
    """The moment that is meant; SettingsError when there is none, or it lies before the clock."""
    if to in (NEXT_MATCH, NEXT_DAY):
        return _known_next(database, stands.moment, whole_day=to == NEXT_DAY)
    moment = _moment(to, stands.moment)
    if moment < stands.moment:
        raise SettingsError(f"The replay stands at {iso(stands.moment)} already and goes on only. `advance --to start` begins it again.")
    return moment


def _known_next(database: Database, now: datetime, whole_day: bool) -> datetime:
    """When the next result is known, or all of the match day that it belongs to."""
    fixtures = due(database, now)
    if not fixtures:
        raise SettingsError("No match is to come in the data. Give a moment, such as +24h, or begin again: `advance --to start`.")
    day = [fixture for fixture in fixtures if fixture.day == fixtures[0].day]
    return max(fixture.known_from for fixture in day) if whole_day else fixtures[0].known_from


def _moment(to: str, now: datetime) -> datetime:
    try:
        moment = now + timedelta(hours=float(to[1:-1])) if to.startswith("+") and to.endswith("h") else from_iso(to)
    except (ValueError, OverflowError):
        raise SettingsError(
            f"{to[:40]!r} is no moment. Give next-match, next-day, start, +6h, or a time such as 2026-03-20T12:00:00Z."
        ) from None
    if moment.year not in YEARS:
        raise SettingsError(f"{to[:40]!r} is too far away; the year must lie between {YEARS[0]} and {YEARS[-1]}.")
    return moment
