"""What a match is worth to each side for its place in the final table.

The importance of a match for reaching a place (Schilling 1994, "The importance of a game"; Jennett 1984) is how much the
chance of ending there differs between winning and losing. Here by a normal approximation: a side and its nearest rival for
the place drift apart by a random walk over the matches left.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from core.learning.streams import Floats, Games, Ints

PLACES = ("title", "top_four", "europe", "safety")
STEP = 1.3  # standard deviation of a side's points in one match


class League:
    """The running table of one league's season, and how often its teams meet."""

    def __init__(self) -> None:
        self.row: dict[int, int] = {}
        self.points: list[float] = []
        self.number: list[int] = []
        self.season = -1
        self.last: int | None = None
        self.meetings = 2

    def whole(self) -> int:
        """How many matches a team plays in a season, as far as is known."""
        return self.meetings * max(len(self.row) - 1, 1)

    def ends_before(self, day: int, season: int) -> bool:
        """Whether a match on that day belongs to another season: by its label, else by the pause."""
        if self.last is None:
            return False
        if season >= 0 and self.season >= 0:
            return season != self.season
        pause = day - self.last
        return pause > 120 or (pause > 20 and sum(self.number) > 0.85 * self.whole() * len(self.row))

    def restart(self) -> None:
        self.meetings = max(2, round(max(self.number, default=0) / max(len(self.row) - 1, 1)))
        self.row, self.points, self.number = {}, [], []

    def add(self, team: int, gain: float) -> None:
        at = self.row.setdefault(team, len(self.row))
        if at == len(self.points):
            self.points.append(0.0)
            self.number.append(0)
        self.points[at] += gain
        self.number[at] += 1

    def standing(self, team: int) -> int:
        """The team's row, or -1 before its first match of the season."""
        return self.row.get(team, -1)


class Stakes:
    """Importance of the match for each side, for each of PLACES, and the share of the season that is left to both."""

    names: tuple[str, ...] = (*(f"stake_{place}_{side}" for place in PLACES for side in ("home", "away")), "season_left")

    def __init__(self) -> None:
        self.leagues: dict[int, League] = {}

    def before(self, games: Games) -> Floats:
        found = np.zeros((len(games.day), len(self.names)))
        found[:, -1] = 1.0
        for code in np.unique(games.league).tolist():
            league = self.leagues.get(code)
            rows = np.flatnonzero(games.league == code)
            if league is not None and not league.ends_before(int(games.day[rows[0]]), int(games.season[rows[0]])):
                self._fill(found, rows, league, games)
        return found

    def learn(self, games: Games) -> None:
        margin = np.sign(games.goals[:, 0] - games.goals[:, 1]).tolist()
        columns = zip(
            games.league.tolist(), games.home.tolist(), games.away.tolist(), games.day.tolist(), games.season.tolist(), margin, strict=True
        )
        for code, home, away, day, season, sign in columns:
            league = self.leagues.setdefault(code, League())
            if league.ends_before(day, season):
                league.restart()
            league.add(home, (1.0, 3.0, 0.0)[int(sign)])
            league.add(away, (1.0, 0.0, 3.0)[int(sign)])
            league.last, league.season = day, season

    def _fill(self, found: Floats, rows: Ints, league: League, games: Games) -> None:
        points, number = np.array(league.points), np.array(league.number)
        if len(points) < 8:
            return
        order = np.sort(points)[::-1]
        left = np.maximum(league.whole() - number, 1)
        for side, teams in enumerate((games.home[rows], games.away[rows])):
            at = np.array([league.standing(team) for team in teams.tolist()])
            there = at >= 0
            mine, rest = points[at], left[at]
            for place, cut in enumerate((1, 4, 6, len(points) - 3)):
                found[rows, 2 * place + side] = np.where(there, importance(mine, rest, order, cut), 0.0)
            found[rows, -1] = np.where(there, np.minimum(found[rows, -1], rest / league.whole()), found[rows, -1])


def importance(points: Floats, left: Ints, order: Floats, cut: int) -> Floats:
    """How much winning rather than losing changes the chance of ending among the best `cut` of a table.

    `order` holds the points of all teams, best first. The rival of a side inside the cut is the first outside, and the
    other way round.
    """
    inside: NDArray[np.bool_] = points >= order[cut - 1]
    gap = points - np.where(inside, order[cut], order[cut - 1])
    spread = STEP * np.sqrt(2.0 * left - 1.0)
    found: Floats = ndtr((gap + 3.0 - 1.37) / spread) - ndtr((gap - 1.37) / spread)
    return found
