"""Ratings of teams, streamed once through time, one day of matches at a time.

Every rating answers for all matches of a day from the state of its morning, and only then learns that day's results: no
match sees itself or another of its own day. State is a few arrays indexed by team and by league, so that a new day is
taken in without going back to the beginning, and gives bit for bit what a run from the beginning gives.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

NEVER = -(2**40)  # the day of a team's last match before its first: earlier than any, also than those before 1970


class Games(NamedTuple):
    """Matches as columns of equal length. `home` and `away` number the teams, `league` the competitions; `tier` is 1 for a
    country's first division; `season` numbers the seasons, -1 where that is not known.

    `ground` is 1 where the first side plays at home and 0 on neutral ground; `weight` says how much a match counts
    (friendly 0.5, World Cup 1.5, leagues 1); `goals`, shape (n, 2), is missing until played; `chances`, shape (n, 2), is
    what the shots were worth in goals, missing where they were not counted.
    """

    day: Ints
    home: Ints
    away: Ints
    league: Ints
    tier: Ints
    season: Ints
    ground: Floats
    weight: Floats
    goals: Floats
    chances: Floats

    def take(self, rows: Ints | slice | NDArray[np.bool_]) -> Games:
        return self._replace(**{name: column[rows] for name, column in self._asdict().items()})

    def played(self) -> Games:
        """Those with a result."""
        return self.take(~np.isnan(self.goals.sum(axis=1)))


class Rating(Protocol):
    """Something known of both sides before a match, learnt from results."""

    names: tuple[str, ...]

    def before(self, games: Games) -> Floats:
        """One row a match, one column for each of `names`; all of one day, from strictly earlier days."""

    def learn(self, games: Games) -> None:
        """Take in the played matches of one day, all from the state of its morning."""


def days(games: Games) -> list[slice]:
    """The runs of equal days; `games` must be ordered by day."""
    if not len(games.day):
        return []
    edges = np.flatnonzero(np.diff(games.day)) + 1
    return [slice(int(start), int(stop)) for start, stop in zip([0, *edges], [*edges, len(games.day)], strict=True)]


def stream(games: Games, ratings: Sequence[Rating]) -> Floats:
    """The numbers of all ratings for each game, side by side, shape (n, sum of names); changes the ratings' state."""
    found = np.empty((len(games.day), sum(len(rating.names) for rating in ratings)))
    for rows in days(games):
        today = games.take(rows)
        np.concatenate([rating.before(today) for rating in ratings], axis=1, out=found[rows])
        finished = today.played()
        if len(finished.day):
            for rating in ratings:
                rating.learn(finished)
    return found


@dataclass(frozen=True)
class Rest:
    """What happens to a rating between matches, and what a newcomer gets, in units of the rating.

    After `gap` days without a match, a summer, a team keeps `kept` of its distance to the level of its league. A team
    not seen before starts `below` the level of the league it appears in. A league's level is a moving mean, by `pace`, of
    the teams that play in it; it starts at the mean of all leagues' levels.
    """

    gap: int = 45
    kept: float = 1.0
    below: float = 0.0
    pace: float = 0.02


