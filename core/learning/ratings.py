"""Ratings of teams, streamed once through time: what was known of both sides on the morning of each match.

Every rating answers for a whole day before it learns that day's results, so that no match sees itself, or another of its
own day. The state is a handful of numbers a team: new results are taken in without going back to the beginning.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import copysign, exp, log10
from typing import NamedTuple, Protocol


class Game(NamedTuple):
    """One match as the ratings see it. `margin` is home minus away goals, or None when there is no result to learn from.

    `day` counts days; `home` and `away` number the teams, men and women apart; `league` numbers the competitions;
    `tier` is 1 for a country's first division; `weight` says how much an international match counts (friendly 0.5).
    """

    day: int
    home: int
    away: int
    league: int
    tier: int
    sex: int
    national: bool
    neutral: bool
    weight: float
    margin: int | None


class Rating(Protocol):
    """Something known of both sides before a match, learnt from results."""

    @property
    def names(self) -> tuple[str, ...]: ...

    def before(self, game: Game) -> tuple[float, ...]:
        """One number for each of `names`, from strictly earlier days."""

    def learn(self, games: Sequence[Game]) -> None:
        """Take in the results of one day, all from the state of its morning."""


def stream(games: Sequence[Game], ratings: Sequence[Rating]) -> Iterator[tuple[float, ...]]:
    """For each game, in order, the numbers of all ratings, side by side. `games` must be sorted by day."""
    for _, same_day in groupby(games, key=lambda game: game.day):
        today = list(same_day)
        for game in today:
            yield tuple(number for rating in ratings for number in rating.before(game))
        played = [game for game in today if game.margin is not None]
        for rating in ratings:
            rating.learn(played)


@dataclass(frozen=True)
class Arrival:
    """What to assume of a team not seen before, or not for long, in units of the rating.

    It starts `below` the level of the teams it meets; a new competition starts at `start`, lower by `step` a division.
    After `patience` days without a match a rating moves back there, by 1/e each `memory` days.
    """

    start: float = 0.0
    step: float = 0.0
    below: float = 0.0
    patience: int = 120
    memory: float = 600.0


class Strengths:
    """One number a team, and the level of each competition: a moving mean of the teams that play in it."""

    LEVEL_RATE = 0.02

    def __init__(self, clubs: Arrival, nations: Arrival) -> None:
        self._clubs, self._nations = clubs, nations
        self._known: dict[int, tuple[float, int]] = {}
        self._levels: dict[int, float] = {}

    def of(self, team: int, game: Game) -> float:
        """The team's number on the morning of the game."""
        arrival = self._nations if game.national else self._clubs
        found = self._known.get(team)
        if found is None:
            return self._newcomer(game, arrival)
        value, last = found
        absent = game.day - last - arrival.patience
        if absent <= 0:
            return value
        kept = exp(-absent / arrival.memory)
        return kept * value + (1 - kept) * self._newcomer(game, arrival)

    def move(self, team: int, game: Game, change: float) -> None:
        """Add `change` to what the team had that morning, or has by now if it plays twice that day."""
        found = self._known.get(team)
        value = found[0] if found and found[1] == game.day else self.of(team, game)
        self._known[team] = (value + change, game.day)

    def settle(self, games: Sequence[Game]) -> None:
        """Let the levels of the competitions follow the teams that have just played in them.

        Only when all of the day's moves are made: until then a newcomer is taken as it was in the morning.
        """
        for game in games:
            mean = (self._known[game.home][0] + self._known[game.away][0]) / 2
            level = self._levels.get(game.league, mean)
            self._levels[game.league] = level + self.LEVEL_RATE * (mean - level)

    def _newcomer(self, game: Game, arrival: Arrival) -> float:
        level = None if game.national else self._levels.get(game.league)
        return arrival.start - arrival.step * (game.tier - 1) if level is None else level - arrival.below


@dataclass(frozen=True)
class EloPace:
    """How far one result moves an Elo rating: `k` points, times ((1 + |margin|) / 2) to the power of `goals`."""

    k: float
    goals: float = 1.0


class Elo:
    """Elo (1978) with the margin of victory: K x (1 + |goal difference|) / 2, 400 points being ten to one.

    `home` points stand for the ground: clubs 65, national teams 90; none on neutral ground.
    """

    CLUB_GROUND, NATION_GROUND = 65.0, 90.0

    def __init__(self, name: str, club: EloPace, men: EloPace, women: EloPace) -> None:
        self.names = (name,)
        self._club, self._nation = club, (men, women)
        self._strengths = Strengths(Arrival(1500.0, 150.0, 110.0, memory=1500.0), Arrival(1300.0, memory=4000.0))

    def before(self, game: Game) -> tuple[float]:
        return (self._gap(game),)

    def learn(self, games: Sequence[Game]) -> None:
        changes = [(game, self._change(game, game.margin)) for game in games if game.margin is not None]
        for game, change in changes:
            self._strengths.move(game.home, game, change)
            self._strengths.move(game.away, game, -change)
        self._strengths.settle(games)

    def _gap(self, game: Game) -> float:
        return self._strengths.of(game.home, game) - self._strengths.of(game.away, game)

    def _change(self, game: Game, margin: int) -> float:
        pace = self._nation[game.sex] if game.national else self._club
        ground = 0.0 if game.neutral else self.NATION_GROUND if game.national else self.CLUB_GROUND
        expected = 1 / (1 + 10 ** (-(self._gap(game) + ground) / 400))
        scored = 1.0 if margin > 0 else 0.5 if margin == 0 else 0.0
        weight = game.weight**0.7 if game.national else 1.0
        return float(pace.k * weight * ((1 + abs(margin)) / 2) ** pace.goals * (scored - expected))


class Pi:
    """Pi-ratings (Constantinou and Fenton 2013): a home and an away rating a team, in goals against an average side.

    On neutral ground both sides are taken at the mean of their two ratings.
    """

    C, GAMMA = 3.0, 0.7
    CLUB, MEN, WOMEN = 0.035, 0.055, 0.10

    def __init__(self, name: str = "pi_diff") -> None:
        self.names = (name,)
        clubs, nations = Arrival(0.0, 0.5, 0.45, memory=1500.0), Arrival(-0.5, memory=4000.0)
        self._at_home, self._away = Strengths(clubs, nations), Strengths(clubs, nations)

    def before(self, game: Game) -> tuple[float]:
        home, away = self._pair(game)
        return (home - away,)

    def learn(self, games: Sequence[Game]) -> None:
        changes = [(game, self._change(game, game.margin)) for game in games if game.margin is not None]
        for game, change in changes:
            self._at_home.move(game.home, game, change)
            self._away.move(game.home, game, change * self.GAMMA)
            self._away.move(game.away, game, -change)
            self._at_home.move(game.away, game, -change * self.GAMMA)
        self._at_home.settle(games)
        self._away.settle(games)

    def _pair(self, game: Game) -> tuple[float, float]:
        home, away = self._at_home.of(game.home, game), self._away.of(game.away, game)
        if game.neutral:
            home = (home + self._away.of(game.home, game)) / 2
            away = (away + self._at_home.of(game.away, game)) / 2
        return home, away

    def _change(self, game: Game, margin: int) -> float:
        home, away = self._pair(game)
        error = margin - (self._goals(home) - self._goals(away))
        rate = (self.WOMEN if game.sex else self.MEN) if game.national else self.CLUB
        return rate * copysign(self.C * log10(1 + abs(error)), error)

    def _goals(self, rating: float) -> float:
        return copysign(10 ** (abs(rating) / self.C) - 1, rating)
