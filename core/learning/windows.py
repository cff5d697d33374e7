"""Form and circumstance: means over each side's last matches, rest, acquaintance, the season so far."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from core.learning.streams import NEVER, Floats, Games, Ints

METRICS = ("goals_for", "goals_against", "goal_difference", "points", "wins", "draws", "losses")


def tally(scored: Floats, conceded: Floats) -> Floats:
    """METRICS of matches for one side, shape (n, 7): whole numbers, so that sums are exact."""
    win, draw, loss = scored > conceded, scored == conceded, scored < conceded
    return np.column_stack([scored, conceded, scored - conceded, 3.0 * win + draw, win, draw, loss])


Kept = TypeVar("Kept", np.float64, np.int64)


def grown(values: NDArray[Kept], rows: int, fill: int) -> NDArray[Kept]:
    """The same array with room for at least so many rows."""
    if rows <= len(values):
        return values
    more = max(rows, 2 * len(values)) - len(values)
    return np.concatenate([values, np.full((more, *values.shape[1:]), fill, dtype=values.dtype)])


def turns(team: Ints) -> Iterator[Ints]:
    """The places of a day's matches in turns, so that no team comes twice in one: everybody's first match, then the second."""
    order = np.argsort(team, kind="stable")
    starts = np.flatnonzero(np.diff(team[order], prepend=-1))
    turn = np.empty(len(team), dtype=np.int64)
    turn[order] = np.arange(len(team)) - np.repeat(starts, np.diff(starts, append=len(team)))
    for number in range(int(turn.max(initial=-1)) + 1):
        yield np.flatnonzero(turn == number)


class Form:
    """Home minus away of the mean of METRICS over the last 5, 10, 20 matches, and of the goal difference over the last
    five at this ground. Missing where a side has no earlier match. Windows count a team's matches, in any competition.
    """

    def __init__(self, windows: tuple[int, ...] = (5, 10, 20), ground: int = 5) -> None:
        self.names: tuple[str, ...] = (*(f"diff_{metric}_w{window}" for window in windows for metric in METRICS), f"diff_ground_w{ground}")
        self._windows, self._near = windows, ground
        self._deep = max(windows)
        self.kept = np.zeros((64, self._deep, len(METRICS)))
        self.number = np.zeros(64, dtype=np.int64)
        self.near = np.zeros((64, 2, ground))
        self.near_number = np.zeros((64, 2), dtype=np.int64)

    def before(self, games: Games) -> Floats:
        self._room(games)
        home, away = self._means(games.home), self._means(games.away)
        return np.column_stack([home - away, self._ground_mean(games.home, 0) - self._ground_mean(games.away, 1)])

    def learn(self, games: Games) -> None:
        scored, conceded = games.goals[:, 0], games.goals[:, 1]
        for side, teams, numbers in ((0, games.home, tally(scored, conceded)), (1, games.away, tally(conceded, scored))):
            for rows in turns(teams):
                team = teams[rows]
                self.kept[team, self.number[team] % self._deep] = numbers[rows]
                self.number[team] += 1
                self.near[team, side, self.near_number[team, side] % self._near] = numbers[rows, 2]
                self.near_number[team, side] += 1

    def _room(self, games: Games) -> None:
        rows = int(max(games.home.max(), games.away.max())) + 1
        self.kept, self.near = grown(self.kept, rows, 0), grown(self.near, rows, 0)
        self.number, self.near_number = grown(self.number, rows, 0), grown(self.near_number, rows, 0)

    def _means(self, team: Ints) -> Floats:
        """Shape (n, windows x metrics)."""
        number = self.number[team]
        found = []
        for window in self._windows:
            places = (number[:, None] - 1 - np.arange(window)) % self._deep
            there = np.minimum(number, window)
            inside = np.arange(window) < there[:, None]
            total = (self.kept[team[:, None], places] * inside[:, :, None]).sum(axis=1)
            found.append(np.where(there[:, None] > 0, total / np.maximum(there, 1)[:, None], np.nan))
        return np.concatenate(found, axis=1)

    def _ground_mean(self, team: Ints, side: int) -> Floats:
        number = np.minimum(self.near_number[team, side], self._near)
        return np.where(number > 0, self.near[team, side].sum(axis=1) / np.maximum(number, 1), np.nan)


class Circumstance:
    """Rest, acquaintance, and how each side stands this season (a season ends with a pause of more than `gap` days)."""

    names: tuple[str, ...] = (
        "rest_home", "rest_away", "known_home", "known_away", "here_home", "here_away", "round_home", "round_away",
        "season_points", "season_goals", "ground", "weight", "league_known",
    )  # fmt: skip

    def __init__(self, gap: int = 45) -> None:
        self._gap = gap
        self.last = np.full(64, NEVER, dtype=np.int64)
        self.played = np.zeros(64, dtype=np.int64)
        self.league = np.full(64, -1, dtype=np.int64)
        self.here = np.zeros(64, dtype=np.int64)
        self.season = np.zeros((64, 3))  # matches, points, goal difference
        self.leagues = np.zeros(64, dtype=np.int64)

    def before(self, games: Games) -> Floats:
        self._room(games)
        columns: list[Floats] = []
        for values in zip(self._side(games.home, games), self._side(games.away, games), strict=True):
            columns.extend(values)
        rest_home, rest_away, known_home, known_away, here_home, here_away, round_home, round_away, *season = columns
        return np.column_stack(
            [
                rest_home, rest_away, known_home, known_away, here_home, here_away, round_home, round_away,
                season[0] - season[1], season[2] - season[3], games.ground, games.weight, np.minimum(self.leagues[games.league], 500),
            ]
        )  # fmt: skip

    def learn(self, games: Games) -> None:
        margin = games.goals[:, 0] - games.goals[:, 1]
        for teams, gains in ((games.home, margin), (games.away, -margin)):
            for rows in turns(teams):
                self._take_in(teams[rows], games.league[rows], games.day[rows], gains[rows])
        np.add.at(self.leagues, games.league, 1)

    def _take_in(self, team: Ints, league: Ints, day: Ints, gain: Floats) -> None:
        """A match of each of these teams, none of which is there twice."""
        fresh = day - self.last[team] > self._gap
        self.season[team] = np.where(fresh[:, None], 0.0, self.season[team])
        self.season[team] += np.column_stack([np.ones(len(gain)), 3.0 * (gain > 0) + (gain == 0), gain])
        self.here[team] = np.where(self.league[team] == league, self.here[team], 0) + 1
        self.league[team], self.last[team] = league, day
        self.played[team] += 1

    def _room(self, games: Games) -> None:
        rows = int(max(games.home.max(), games.away.max())) + 1
        self.last, self.played = grown(self.last, rows, NEVER), grown(self.played, rows, 0)
        self.league, self.here = grown(self.league, rows, -1), grown(self.here, rows, 0)
        self.season = grown(self.season, rows, 0)
        self.leagues = grown(self.leagues, int(games.league.max()) + 1, 0)

    def _side(self, team: Ints, games: Games) -> tuple[Floats, ...]:
        last = self.last[team]
        gap = np.where(last == NEVER, 365, games.day - last)
        same = (gap <= self._gap)[:, None]
        season = np.where(same, self.season[team], 0.0)
        number = season[:, 0]
        here = np.where(self.league[team] == games.league, self.here[team], 0)
        return (
            np.minimum(gap, 14).astype(np.float64),
            np.log1p(np.minimum(self.played[team], 200)),
            np.minimum(here, 80).astype(np.float64),
            number,
            (season[:, 1] + 4.0) / (number + 3.0),
            season[:, 2] / (number + 5.0),
        )