class Table:
    """Numbers a team, `width` of them, with the day each team last played and the level of each league."""

    def __init__(self, width: int, rest: Rest) -> None:
        self.rest = rest
        self.width = width
        self.values = np.zeros((64, width))
        self.last = np.full(64, NEVER, dtype=np.int64)
        self.levels = np.full((16, width), np.nan)

    def room(self, games: Games) -> None:
        """Make room for teams and leagues not met before."""
        most = int(max(games.home.max(), games.away.max())) + 1
        if most > len(self.last):
            more = max(most, 2 * len(self.last)) - len(self.last)
            self.values = np.vstack([self.values, np.zeros((more, self.width))])
            self.last = np.concatenate([self.last, np.full(more, NEVER, dtype=np.int64)])
        leagues = int(games.league.max()) + 1
        if leagues > len(self.levels):
            more = max(leagues, 2 * len(self.levels)) - len(self.levels)
            self.levels = np.vstack([self.levels, np.full((more, self.width), np.nan)])

    def level(self, league: Ints) -> Floats:
        found = self.levels[league]
        return np.where(np.isnan(found), 0.0, found)

    def of(self, team: Ints, games: Games) -> Floats:
        """The teams' numbers on the morning of the games, shape (n, width)."""
        last = self.last[team]
        values = self.values[team]
        level = self.level(games.league)
        values = np.where((last == NEVER)[:, None], level - self.rest.below, values)
        rested = (last != NEVER) & (games.day - last > self.rest.gap)
        return np.where(rested[:, None], level + self.rest.kept * (values - level), values)

    def put(self, games: Games, home: Floats, away: Floats, home_change: Floats, away_change: Floats) -> None:
        """Set both sides to what they had that morning, plus the changes of all their matches of that day."""
        self.values[games.home], self.values[games.away] = home, away
        np.add.at(self.values, games.home, home_change)
        np.add.at(self.values, games.away, away_change)
        self.last[games.home] = games.day
        self.last[games.away] = games.day
        self._settle(games)

    def _settle(self, games: Games) -> None:
        """Let the level of each league follow the teams that have just played in it."""
        pace = self.rest.pace
        means = (self.values[games.home] + self.values[games.away]) / 2
        for league in np.unique(games.league):
            here = means[games.league == league]
            number = len(here)
            mean = here.sum(axis=0) / number
            old = self.levels[league]
            kept = (1 - pace) ** number
            self.levels[league] = np.where(np.isnan(old), mean, kept * old + (1 - kept) * mean)


@dataclass(frozen=True)
class EloPace:
    """K points a result, times ((1 + |margin|) / 2) to the power of `goals`; `home` points for the ground."""

    k: float
    home: float
    goals: float = 1.0
    weight: float = 0.0
    rest: Rest = Rest()


class Elo:
    """Elo (1978), The Rating of Chessplayers, with the margin of victory; 400 points are ten to one.

    The weight of the match enters to the power of `pace.weight`.
    """

    def __init__(self, name: str, pace: EloPace) -> None:
        self.names: tuple[str, ...] = (name,)
        self._pace = pace
        self.table = Table(1, pace.rest)

    def before(self, games: Games) -> Floats:
        self.table.room(games)
        return self.table.of(games.home, games) - self.table.of(games.away, games)

    def learn(self, games: Games) -> None:
        pace, margin = self._pace, games.goals[:, 0] - games.goals[:, 1]
        home, away = self.table.of(games.home, games), self.table.of(games.away, games)
        expected = 1 / (1 + 10 ** (-(home[:, 0] - away[:, 0] + pace.home * games.ground) / 400))
        step = pace.k * games.weight**pace.weight * ((1 + np.abs(margin)) / 2) ** pace.goals
        change = (step * ((np.sign(margin) + 1) / 2 - expected))[:, None]
        self.table.put(games, home, away, change, -change)


@dataclass(frozen=True)
class PiPace:
    """`rate` learns from the error at this ground, `across` carries to the other ground (lambda and gamma)."""

    rate: float
    across: float = 0.7
    scale: float = 3.0
    rest: Rest = Rest()


class Pi:
    """pi-ratings (Constantinou and Fenton 2013, "Determining the level of ability of football teams"): home and away."""

    def __init__(self, name: str, pace: PiPace) -> None:
        self.names: tuple[str, ...] = (name,)
        self._pace = pace
        self.table = Table(2, pace.rest)

    def before(self, games: Games) -> Floats:
        self.table.room(games)
        home, away = self._sides(games)
        return (self._goals(home) - self._goals(away))[:, None]

    def learn(self, games: Games) -> None:
        pace = self._pace
        at_home, on_road = self._sides(games)
        error = games.goals[:, 0] - games.goals[:, 1] - (self._goals(at_home) - self._goals(on_road))
        step = pace.rate * np.sign(error) * pace.scale * np.log10(1 + np.abs(error))
        far = (1 - games.ground) * (1 + pace.across) / 2
        near, across = games.ground + far, games.ground * pace.across + far
        home, away = self.table.of(games.home, games), self.table.of(games.away, games)
        self.table.put(games, home, away, np.column_stack([step * near, step * across]), -np.column_stack([step * across, step * near]))

    def _sides(self, games: Games) -> tuple[Floats, Floats]:
        """What each side is worth here; on neutral ground the mean of home and away."""
        home, away = self.table.of(games.home, games), self.table.of(games.away, games)
        here = games.ground
        return here * home[:, 0] + (1 - here) * home.sum(axis=1) / 2, here * away[:, 1] + (1 - here) * away.sum(axis=1) / 2

    def _goals(self, rating: Floats) -> Floats:
        scale = self._pace.scale
        return np.sign(rating) * (10 ** (np.abs(rating) / scale) - 1)


