"""What can happen in a match: the outcome, its probabilities, and the grid of scorelines behind them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from math import factorial, isclose

import numpy as np
from numpy.typing import NDArray

FLOOR = 0.001
GOALS = 11  # a grid holds 0 to 10 goals a side
TYPICAL_TOTAL = 2.7  # goals a match, both sides, in European league football
LEAST_TOTAL, MOST_TOTAL = 1.0, 7.0  # beyond these a grid up to ten goals a side would be bent

Floats = NDArray[np.float64]

_GOALS = np.arange(GOALS)
_FACTORIALS = np.array([factorial(goals) for goals in range(GOALS)], dtype=np.float64)


class Outcome(IntEnum):
    """The result after 90 minutes; the value is the class that models and callers use."""

    HOME = 0
    DRAW = 1
    AWAY = 2

    @property
    def label(self) -> str:
        return ("home_win", "draw", "away_win")[self]

    @classmethod
    def of(cls, home_score: float, away_score: float) -> Outcome:
        if home_score > away_score:
            return cls.HOME
        return cls.DRAW if home_score == away_score else cls.AWAY


@dataclass(frozen=True)
class Probabilities:
    """The chances of a home win, a draw and an away win. They always sum to one (within 1e-6)."""

    home: float
    draw: float
    away: float

    def __post_init__(self) -> None:
        chances = (self.home, self.draw, self.away)
        if not min(chances) >= 0 or not isclose(sum(chances), 1, abs_tol=1e-6):
            raise ValueError(f"not probabilities: {chances}")

    def as_tuple(self) -> tuple[float, float, float]:
        return (self.home, self.draw, self.away)

    @property
    def likeliest(self) -> Outcome:
        chances = self.as_tuple()
        return Outcome(chances.index(max(chances)))

    def percentages(self) -> tuple[int, int, int]:
        """Whole per cents that sum to 100, by largest remainder."""
        return whole_percentages(self.as_tuple())


def whole_percentages(chances: tuple[float, float, float]) -> tuple[int, int, int]:
    """Round three chances that sum to one to whole per cents that sum to 100 (largest remainder, ties to the earlier)."""
    exact = [100 * chance for chance in chances]
    whole = [int(value) for value in exact]
    by_remainder = sorted(range(3), key=lambda i: (whole[i] - exact[i], i))
    for i in by_remainder[: 100 - sum(whole)]:
        whole[i] += 1
    return whole[0], whole[1], whole[2]


def floored(chances: Floats, floor: float = FLOOR) -> Floats:
    """Probabilities, shape (n, 3), with none below `floor`, each row still summing to one.

    Mixing with the uniform forecast keeps the order of the three and needs no second pass.
    """
    return (1 - 3 * floor) * chances + floor


@dataclass(frozen=True)
class ScoreGrid:
    """The chance of each scoreline: `chances[home goals, away goals]`, shape (11, 11), summing to one."""

    chances: Floats

    @property
    def likeliest(self) -> tuple[int, int]:
        home, away = np.unravel_index(int(self.chances.argmax()), self.chances.shape)
        return int(home), int(away)

    @property
    def expected_goals(self) -> tuple[float, float]:
        return float(self.chances.sum(axis=1) @ _GOALS), float(self.chances.sum(axis=0) @ _GOALS)

    def over(self, line: float) -> float:
        """The chance of more than `line` goals in all."""
        home, away = np.indices(self.chances.shape)
        return float(self.chances[home + away > line].sum())

    @property
    def both_score(self) -> float:
        return float(self.chances[1:, 1:].sum())

    def margins(self) -> Probabilities:
        """The chances of home win, draw and away win that the grid implies."""
        draw = float(np.trace(self.chances))
        home = float(np.tril(self.chances, -1).sum())
        return Probabilities(home, draw, 1 - home - draw)


def score_grid(probabilities: Probabilities, total: float = TYPICAL_TOTAL) -> ScoreGrid:
    """The grid of scorelines whose margins are exactly these probabilities.

    Two independent Poisson counts with `total` expected goals in all are given the supremacy whose home and away
    chances stand in the forecast's ratio (Maher 1982, "Modelling association football scores"); then the three
    regions of the grid, home, draw and away, are each scaled to the forecast's number.
    """
    total = min(max(total, LEAST_TOTAL), MOST_TOTAL)
    home_share = _home_share(round(probabilities.home / (probabilities.home + probabilities.away), 12), total)
    grid = np.outer(poisson(total * home_share), poisson(total * (1 - home_share)))
    home, away = np.indices(grid.shape)
    for region, chance in ((home > away, probabilities.home), (home == away, probabilities.draw), (home < away, probabilities.away)):
        grid[region] *= chance / grid[region].sum()
    return ScoreGrid(grid / grid.sum())


def poisson(mean: float) -> Floats:
    """The chances of 0 to 10 goals when `mean` are expected, shape (11,). Written out, since SciPy's import takes a second."""
    chances: Floats = mean**_GOALS * np.exp(-mean) / _FACTORIALS
    return chances


def _home_share(decided: float, total: float) -> float:
    """The home side's share of the expected goals at which it wins `decided` of the matches that are not drawn.

    Found by the Illinois form of false position (Dowell and Jarratt 1971), in some eight steps: the share of wins only rises with
    the share of goals.
    """
    least, most = 0.005, 0.995
    below, above = _wins(least, total) - decided, _wins(most, total) - decided
    if below >= 0 or above <= 0:
        return least if below >= 0 else most
    moved = 0
    while most - least > 1e-12:
        middle = (least * above - most * below) / (above - below)
        found = _wins(middle, total) - decided
        if abs(found) < 1e-13:
            return middle
        if found < 0:
            least, below, above, moved = middle, found, above / 2 if moved < 0 else above, -1
        else:
            most, above, below, moved = middle, found, below / 2 if moved > 0 else below, 1
    return (least + most) / 2


def _wins(share: float, total: float) -> float:
    """How many of the matches that are not drawn the home side wins at this share of the expected goals."""
    home_goals, away_goals = poisson(total * share), poisson(total * (1 - share))
    # A side wins with a goals if the other scores fewer: the running sum before that number.
    home = float(home_goals @ (np.cumsum(away_goals) - away_goals))
    away = float(away_goals @ (np.cumsum(home_goals) - home_goals))
    return home / (home + away)
