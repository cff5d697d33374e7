"""Ratings of nations: the mean of several joint filters, and what a side's own ground is worth beyond the usual."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.learning.joint import JointFilter
from core.learning.streams import Floats, Games, Rating
from core.learning.windows import grown


class Averaged:
    """The mean of what filters of one name say whose constants differ, where the results cannot tell which are right
    (Hoeting, Madigan, Raftery and Volinsky 1999, "Bayesian model averaging")."""

    def __init__(self, filters: Sequence[JointFilter]) -> None:
        self.names: tuple[str, ...] = filters[0].names
        self.filters = list(filters)

    def before(self, games: Games) -> Floats:
        total: Floats = sum((one.before(games) for one in self.filters[1:]), self.filters[0].before(games))
        return total / len(self.filters)

    def learn(self, games: Games) -> None:
        for one in self.filters:
            one.learn(games)


class OwnGround:
    """A rating of goals, and how many goals more than it expects the home sides won by in the matches of either side.

    A side that does better at home and worse away than its strength has a ground of its own: altitude, heat, long journeys. The
    mean over its matches is shrunk as if PRIOR more had gone as expected; 0 on neutral ground.
    """

    PRIOR = 40.0

    def __init__(self, rating: Rating) -> None:
        self.names: tuple[str, ...] = (*rating.names, "own_ground")
        self.rating = rating
        self.surplus = np.zeros(64)
        self.number = np.zeros(64, dtype=np.int64)

    def before(self, games: Games) -> Floats:
        teams = np.column_stack([games.home, games.away])
        rows = int(teams.max()) + 1
        self.surplus, self.number = grown(self.surplus, rows, 0), grown(self.number, rows, 0)
        worth = (self.surplus[teams] / (self.number[teams] + self.PRIOR)).sum(axis=1)
        return np.column_stack([self.rating.before(games), games.ground * worth])

    def learn(self, games: Games) -> None:
        rates = np.exp(self.rating.before(games)[:, :2])
        surplus = (games.goals[:, 0] - games.goals[:, 1] - rates[:, 0] + rates[:, 1]) * games.ground
        for team in (games.home, games.away):
            np.add.at(self.surplus, team, surplus)
            np.add.at(self.number, team, games.ground > 0)
        self.rating.learn(games)