class Ground:
    """How many goals a league sees, and what the ground is worth there: two slow numbers a league, in logarithms."""

    def __init__(self, goals: float, home: float, rate: float) -> None:
        self._start = np.array([np.log(goals), home])
        self._rate = rate
        self.values = np.empty((0, 2))

    def room(self, games: Games) -> None:
        more = int(games.league.max()) + 1 - len(self.values)
        if more > 0:
            self.values = np.vstack([self.values, np.tile(self._start, (more, 1))])

    def of(self, games: Games) -> tuple[Floats, Floats]:
        """Base log goals of the first and of the second side."""
        mean, half = self.values[games.league, 0], self.values[games.league, 1] * games.ground / 2
        return mean + half, mean - half

    def learn(self, games: Games, home_error: Floats, away_error: Floats) -> None:
        """Errors are goals minus expected goals."""
        np.add.at(self.values[:, 0], games.league, self._rate * (home_error + away_error) / 2)
        np.add.at(self.values[:, 1], games.league, self._rate * games.ground * (home_error - away_error))


@dataclass(frozen=True)
class PoissonPace:
    """`rate` a goal of error; goals are capped at `cap`; `weight` is the power of the match's weight; `shots` is the share
    of the shots' worth in what counts as goals, where shots are known."""

    rate: float
    goals: float = 1.35
    home: float = 0.25
    ground_rate: float = 0.002
    cap: float = 10.0
    weight: float = 0.0
    shots: float = 0.0
    rest: Rest = Rest()


class ScoreDriven:
    """Attack and defence moved by the score of a Poisson likelihood (Koopman and Lit 2019, "Forecasting football match
    results in national league competitions using score-driven time series models"; Creal, Koopman and Lucas 2013).
    """

    def __init__(self, name: str, pace: PoissonPace) -> None:
        self.names: tuple[str, ...] = (f"{name}_home", f"{name}_away")
        self._pace = pace
        self.table = Table(2, pace.rest)
        self.ground = Ground(pace.goals, pace.home, pace.ground_rate)

    def before(self, games: Games) -> Floats:
        """Log of the expected goals of both sides."""
        self.table.room(games)
        self.ground.room(games)
        return np.column_stack(self._expect(games, *self._sides(games)))

    def learn(self, games: Games) -> None:
        pace = self._pace
        home, away = self._sides(games)
        first, second = self._expect(games, home, away)
        counted = counted_goals(games, pace.shots, pace.cap)
        errors = counted[:, 0] - np.exp(first), counted[:, 1] - np.exp(second)
        step = pace.rate / pace.goals * games.weight**pace.weight
        gain, loss = step * errors[0], step * errors[1]
        self.table.put(games, home, away, np.column_stack([gain, -loss]), np.column_stack([loss, -gain]))
        self.ground.learn(games, *errors)

    def _sides(self, games: Games) -> tuple[Floats, Floats]:
        return self.table.of(games.home, games), self.table.of(games.away, games)

    def _expect(self, games: Games, home: Floats, away: Floats) -> tuple[Floats, Floats]:
        base = self.ground.of(games)
        return base[0] + home[:, 0] - away[:, 1], base[1] + away[:, 0] - home[:, 1]


def counted_goals(games: Games, shots: float, cap: float) -> Floats:
    """Goals up to a cap, mixed with what the shots were worth where that is known."""
    goals = np.minimum(games.goals, cap)
    known = ~np.isnan(games.chances)
    mixed: Floats = np.where(known, (1 - shots) * goals + shots * np.where(known, games.chances, 0.0), goals)
    return mixed
