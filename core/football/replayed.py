"""A match of the past, played again: which goals have fallen at a moment, and where the match then stands."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from core.football.live import ILLUSTRATIVE, REPLAYED, LiveRow, Phase
from core.football.raw import MATCH_LASTS

# Minutes after kick-off: a first half with two of stoppage, a break of fifteen, a second half with up to seven.
HALF_ENDS, SECOND_BEGINS, FULL_ENDS = 47, 62, 114


class Goal(NamedTuple):
    """`minute` counts from 1; those of stoppage time at the end lie above 90."""

    minute: int
    home: bool


@dataclass(frozen=True)
class Script:
    """A past match as it is played again. `illustrative`: its kick-off or the minutes of its goals are not the real ones."""

    match_id: int
    competition_code: str
    sex: int
    home: str
    away: str
    kickoff: datetime
    goals: tuple[Goal, ...]
    illustrative: bool = False

    @property
    def over(self) -> datetime:
        """When its result may be known."""
        return self.kickoff + MATCH_LASTS

    def rolls(self, moment: datetime) -> bool:
        """Whether it has begun, and its result is not known yet."""
        return self.kickoff <= moment < self.over

    def at(self, moment: datetime) -> LiveRow:
        """What a source of live scores would tell of it at `moment`."""
        phase, minute, stoppage = stands(self._elapsed(moment))
        home, away = self._score(moment)
        break_begins = self.kickoff + timedelta(minutes=HALF_ENDS)
        at_half = self._score(break_begins) if moment >= break_begins else (None, None)
        return LiveRow(
            source=ILLUSTRATIVE if self.illustrative else REPLAYED,
            source_match_id=str(self.match_id),
            observed_at=moment,
            competition_code=self.competition_code,
            sex=self.sex,
            home_name=self.home,
            away_name=self.away,
            phase=phase,
            match_id=self.match_id,
            kickoff_utc=self.kickoff,
            minute=minute,
            stoppage=stoppage,
            home_score=home,
            away_score=away,
            ht_home=at_half[0],
            ht_away=at_half[1],
        )

    def _elapsed(self, moment: datetime) -> int:
        return (moment - self.kickoff) // timedelta(minutes=1)

    def _score(self, moment: datetime) -> tuple[int, int]:
        fallen = [goal.home for goal in self.goals if self._elapsed(moment) >= falls(goal)]
        return sum(fallen), len(fallen) - sum(fallen)


def falls(goal: Goal) -> int:
    """How many minutes after kick-off a goal is there: within its own minute, after the break for the second half."""
    return goal.minute - 1 if goal.minute <= 45 else goal.minute - 46 + SECOND_BEGINS


def stands(elapsed: int) -> tuple[Phase, int | None, int | None]:
    """Phase, minute and stoppage so many whole minutes after kick-off."""
    if elapsed < 0:
        return "pre", None, None
    if elapsed < HALF_ENDS:
        return "first_half", min(elapsed + 1, 45), max(elapsed - 44, 0) or None
    if elapsed < SECOND_BEGINS:
        return "half_time", None, None
    if elapsed < FULL_ENDS:
        minute = elapsed - SECOND_BEGINS + 46
        return "second_half", min(minute, 90), max(minute - 90, 0) or None
    return "settling", None, None


def goals_of(match_id: int, score: tuple[int, int], known: Sequence[Goal], minutes: Sequence[int]) -> tuple[tuple[Goal, ...], bool]:
    """The goals of a match with this score, and whether their minutes are drawn.

    They are the known ones if those make the score. Otherwise they are drawn from `minutes` in which goals fell elsewhere: the
    same for the same match whenever it is played again.
    """
    if (sum(goal.home for goal in known), sum(not goal.home for goal in known)) == score:
        return tuple(sorted(known)), False
    drawing = random.Random(match_id)
    sides = [True] * score[0] + [False] * score[1]
    drawing.shuffle(sides)
    return tuple(sorted(Goal(drawing.choice(minutes), home) for home in sides)), True
