"""The replay that plays: while its clock runs, past matches are told goal by goal, as a source of live scores would."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from datetime import time as time_of_day
from pathlib import Path

from core.clock import iso
from core.errors import PipelineBusy
from core.football.raw import RawMatch
from core.football.replayed import Goal, Script, goals_of
from core.settings import PROJECT
from core.sources import snapshot
from core.storage import replay
from core.storage.database import Database
from core.storage.fixture_list import Fixture, due
from core.storage.task_queries import ENDED
from workers.jobs import Jobs
from workers.locking import locked
from workers.log import line

SNAPSHOT = PROJECT / "data" / "snapshot"
# A step of the clock stands for no more real time than this: a process that hung does not leap.
LONGEST_STEP = 2.0
# After a longer gap the forecasts are made anew before the next match, as they would have been.
GAP = timedelta(hours=30)
# Nobody is at a run of the pipeline for so many seconds: it was killed. Stages that are run one by one let go of the lock between them.
LEFT_FOR = 10.0
ASSUMED_KICKOFF = time_of_day(15)  # where only the day is known
YESTERDAY = timedelta(days=1)


class Player:
    """One step a call. It holds still while a run of the pipeline takes in results, and stops at the end of the match day."""

    def __init__(self, database: Database, jobs: Jobs, start: datetime, lock: Path, folder: Path = SNAPSHOT) -> None:
        self.database, self.jobs, self.start = database, jobs, start
        self._lock, self._folder = lock, folder
        self._left_since: float | None = None
        self._scripts: Mapping[int, Script] = {}
        self._stepped: float | None = None
        self._asked: str | None = None
        self._taken_in: datetime | None = None  # the moment whose results were last asked for

    def wanted(self) -> bool:
        """Whether the replay plays, or is on its way somewhere."""
        stands = replay.read(self.database, self.start)
        return stands.speed is not None or stands.target is not None

    def once(self) -> None:
        stands = replay.read(self.database, self.start)
        if self._under_way(stands) or stands.speed is None or self._waits():
            self._stepped = None
            return
        fixtures = due(self.database, stands.moment - YESTERDAY)
        until = stands.until or _end_of_day([fixture for fixture in fixtures if fixture.known_from > stands.moment])
        if until is None:
            replay.pause(self.database, self.start)
            return
        fixtures = [fixture for fixture in fixtures if fixture.match_id in self.scripts]
        games = [self.scripts[fixture.match_id] for fixture in fixtures]
        rolling = [game for game in games if game.rolls(stands.moment)]
        if rolling:
            self._roll(stands, rolling, until)
        else:
            self._between(stands, fixtures, games, until)

    @property
    def scripts(self) -> Mapping[int, Script]:
        """Every match of the snapshot by its id, read when it is first needed."""
        if not self._scripts:
            self._scripts = read_scripts(self._folder)
        return self._scripts

    def _roll(self, stands: replay.Replay, rolling: Sequence[Script], until: datetime) -> None:
        """Let the clock run on while balls roll, and tell how the matches stand."""
        now = time.monotonic()
        real = min(now - self._stepped, LONGEST_STEP) if self._stepped is not None else 0.0
        self._stepped = now
        played = timedelta(minutes=real * (stands.speed or 0.0))
        moment = min(stands.moment + played, max(game.over for game in rolling))
        replay.run_on(self.database, self.start, moment, until, [game.at(moment) for game in rolling])

    def _between(self, stands: replay.Replay, fixtures: Sequence[Fixture], games: Sequence[Script], until: datetime) -> None:
        """No ball rolls: take in the results that are known by now, or go on to the next kick-off, or stop."""
        self._stepped = None
        if stands.moment != self._taken_in and any(fixture.known_from <= stands.moment for fixture in fixtures):
            self._ask(stands.moment)
            self._taken_in = stands.moment  # a queue that is away takes no task: then it is asked again at the next step
        elif stands.moment >= until:
            replay.pause(self.database, self.start)
        else:
            coming = [game.kickoff for game in games] + [fixture.known_from for fixture in fixtures]
            moment = min(when for when in (*coming, until) if when > stands.moment)
            if moment - stands.moment > GAP:
                self._ask(moment - timedelta(minutes=1))
            else:
                replay.run_on(self.database, self.start, moment, until, [game.at(moment) for game in games if game.rolls(moment)])

    def _ask(self, moment: datetime) -> None:
        self._asked = self.jobs.advance(iso(moment))

    def _under_way(self, stands: replay.Replay) -> bool:
        """Whether a run of the pipeline takes the clock somewhere, or waits to. What one that was killed left is given up."""
        if self.jobs.advancing() is not None:
            self._left_since = None
            return True
        return stands.target is not None and not self._given_up()

    def _given_up(self) -> bool:
        """Whether nobody was at the run for so long that it was given up now."""
        try:
            with locked(self._lock):  # no other begins meanwhile
                self._left_since = self._left_since or time.monotonic()
                if time.monotonic() - self._left_since < LEFT_FOR:
                    return False
                replay.give_up(self.database, self.start)
        except PipelineBusy:
            self._left_since = None
            return False
        self._left_since = None
        return True

    def _waits(self) -> bool:
        """Whether a run of the pipeline that was asked for has not ended. When it has failed, nothing plays on."""
        if self._asked is None:
            return False
        status = str(self.jobs.ledger.get(self._asked)["status"])
        if status not in ENDED:
            return True
        if status != "SUCCESS":
            line("replay", note="it stops, since the pipeline failed", task_id=self._asked)
            replay.pause(self.database, self.start)
        self._asked = None
        return status != "SUCCESS"


def _end_of_day(to_come: Sequence[Fixture]) -> datetime | None:
    """When all results of the next match day are known; None when no match is to come."""
    return max((fixture.known_from for fixture in to_come if fixture.day == to_come[0].day), default=None)


def read_scripts(folder: Path) -> dict[int, Script]:
    """How each match of the snapshot went.

    In a season of which no goal minute is known even a match without goals is illustrative: nobody shall tell it by that.
    """
    known = snapshot.read_goals(folder)
    minutes = [goal.minute for match_id in sorted(known) for goal in known[match_id]]
    played = {int(raw.source_ref): raw for raw in snapshot.read(folder).matches if raw.ft_home is not None and raw.ft_away is not None}
    covered = {_season(raw) for match_id, raw in played.items() if match_id in known}
    return {
        match_id: _script(match_id, raw, goals_of(match_id, _score(raw), known.get(match_id, ()), minutes), _season(raw) in covered)
        for match_id, raw in played.items()
    }


def _script(match_id: int, raw: RawMatch, goals: tuple[tuple[Goal, ...], bool], covered: bool) -> Script:
    kickoff = raw.kickoff_utc or datetime.combine(raw.date_local, ASSUMED_KICKOFF, UTC)
    illustrative = goals[1] or not covered or raw.kickoff_utc is None
    return Script(match_id, raw.competition_code, raw.sex, raw.home_raw, raw.away_raw, kickoff, goals[0], illustrative)


def _season(raw: RawMatch) -> tuple[str, str]:
    return raw.competition_code, raw.season_raw


def _score(raw: RawMatch) -> tuple[int, int]:
    return raw.ft_home or 0, raw.ft_away or 0
